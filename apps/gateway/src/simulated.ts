/**
 * The built-in provider of development: speaks OpenAI's wire without a network, deterministically, and misbehaves on
 * request. Owns that wire's shapes for tests and demonstrations; production refuses to start with it.
 *
 * The body's `simulate` says how: `{outputTokens, delayMs, tokenDelayMs, cachedTokens, reasoningTokens, status,
 * dieAfterTokens}`. Without it an answer has 24 tokens, at once.
 */
import type { Asked } from "./upstream.ts"

interface Simulation {
  readonly outputTokens: number
  /** Before the answer's head. */
  readonly delayMs: number
  /** Before each token of a stream. */
  readonly tokenDelayMs: number
  /** Of the input, read from a cache. */
  readonly cachedTokens: number
  /** Of the output, thought in silence. */
  readonly reasoningTokens: number
  /** Answers with this error instead. */
  readonly status: number
  /** Breaks the connection after so many tokens of a stream. */
  readonly dieAfterTokens: number
}

/** Of at most four bytes: a count by bytes is then the count by chunks. */
const WORDS = ["The ", "sum ", "of ", "all ", "paid", " and", " all", " due", " is ", "nil "]

const simulationOf = (body: Readonly<Record<string, unknown>>): Simulation => {
  const given = (typeof body["simulate"] === "object" && body["simulate"] !== null ? body["simulate"] : {}) as Record<
    string,
    unknown
  >
  const count = (name: keyof Simulation, fallback: number): number =>
    typeof given[name] === "number" && given[name] >= 0 ? given[name] : fallback
  return {
    outputTokens: count("outputTokens", 24),
    delayMs: count("delayMs", 0),
    tokenDelayMs: count("tokenDelayMs", 0),
    cachedTokens: count("cachedTokens", 0),
    reasoningTokens: count("reasoningTokens", 0),
    status: count("status", 0),
    dieAfterTokens: count("dieAfterTokens", Number.POSITIVE_INFINITY),
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted()
    if (ms === 0) return resolve()
    const left = (): void => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", left)
      resolve()
    }, ms)
    signal.addEventListener("abort", left, { once: true })
  })

/** The same body has the same input tokens: one for every six bytes of its messages. */
const inputTokensOf = (body: Readonly<Record<string, unknown>>): number =>
  Math.ceil(Buffer.byteLength(JSON.stringify(body["messages"])) / 6)

const usageOf = (input: number, output: number, { cachedTokens, reasoningTokens }: Simulation) => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
  prompt_tokens_details: { cached_tokens: Math.min(cachedTokens, input) },
  completion_tokens_details: { reasoning_tokens: Math.min(reasoningTokens, output) },
})

const word = (index: number): string => WORDS[index % WORDS.length]!

const refusal = (status: number): Response =>
  Response.json(
    { error: { code: "simulated", message: `the simulated provider answers ${status}`, type: "simulated" } },
    { status, headers: status === 429 ? { "retry-after": "1" } : {} },
  )

const limitOf = (body: Readonly<Record<string, unknown>>): number => {
  const limit = body["max_completion_tokens"] ?? body["max_tokens"]
  return typeof limit === "number" ? limit : Number.POSITIVE_INFINITY
}

/** Enough to tell answers apart in a log of a customer; the same for the same request. */
const ANSWER_ID = "chatcmpl-simulated"

export const simulate = async ({ body, signal }: Asked): Promise<Response> => {
  const simulation = simulationOf(body)
  await pause(simulation.delayMs, signal)
  if (simulation.status >= 400) return refusal(simulation.status)
  const output = Math.min(simulation.outputTokens, limitOf(body))
  const finish = output < simulation.outputTokens ? "length" : "stop"
  const usage = usageOf(inputTokensOf(body), output, simulation)
  const head = { id: ANSWER_ID, created: 0, model: body["model"] }
  if (body["stream"] !== true) {
    const content = Array.from({ length: output }, (_, i) => word(i)).join("")
    const message = { role: "assistant", content, refusal: null }
    const choices = [{ index: 0, message, logprobs: null, finish_reason: finish }]
    return Response.json({ ...head, object: "chat.completion", choices, usage })
  }
  const chunk = (choices: ReadonlyArray<unknown>, more: object): string =>
    `data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices, usage: null, ...more })}\n\n`
  const choice = (delta: object, finish_reason: string | null) => [{ index: 0, delta, logprobs: null, finish_reason }]

  const events = async function* (): AsyncGenerator<string> {
    yield chunk(choice({ role: "assistant", content: "" }, null), {})
    for (let i = 0; i < output; i++) {
      if (i >= simulation.dieAfterTokens) throw new Error("the simulated provider breaks the connection")
      await pause(simulation.tokenDelayMs, signal)
      yield chunk(choice({ content: word(i) }, null), {})
    }
    yield chunk(choice({}, finish), {})
    yield chunk([], { usage })
    yield "data: [DONE]\n\n"
  }
  return new Response(streamOf(events()), { headers: { "content-type": "text/event-stream" } })
}

const encoder = new TextEncoder()

/** Pulled by whoever reads: a slow customer slows the provider. */
const streamOf = (events: AsyncGenerator<string>): ReadableStream<Uint8Array> =>
  new ReadableStream({
    async pull(controller) {
      const { done, value } = await events.next()
      if (done === true) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    async cancel() {
      await events.return(undefined)
    },
  })
