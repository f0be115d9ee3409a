/**
 * From which instant a version may hold: from now on, and a book that corrects another one also for the past
 * (R7.1, R7.4). Pure. Owns what is refused at publication for its instant.
 */
import type { PricingRefusal } from "@credits/contracts"
import { formatInstant, type Instant } from "@credits/kernel"
import { dearerThan, type PriceBook } from "@credits/pricebook"

/** R0.1, R7.1: what was published holds for what has happened since. */
export const refusePast = ({ effectiveAt }: { readonly effectiveAt: Instant }, now: Instant): PricingRefusal | null =>
  effectiveAt < now
    ? {
        code: "effective_in_past",
        detail: `effectiveAt lies before now (${formatInstant(now)})`,
        field: "effectiveAt",
      }
    : null

/**
 * R7.4: a correction begins where the version it corrects is in force, and is dearer for no call: usage of that time
 * that is still to come is priced with it. `inForce`: at the book's instant, corrections published before included.
 */
export const refuseBook = (book: PriceBook, now: Instant, inForce: PriceBook | null): PricingRefusal | null => {
  const { corrects, effectiveAt } = book
  if (corrects === null) return refusePast(book, now)
  if (effectiveAt >= now)
    return { code: "invalid", detail: "a correction begins in the past: leave out corrects", field: "effectiveAt" }
  if (inForce?.version !== corrects) {
    const holds = inForce === null ? "no book is" : `${inForce.version} is`
    return { code: "invalid", detail: `at ${formatInstant(effectiveAt)} ${holds} in force`, field: "corrects" }
  }
  const invalid = dearerThan(book, inForce)
  const first = invalid[0]
  return first === undefined ? null : { code: "invalid", detail: first.detail, field: first.field, invalid }
}
