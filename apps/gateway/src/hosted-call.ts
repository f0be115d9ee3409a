/**
 * A hosted call: hold what it can cost at most, ask the provider, pass the answer on, settle what it really cost (R6).
 * Owns the order of these; amounts come from `cover.ts`, ends go to the settlement.
 */
import type { Gateway, Hold } from "@credits/client"
import type { Nano } from "@credits/kernel"
import type { Span } from "@credits/telemetry"
import { askedOfCredit, askedOfProvider, carried, tellEnd } from "./call-span.ts"
import { type ChatRequest, upstreamBody } from "./chat-request.ts"
import { type Cover, type CostOf, firstCover, isBeyond, isNear, nextStep, tokensFor } from "./cover.ts"
import type { CustomerAnswer } from "./customer-answer.ts"
import type { GatewayMetrics } from "./metrics.ts"
import type { Route } from "./provider.ts"
import { refusalOf, upstreamFailed, upstreamRefusal } from "./refusal.ts"
import { type Meter, relayWhole, StreamRelay } from "./relay.ts"
import type { Settlement } from "./settlement.ts"
import { readUpstreamRefusal, type Upstream } from "./upstream.ts"
import type { CallEnd, CallRecord } from "./usage.ts"

export interface HostedParts {
  readonly gateway: Pick<Gateway, "authorize" | "extend" | "quote">
  readonly settlement: Settlement
  readonly upstream: Upstream
  readonly keyOf: (route: Route) => string
  readonly metrics: GatewayMetrics
}

export interface IncomingCall {
  readonly requestId: string
  readonly account: string
  readonly request: ChatRequest
  readonly route: Route
  readonly startedAt: number
  /** Undefined: it is not traced. */
  readonly span: Span | undefined
}

/** Priced otherwise, or spoken only by the simulated provider. */
const NOT_PASSED_ON = ["service_tier"]
const SIMULATE = "simulate"

export const withoutFields = (route: Route): ReadonlyArray<string> =>
  route.provider.kind === "simulated" ? NOT_PASSED_ON : [...NOT_PASSED_ON, SIMULATE]

/** Cost by output tokens; null when the model has no price (any more). */
const costsOf = (gateway: HostedParts["gateway"], { model, inputTokensMax }: ChatRequest): CostOf | null => {
  const costOf = (outputTokens: number): Nano | null => {
    const quote = gateway.quote(model, { inputTokens: inputTokensMax, maxOutputTokens: outputTokens })
    return "code" in quote ? null : quote.amount
  }
  return costOf(1) === null ? null : (tokens) => costOf(tokens) ?? 0n
}

interface Held {
  readonly hold: Hold
  readonly cover: Cover
}

/** Extends the hold when what was produced comes near its end; at the end itself, once more or never again. */
const meterOf = (parts: HostedParts, call: CallRecord, held: Held, costOf: CostOf, span: Span | undefined): Meter => {
  let { cover } = held
  let steps = 0
  let extending: Promise<void> | null = null
  const extend = async (): Promise<void> => {
    const step = nextStep(cover, costOf)
    const requestId = `${call.requestId}:${++steps}`
    const answer = await askedOfCredit(span, "extend", call.account, (traceparent) =>
      parts.gateway.extend(call.holdId, step.amount, requestId, traceparent),
    )
    parts.metrics.extended("ok" in answer ? "ok" : answer.refused.code)
    if ("ok" in answer) cover = { ...cover, tokens: step.tokens }
  }
  const begin = (): Promise<void> => {
    extending ??= extend().finally(() => (extending = null))
    return extending
  }
  let askedAt = -1
  return async (produced) => {
    parts.settlement.produced(call.requestId, produced)
    // While there is still room the stream goes on; a refusal is not asked about again with every token.
    if (isNear(produced, cover) && askedAt !== cover.tokens) {
      askedAt = cover.tokens
      void begin()
    }
    if (!isBeyond(produced, cover)) return true
    await begin()
    return !isBeyond(produced, cover)
  }
}

