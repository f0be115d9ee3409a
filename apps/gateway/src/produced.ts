/**
 * What an answer has produced so far, as its chunks say it. Pure. Owns the counting of output that no usage has named
 * yet, and the reading of a provider's `usage` into token counts (R7.2: OpenAI's counts are inclusive).
 */
import type { TokenCounts } from "@credits/contracts"

/** Four bytes of English text to a token; of other scripts it is fewer, which the number of chunks makes up for. */
const BYTES_PER_TOKEN = 4

export const fairTokens = (bytes: number): number => Math.ceil(bytes / BYTES_PER_TOKEN)

const record = (value: unknown): Readonly<Record<string, unknown>> | null =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null

const count = (value: unknown): number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : 0

/** Token counts of an OpenAI-shaped `usage`; null when there is none. */
export const tokensOfUsage = (value: unknown): TokenCounts | null => {
  const usage = record(value)
  if (usage === null || typeof usage["prompt_tokens"] !== "number") return null
  const input = count(usage["prompt_tokens"])
  const output = count(usage["completion_tokens"])
  const cacheRead = count(record(usage["prompt_tokens_details"])?.["cached_tokens"])
  const reasoning = count(record(usage["completion_tokens_details"])?.["reasoning_tokens"])
  return {
    convention: "inclusive",
    input,
    output,
    // A provider that contradicts itself is charged without its details, not refused.
    cacheRead: Math.min(cacheRead, input),
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    reasoning: Math.min(reasoning, output),
  }
}

/** Text of everything that a delta carries: content, refusal, reasoning, arguments of tools. */
const bytesOf = (delta: unknown): number => {
  let bytes = 0
  const visit = (value: unknown): void => {
    if (typeof value === "string") bytes += Buffer.byteLength(value)
    else if (typeof value === "object" && value !== null) for (const each of Object.values(value)) visit(each)
  }
  const { role: _, ...rest } = record(delta) ?? {}
  visit(rest)
  return bytes
}

/** The chunks of one stream. */
export class Produced {
  #bytes = 0
  #deltas = 0
  #usage: TokenCounts | null = null
  #isFinished = false

  /** What the provider said last. */
  get usage(): TokenCounts | null {
    return this.#usage
  }

  /** Every answer has said why it ended. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  /** Output tokens, fairly: providers send about a token a chunk, or text of several. */
  get tokens(): number {
    return Math.max(this.#deltas, fairTokens(this.#bytes))
  }

  /** One chunk, parsed. */
  add(value: unknown): void {
    const chunk = record(value)
    if (chunk === null) return
    this.#usage = tokensOfUsage(chunk["usage"]) ?? this.#usage
    const choices = Array.isArray(chunk["choices"]) ? chunk["choices"] : []
    for (const choice of choices) {
      const bytes = bytesOf(record(choice)?.["delta"])
      if (bytes > 0) this.#deltas++
      this.#bytes += bytes
      if (typeof record(choice)?.["finish_reason"] === "string") this.#isFinished = true
    }
  }
}
