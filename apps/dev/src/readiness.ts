/** When a service is ready: it says so itself, over the interface that its users use. */
import { ask, type BusHandle } from "@credits/bus"
import { type ControlAnswer, SUBJECTS } from "@credits/contracts"
import type { ServiceName } from "./config.ts"

const ASK_MS = 1_000

/** The `status` answer of a service that has a control subject; undefined when it does not answer. */
export const readStatus = async (bus: BusHandle, subject: string): Promise<ControlAnswer | undefined> => {
  try {
    const text = await ask(bus.connection, subject, JSON.stringify({ op: "status" }), ASK_MS)
    const answer = JSON.parse(text) as ControlAnswer & { readonly ok?: ControlAnswer }
    return answer.ok ?? answer
  } catch {
    return undefined
  }
}

const CONTROL: Readonly<Partial<Record<ServiceName, string>>> = {
  ledger: SUBJECTS.ledgerControl,
  pricing: SUBJECTS.pricingControl,
}

export const isReady = async (service: ServiceName, bus: BusHandle, httpUrl: string): Promise<boolean> => {
  const subject = CONTROL[service]
  if (subject !== undefined) return (await readStatus(bus, subject))?.ready === true
  try {
    const response = await fetch(`${httpUrl}/readyz`, { signal: AbortSignal.timeout(ASK_MS) })
    await response.body?.cancel()
    return response.status === 200
  } catch {
    return false
  }
}
