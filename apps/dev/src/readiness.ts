/** When a service is ready: it says so itself, over the interface that its users use. */
import { ask, type BusHandle } from "@credits/bus"
import type { ControlAnswer } from "@credits/contracts"
import { CONTROLS, type ServiceName } from "./service.ts"

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

/** @param readyUrl where a service without a control subject says that it is ready: 200 */
export const isReady = async (service: ServiceName, bus: BusHandle, readyUrl: string): Promise<boolean> => {
  const subject = CONTROLS[service]
  if (subject !== undefined) return (await readStatus(bus, subject))?.ready === true
  try {
    const response = await fetch(readyUrl, { signal: AbortSignal.timeout(ASK_MS) })
    await response.body?.cancel()
    return response.status === 200
  } catch {
    return false
  }
}
