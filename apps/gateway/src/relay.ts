/**
 * A provider's answer on its way to the customer, whole or chunk by chunk. Owns what is passed on, when a stream is cut
 * and how it then ends; what may be passed on is the meter's word, what it costs the settlement's.
 *
 * Both give back how the call ended and leave its last word unsaid: `finish` says it, after the end is on disk.
 */
import type { ChatRequest } from "./chat-request.ts"
import type { CustomerAnswer } from "./customer-answer.ts"
import { dataOfEvents } from "./event-lines.ts"
import { fairTokens, Produced, tokensOfUsage } from "./produced.ts"
import { errorBody, upstreamFailed } from "./refusal.ts"
import type { CallEnd } from "./usage.ts"

/** Asked before tokens are passed on: false when this many are more than is held for. */
export type Meter = (produced: number) => boolean | Promise<boolean>

export interface Relayed {
  readonly end: CallEnd
  readonly finish: () => Promise<void>
}

interface Chunk {
  readonly id?: unknown
  readonly created?: unknown
  readonly choices?: ReadonlyArray<unknown>
  readonly usage?: unknown
  readonly error?: unknown
}

const DONE = "[DONE]"

/** An answer without `usage` is counted by its text. */
const countedWhole = (choices: unknown): number => {
  const texts = (Array.isArray(choices) ? choices : []).map((choice) =>
    JSON.stringify((choice as { message?: { content?: unknown } } | null)?.message?.content ?? ""),
  )
  return fairTokens(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0))
}

/** The answer's JSON object; null when it is none. */
const objectOf = async (response: Response): Promise<Record<string, unknown> | null> => {
  try {
    const body: unknown = await response.json()
    return typeof body === "object" && body !== null && !Array.isArray(body) ? (body as Record<string, unknown>) : null
  } catch {
    return null
  }
}

/** A whole answer. It is read to its end though nobody may listen: only so its true counts become known. */
export const relayWhole = async (response: Response, customer: CustomerAnswer, model: string): Promise<Relayed> => {
  const body = await objectOf(response)
  if (body === null) {
    return {
      end: { status: "failed", usage: null, produced: 0 },
      finish: async () => customer.refuse(upstreamFailed),
    }
  }
  const usage = tokensOfUsage(body["usage"])
  const produced = usage === null ? countedWhole(body["choices"]) : usage.output
  return {
    end: { status: customer.isGone ? "cancelled" : "ok", usage, produced },
    finish: async () => customer.whole(200, JSON.stringify({ ...body, model })),
  }
}

/** How a stream came to its end. */
type Why = "done" | "cut" | "gone" | "broken"

export class StreamRelay {
  readonly #customer: CustomerAnswer
  readonly #request: ChatRequest
  readonly #meter: Meter
  readonly #produced = new Produced()
  #head: object = {}
  #passedOn = 0

  constructor(customer: CustomerAnswer, request: ChatRequest, meter: Meter) {
    this.#customer = customer
    this.#request = request
    this.#meter = meter
  }

  async run(response: Response): Promise<Relayed> {
    this.#customer.beginStream()
    const why = await this.#read(response)
    const { usage } = this.#produced
    // What was not passed on is not charged; a provider's own count is of an answer that arrived whole.
    const end: CallEnd = {
      status: why === "gone" ? "cancelled" : why === "broken" ? "failed" : "ok",
      usage: why === "cut" ? null : usage,
      produced: this.#passedOn,
    }
    return { end, finish: () => this.#finish(why, end) }
  }

  async #read(response: Response): Promise<Why> {
    if (response.body === null) return "broken"
    try {
      for await (const data of dataOfEvents(response.body)) {
        if (data === DONE) return "done"
        const why = await this.#take(JSON.parse(data) as Chunk)
        if (why !== null) return why
      }
    } catch {
      return this.#customer.isGone ? "gone" : "broken"
    }
    // Some providers leave out the last line; an answer that says why it ended is whole.
    return this.#produced.isFinished ? "done" : "broken"
  }

  async #take(chunk: Chunk): Promise<Why | null> {
    if (chunk.error !== undefined) return "broken"
    this.#produced.add(chunk)
    const { tokens } = this.#produced
    if (tokens > this.#passedOn && !(await this.#meter(tokens))) return "cut"
    this.#passedOn = tokens
    const { usage, ...rest } = chunk
    const { choices = [], ...head } = rest
    this.#head = { ...head, model: this.#request.model }
    const isUsage = choices.length === 0 && usage !== undefined && usage !== null
    if (!isUsage || this.#request.includeUsage) {
      const counted = this.#request.includeUsage ? { usage: usage ?? null } : {}
      await this.#customer.event(JSON.stringify({ ...this.#head, choices, ...counted }))
    }
    return this.#customer.isGone ? "gone" : null
  }

  async #finish(why: Why, end: CallEnd): Promise<void> {
    const customer = this.#customer
    if (why === "cut") await this.#sayLength(end)
    if (why === "broken") await customer.event(JSON.stringify(errorBody(upstreamFailed)))
    else await customer.event(DONE)
    customer.end()
  }

  /** As if the model had come to its limit: it has come to the account's. */
  async #sayLength({ produced }: CallEnd): Promise<void> {
    const { choices, inputTokensFair, includeUsage } = this.#request
    const ended = Array.from({ length: choices }, (_, index) => ({ index, delta: {}, finish_reason: "length" }))
    const counted = includeUsage ? { usage: null } : {}
    await this.#customer.event(JSON.stringify({ ...this.#head, choices: ended, ...counted }))
    if (!includeUsage) return
    const usage = {
      prompt_tokens: inputTokensFair,
      completion_tokens: produced,
      total_tokens: inputTokensFair + produced,
    }
    await this.#customer.event(JSON.stringify({ ...this.#head, choices: [], usage }))
  }
}
