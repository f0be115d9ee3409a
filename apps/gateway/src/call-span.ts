/**
 * The spans of a call, under OpenTelemetry's names for generative models. Owns what they say: ids, counts and outcomes,
 * never a key, a prompt or an answer. A call that is not traced has none of them and carries nothing.
 *
 * Of a customer's `traceparent` only the trace is taken: whether there is one is ours to say, as at the edge.
 */
import type { Answer } from "@credits/client"
import { type Span, traceparentOf, tracing } from "@credits/telemetry"
import type { ChatRequest } from "./chat-request.ts"
import type { Provider } from "./provider.ts"
import type { CallEnd, CallRecord } from "./usage.ts"

const ROUTE = "/v1/chat/completions"

/** Of a whole call, from its request to the end of its answer. */
export const callSpan = (traceparent: string | ReadonlyArray<string> | undefined): Span | undefined =>
  tracing.isOn
    ? tracing.receive(typeof traceparent === "string" ? traceparent : undefined, "heard", {
        name: `POST ${ROUTE}`,
        kind: "server",
        attributes: { "http.request.method": "POST", "http.route": ROUTE, "gen_ai.operation.name": "chat" },
      })
    : undefined

/** To send along with what the call asks; undefined: it is not traced. */
export const carried = (span: Span | undefined): string | undefined =>
  span === undefined ? undefined : traceparentOf(span.context)

/** What is known of it once its request is read. */
export const tellRequest = (
  span: Span | undefined,
  request: ChatRequest,
  provider: Provider,
  ids: { readonly account: string; readonly requestId: string; readonly mode: "hosted" | "byok" },
): void =>
  span?.set({
    "gen_ai.provider.name": provider.name,
    "gen_ai.request.model": request.model,
    "gen_ai.request.stream": request.stream,
    ...(request.maxOutputTokens !== null && { "gen_ai.request.max_tokens": request.maxOutputTokens }),
    "credits.account_id": ids.account,
    "credits.request_id": ids.requestId,
    "credits.mode": ids.mode,
  })

const tokensOf = ({ usage, produced }: CallEnd, inputTokensFair: number) => ({
  "gen_ai.usage.input_tokens": usage?.input ?? inputTokensFair,
  "gen_ai.usage.output_tokens": usage?.output ?? produced,
})

export const tellEnd = (span: Span | undefined, end: CallEnd, inputTokensFair: number): void =>
  span?.set({ ...tokensOf(end, inputTokensFair), "credits.outcome": end.status })

/** @param status of the head that went out; 0: the customer was gone before */
export const endCallSpan = (span: Span, status: number): void => {
  if (status > 0) span.set({ "http.response.status_code": status })
  span.end(status >= 500 ? String(status) : undefined)
}

/** A question about credit. It is asked with the `traceparent` that `ask` is given. */
export const askedOfCredit = <A>(
  parent: Span | undefined,
  op: "authorize" | "extend",
  account: string,
  ask: (traceparent: string | undefined) => Promise<Answer<A>>,
): Promise<Answer<A>> =>
  tracing.run(
    tracing.child(parent?.context, {
      name: `gateway ${op}`,
      kind: "client",
      attributes: { "credits.op": op, "credits.account_id": account },
    }),
    async (span) => {
      const answer = await ask(carried(span))
      span?.set({ "credits.outcome": "ok" in answer ? "ok" : answer.refused.code })
      return answer
    },
  )

/** Asking a provider, to the head of its answer. Nothing of the trace is carried there. */
export const askedOfProvider = (
  parent: Span | undefined,
  provider: Provider,
  model: string,
  ask: () => Promise<Response>,
): Promise<Response> =>
  tracing.run(
    tracing.child(parent?.context, {
      name: `chat ${model}`,
      kind: "client",
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider.name,
        "gen_ai.request.model": model,
      },
    }),
    async (span) => {
      const response = await ask()
      span?.set({ "http.response.status_code": response.status })
      return response
    },
  )

/** From the end of a call to its event on the spool's disk; what prices the event goes on below it. */
export const usageSpan = ({ traceparent, ...call }: CallRecord, end: CallEnd): Span | undefined =>
  tracing.child(traceparent, {
    name: "gateway usage",
    kind: "producer",
    attributes: {
      ...tokensOf(end, call.inputTokensFair),
      "gen_ai.provider.name": call.provider,
      "gen_ai.request.model": call.model,
      "credits.account_id": call.account,
      "credits.request_id": call.requestId,
      "credits.mode": call.mode,
      "credits.outcome": end.status,
    },
  })
