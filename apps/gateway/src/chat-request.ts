/**
 * What a customer asks for: the parts of a chat completion request that decide its cost. Pure. Owns the reading of the
 * body, the bounds of its tokens and the body that goes to the provider; every other field passes through as it came.
 *
 * Two counts of the input, neither of them a tokenizer's: the most it can be (a token has at least one byte of the
 * body's text), which is what is held, and a fair guess (four bytes), which is what a call is charged whose provider
 * never said.
 */
import { fairTokens } from "./produced.ts"

export interface ChatRequest {
  readonly model: string
  readonly stream: boolean
  /** The customer wants the usage as the stream's last chunk. */
  readonly includeUsage: boolean
  /** Answers asked for; each may have `maxOutputTokens`. */
  readonly choices: number
  /** As asked; null: the model's own limit. */
  readonly maxOutputTokens: number | null
  readonly inputTokensMax: number
  readonly inputTokensFair: number
  readonly body: Readonly<Record<string, unknown>>
}

export interface BadRequest {
  readonly wrong: { readonly param: string | null; readonly detail: string }
}

/** The dearest picture of the models known (a large one in high detail), rounded up. */
const IMAGE_TOKENS_MAX = 3_000
/** Sold by nobody in larger numbers; each multiplies what is held. */
const CHOICES_MAX = 16
const TOKENS_MAX = 10_000_000

const wrong = (param: string | null, detail: string): BadRequest => ({ wrong: { param, detail } })

const record = (value: unknown): Readonly<Record<string, unknown>> | null =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null

const isCount = (value: unknown, max: number): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max

/** Pictures of a message's content. Their data is no text: it counts by the piece. */
const picturesOf = (messages: ReadonlyArray<unknown>): { readonly count: number; readonly bytes: number } => {
  let count = 0
  let bytes = 0
  for (const message of messages) {
    const content = record(message)?.["content"]
    if (!Array.isArray(content)) continue
    for (const part of content) {
      const url = record(record(part)?.["image_url"])?.["url"]
      if (typeof url !== "string") continue
      count++
      bytes += Buffer.byteLength(url)
    }
  }
  return { count, bytes }
}

/** Reads a parsed body. `bytes` is its length as it came. */
export const readChatRequest = (value: unknown, bytes: number): ChatRequest | BadRequest => {
  const body = record(value)
  if (body === null) return wrong(null, "the body must be a JSON object")
  const { model, messages, stream, n, max_tokens, max_completion_tokens } = body
  if (typeof model !== "string" || model === "") return wrong("model", "model must name a model")
  if (!Array.isArray(messages) || messages.length === 0) return wrong("messages", "messages must not be empty")
  if (stream !== undefined && stream !== null && typeof stream !== "boolean") {
    return wrong("stream", "stream must be true or false")
  }
  const choices = n ?? 1
  if (!isCount(choices, CHOICES_MAX)) return wrong("n", `n must be a whole number from 1 to ${CHOICES_MAX}`)
  const limit = max_completion_tokens ?? max_tokens ?? null
  if (limit !== null && !isCount(limit, TOKENS_MAX)) {
    return wrong("max_completion_tokens", "the limit of output tokens must be a whole number of at least 1")
  }
  const pictures = picturesOf(messages)
  const textBytes = Math.max(0, bytes - pictures.bytes)
  const ofPictures = pictures.count * IMAGE_TOKENS_MAX
  return {
    model,
    stream: stream === true,
    includeUsage: record(body["stream_options"])?.["include_usage"] === true,
    choices,
    maxOutputTokens: limit,
    inputTokensMax: textBytes + ofPictures,
    inputTokensFair: fairTokens(textBytes) + ofPictures,
    body,
  }
}

/** Clients write null for what they leave to the provider. */
const isGiven = (value: unknown): boolean => value !== undefined && value !== null

export interface UpstreamTerms {
  /** The provider's own name of the model. */
  readonly model: string
  /** Of one answer; null: as the customer said, or nothing. */
  readonly maxOutputTokens: number | null
  /** Where the customer named no limit: the field the provider knows. */
  readonly limitField: "max_tokens" | "max_completion_tokens"
  /** Fields that only one kind of provider knows. */
  readonly without: ReadonlyArray<string>
}

/** The body for the provider. A stream always ends with its usage: that is what is charged. */
export const upstreamBody = (request: ChatRequest, terms: UpstreamTerms): Readonly<Record<string, unknown>> => {
  const body: Record<string, unknown> = { ...request.body, model: terms.model }
  for (const field of terms.without) delete body[field]
  if (request.stream) body["stream_options"] = { ...record(body["stream_options"]), include_usage: true }
  if (terms.maxOutputTokens === null) return body
  const given = (["max_completion_tokens", "max_tokens"] as const).filter((field) => isGiven(body[field]))
  for (const field of given.length === 0 ? [terms.limitField] : given) body[field] = terms.maxOutputTokens
  return body
}
