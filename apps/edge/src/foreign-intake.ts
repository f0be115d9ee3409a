/**
 * A request of OpenMeter's shape as messages of the usage stream: one event or an array, all of it or nothing, as those
 * who send it expect. Pure. The first event that is wrong is named; the mapping is `foreign-usage.ts`.
 */
import { type BadRequest, makeProblem } from "@credits/contracts/http"
import type { PriceBook } from "@credits/pricebook"
import { usageOfForeign } from "./foreign-usage.ts"
import { EVENTS_PER_REQUEST_MAX, takeUsage, type UsageIntake } from "./usage-intake.ts"

const wrong = (field: string, detail: string): BadRequest =>
  makeProblem(400, "invalid_request", detail, { field, errors: [{ field, detail }] })

/** `[3].data.model` in a batch, `data.model` of a single event. */
const place = (isBatch: boolean, index: number, field: string): string =>
  isBatch ? `[${index}]${field === "" ? "" : `.${field}`}` : field

export const takeForeign = (body: unknown, book: PriceBook): UsageIntake | BadRequest => {
  const isBatch = Array.isArray(body)
  const events = (isBatch ? body : [body]) as ReadonlyArray<unknown>
  if (events.length > EVENTS_PER_REQUEST_MAX) return wrong("", `send at most ${EVENTS_PER_REQUEST_MAX} events at once`)
  const mapped: Array<unknown> = []
  for (const [index, event] of events.entries()) {
    const one = usageOfForeign(event, book)
    if ("detail" in one) return wrong(place(isBatch, index, one.field), one.detail)
    mapped.push(one.event)
  }
  const taken = takeUsage(mapped)
  const [rejected] = taken.rejected
  if (rejected === undefined) return taken
  const index = mapped.findIndex((event) => (event as { readonly id?: unknown }).id === rejected.id)
  return wrong(place(isBatch, Math.max(0, index), ""), rejected.detail)
}
