/**
 * Usage as gateways of others send it, the CloudEvents of OpenMeter's integrations, into our usage events. Pure. Owns
 * the mapping (docs/reference/ingest.md tells it to people); what is missing is refused, never guessed (R7.2), except
 * that a time without an offset is UTC, as those who leave it out mean it.
 */
import { USAGE_EVENT_TYPE } from "@credits/contracts"
import { isAccountId, isCallerId, parseInstant } from "@credits/kernel"
import type { PriceBook } from "@credits/pricebook"

export interface ForeignRefused {
  readonly field: string
  readonly detail: string
}

/** JSON of a usage event, for `decodeUsageEvent`. */
type Mapped = Readonly<Record<string, unknown>>
type Fields = Readonly<Record<string, unknown>>

const refused = (field: string, detail: string): ForeignRefused => ({ field, detail })

const record = (value: unknown): Fields | null =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null

/** OpenMeter takes numbers as text as well. Undefined: not given; null: no count. */
const countOf = (value: unknown): number | null | undefined => {
  if (value === undefined || value === null) return undefined
  const count = typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value
  return typeof count === "number" && Number.isInteger(count) && count >= 0 ? count : null
}

/** The first of these names that is given. */
const firstCount = (data: Fields, names: ReadonlyArray<string>): number | undefined | ForeignRefused => {
  for (const name of names) {
    const [outer, inner] = name.split(".") as [string, string | undefined]
    const count = countOf(inner === undefined ? data[outer] : record(data[outer])?.[inner])
    if (count === null) return refused(`data.${name}`, `data.${name} must be a whole number`)
    if (count !== undefined) return count
  }
  return undefined
}

const INPUT = ["prompt_tokens", "input_tokens"]
const OUTPUT = ["completion_tokens", "output_tokens"]
const CACHED = ["prompt_tokens_details.cached_tokens", "cached_tokens", "cache_read_input_tokens"]
const REASONING = ["completion_tokens_details.reasoning_tokens", "reasoning_tokens"]

interface Counts {
  readonly input: number
  readonly output: number
}

/** `{tokens, type: "input" | "output"}`: OpenMeter's own example, an event a direction. */
const oneSided = (data: Fields): Counts | ForeignRefused | null => {
  const tokens = countOf(data["tokens"])
  if (tokens === undefined) return null
  if (tokens === null) return refused("data.tokens", "data.tokens must be a whole number")
  if (data["type"] === "input" || data["type"] === "prompt" || data["type"] === "system") {
    return { input: tokens, output: 0 }
  }
  if (data["type"] === "output" || data["type"] === "completion") return { input: 0, output: tokens }
  return refused("data.type", "data.type must be input or output where data.tokens is given")
}

const bothSides = (data: Fields): Counts | ForeignRefused => {
  const input = firstCount(data, INPUT)
  const output = firstCount(data, OUTPUT)
  if (typeof input === "object") return input
  if (typeof output === "object") return output
  if (input === undefined && output === undefined) {
    return refused("data", "data must count tokens: prompt_tokens and completion_tokens, or tokens and type")
  }
  const counts = { input: input ?? 0, output: output ?? 0 }
  const total = firstCount(data, ["total_tokens"])
  if (typeof total === "object") return total
  if (total !== undefined && total !== counts.input + counts.output) {
    return refused("data.total_tokens", "data.total_tokens is not the sum of the tokens beside it")
  }
  return counts
}

/** R7.2: all of them send OpenAI's counts, in which cached tokens are part of the input. */
const tokensOf = (data: Fields): Mapped | ForeignRefused => {
  const counts = oneSided(data) ?? bothSides(data)
  if ("detail" in counts) return counts
  const cacheRead = firstCount(data, CACHED)
  const reasoning = firstCount(data, REASONING)
  if (typeof cacheRead === "object") return cacheRead
  if (typeof reasoning === "object") return reasoning
  return {
    convention: "inclusive",
    ...counts,
    ...(cacheRead !== undefined && { cacheRead }),
    ...(reasoning !== undefined && { reasoning }),
  }
}

/** `openrouter/openai/gpt-4o` → `gpt-4o`: prefixes go until the book knows the rest; an unknown name stays whole. */
const modelIn = (book: PriceBook, name: string): string => {
  for (let rest = name; ;) {
    if (book.models.has(rest)) return rest
    const slash = rest.indexOf("/")
    if (slash < 0) return name
    rest = rest.slice(slash + 1)
  }
}

const providerOf = (book: PriceBook, data: Fields, name: string): string => {
  const given = data["provider"]
  if (typeof given === "string" && given !== "") return given
  const slash = name.indexOf("/")
  return slash > 0 ? name.slice(0, slash) : (book.models.get(name)?.provider ?? "unknown")
}

const OFFSET = /(?:[zZ]|[+-]\d\d:?\d\d)$/

/** Python's `isoformat` of a UTC instant has no offset, and microseconds. */
const timeOf = (value: unknown): string | null => {
  if (typeof value !== "string") return null
  const text = OFFSET.test(value) ? value : `${value}Z`
  return parseInstant(text) === null ? null : text
}

/**
 * One event. Of type `ai.usage.v1` it is ours already and stays as it is; every other type is read by what its data
 * says, since those who send them choose the name.
 */
export const usageOfForeign = (value: unknown, book: PriceBook): { readonly event: Mapped } | ForeignRefused => {
  const event = record(value)
  if (event === null) return refused("", "an event must be a JSON object")
  if (event["type"] === USAGE_EVENT_TYPE) return { event }
  const { specversion, id, source, type, subject, time, traceparent } = event
  if (specversion !== "1.0") return refused("specversion", "specversion must be 1.0")
  if (typeof type !== "string" || type === "") return refused("type", "type must name what happened")
  if (!isCallerId(id)) return refused("id", "id must be 1–128 printable characters; it makes a repeat harmless")
  if (!isAccountId(subject)) return refused("subject", "subject must be the account id (acc_…) of the user")
  const at = timeOf(time)
  if (at === null) return refused("time", "time must be an RFC 3339 instant")
  const data = record(event["data"])
  if (data === null) return refused("data", "data must be an object")
  const name = data["model"]
  if (typeof name !== "string" || name === "") return refused("data.model", "data.model must name the model")
  const tokens = tokensOf(data)
  if ("detail" in tokens) return tokens as ForeignRefused
  const mapped: Mapped = {
    specversion,
    type: USAGE_EVENT_TYPE,
    id,
    source,
    subject,
    time: at,
    ...(typeof traceparent === "string" && { traceparent }),
    data: {
      requestId: id,
      mode: "hosted",
      provider: providerOf(book, data, name),
      model: modelIn(book, name),
      status: "ok",
      tokens,
    },
  }
  return { event: mapped }
}