export const hostedCall = async (
  parts: HostedParts,
  incoming: IncomingCall,
  customer: CustomerAnswer,
): Promise<void> => {
  const { request, route, account, requestId, span } = incoming
  const costOf = costsOf(parts.gateway, request)
  if (costOf === null) return customer.refuse(refusalOf({ code: "model_unknown", detail: "" }, request.model))
  const perChoice = Math.min(request.maxOutputTokens ?? route.model.maxOutputTokens, route.model.maxOutputTokens)
  const tokensMax = perChoice * request.choices
  const first = firstCover(tokensMax, !request.stream || route.model.holdsWhole)
  const answer = await askedOfCredit(span, "authorize", account, (asking) =>
    parts.gateway.authorize({
      account,
      requestId,
      model: request.model,
      estimate: { inputTokens: request.inputTokensMax, maxOutputTokens: first.tokens },
      atLeast: costOf(first.least),
      ...(asking !== undefined && { traceparent: asking }),
    }),
  )
  parts.metrics.authorized("ok" in answer ? "ok" : answer.refused.code)
  if ("refused" in answer) return customer.refuse(refusalOf(answer.refused, request.model))
  const hold = answer.ok
  const tokens = tokensFor(hold.held, first.tokens, costOf)
  // Less than asked for is all there is: the answer is as long as that.
  const held: Held = { hold, cover: { tokens, tokensMax: tokens < first.tokens ? tokens : tokensMax } }
  const traceparent = carried(span)
  const call: CallRecord = {
    requestId,
    account,
    mode: "hosted",
    provider: route.provider.name,
    model: request.model,
    startedAt: incoming.startedAt,
    holdId: hold.holdId,
    inputTokensFair: request.inputTokensFair,
    ...(traceparent !== undefined && { traceparent }),
  }
  parts.settlement.begun(call)
  await answerHeld(parts, incoming, call, held, costOf, customer)
}

const NOTHING: CallEnd = { status: "failed", usage: null, produced: 0 }

const answerHeld = async (
  parts: HostedParts,
  { request, route, span }: IncomingCall,
  call: CallRecord,
  held: Held,
  costOf: CostOf,
  customer: CustomerAnswer,
): Promise<void> => {
  const body = upstreamBody(request, {
    model: route.model.upstream,
    maxOutputTokens: Math.max(1, Math.floor(held.cover.tokensMax / request.choices)),
    limitField: route.provider.limitField,
    without: withoutFields(route),
  })
  // A whole answer is read to its end in any case: what it cost is known only then.
  const signal = request.stream ? customer.gone : new AbortController().signal
  let response: Response
  try {
    response = await askedOfProvider(span, route.provider, request.model, () =>
      parts.upstream(route.provider, { body, key: parts.keyOf(route), signal }),
    )
  } catch {
    parts.settlement.ended(call, NOTHING)
    parts.metrics.callEnded("hosted", customer.isGone ? "cancelled" : "failed", 0)
    return customer.refuse(upstreamFailed)
  }
  if (!response.ok) {
    const refusal = upstreamRefusal(await readUpstreamRefusal(response), false)
    parts.settlement.ended(call, NOTHING)
    parts.metrics.callEnded("hosted", refusal.status >= 500 ? "failed" : "refused", 0)
    return customer.refuse(refusal)
  }
  const { end, finish } = request.stream
    ? await new StreamRelay(customer, request, meterOf(parts, call, held, costOf, span)).run(response)
    : await relayWhole(response, customer, request.model)
  // On disk first: an answer that was given is charged, whatever happens to this process.
  parts.settlement.ended(call, end)
  parts.metrics.callEnded("hosted", end.status, end.usage?.output ?? end.produced)
  tellEnd(span, end, request.inputTokensFair)
  await finish()
}
