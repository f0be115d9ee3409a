/**
 * A call with the customer's own provider key (R8.1): passed on and recorded. The ledger is not among its parts, so
 * nothing here can ask it, hold or charge (I9).
 */
import { askedOfProvider, carried, tellEnd } from "./call-span.ts"
import { upstreamBody } from "./chat-request.ts"
import type { CustomerAnswer } from "./customer-answer.ts"
import { type IncomingCall, withoutFields } from "./hosted-call.ts"
import type { GatewayMetrics } from "./metrics.ts"
import { upstreamFailed, upstreamRefusal } from "./refusal.ts"
import { relayWhole, StreamRelay } from "./relay.ts"
import type { Recording } from "./settlement.ts"
import { readUpstreamRefusal, type Upstream } from "./upstream.ts"
import type { CallRecord } from "./usage.ts"

export interface ByokParts {
  readonly recording: Recording
  readonly upstream: Upstream
  readonly metrics: Pick<GatewayMetrics, "callEnded">
}

export const byokCall = async (
  parts: ByokParts,
  incoming: IncomingCall,
  providerKey: string,
  customer: CustomerAnswer,
): Promise<void> => {
  const { request, route, span } = incoming
  const traceparent = carried(span)
  const call: CallRecord & { readonly mode: "byok" } = {
    requestId: incoming.requestId,
    account: incoming.account,
    mode: "byok",
    provider: route.provider.name,
    model: request.model,
    startedAt: incoming.startedAt,
    holdId: "",
    inputTokensFair: request.inputTokensFair,
    ...(traceparent !== undefined && { traceparent }),
  }
  const body = upstreamBody(request, {
    model: route.model.upstream,
    maxOutputTokens: null,
    limitField: route.provider.limitField,
    // What the customer pays the provider is between the two.
    without: withoutFields(route).filter((field) => field !== "service_tier"),
  })
  const signal = request.stream ? customer.gone : new AbortController().signal
  let response: Response
  try {
    response = await askedOfProvider(span, route.provider, request.model, () =>
      parts.upstream(route.provider, { body, key: providerKey, signal }),
    )
  } catch {
    parts.metrics.callEnded("byok", customer.isGone ? "cancelled" : "failed", 0)
    return customer.refuse(upstreamFailed)
  }
  if (!response.ok) {
    const refusal = upstreamRefusal(await readUpstreamRefusal(response), true)
    parts.metrics.callEnded("byok", refusal.status >= 500 ? "failed" : "refused", 0)
    return customer.refuse(refusal)
  }
  parts.recording.begun(call)
  const meter = (produced: number): boolean => {
    parts.recording.produced(call.requestId, produced)
    return true
  }
  const { end, finish } = request.stream
    ? await new StreamRelay(customer, request, meter).run(response)
    : await relayWhole(response, customer, request.model)
  parts.recording.ended(call, end)
  parts.metrics.callEnded("byok", end.status, end.usage?.output ?? end.produced)
  tellEnd(span, end, request.inputTokensFair)
  await finish()
}
