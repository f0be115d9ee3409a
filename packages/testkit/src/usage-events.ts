/**
 * Makes usage events (CloudEvents `ai.usage.v1`) for tests, the demo and load. Owns ids and shape; the caller says who
 * used what. Time-ordered ids keep idempotency tables append-only; random ones show what that is worth (decision 12).
 */
import { formatInstant, type Instant, makeId } from "@credits/kernel"
import { type Random, random } from "./random.ts"

export interface UsageEventFields {
  readonly account: string
  readonly model: string
  readonly provider: string
  readonly at: Instant
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadTokens?: number
  readonly mode?: "hosted" | "byok"
  readonly status?: "ok" | "failed" | "cancelled"
  readonly holdId?: string
  readonly requestId?: string
}

export interface UsageEventJson {
  readonly specversion: "1.0"
  readonly id: string
  readonly source: string
  readonly type: "ai.usage.v1"
  readonly subject: string
  readonly time: string
  readonly data: Record<string, unknown>
}

export interface UsageEventFactoryOptions {
  readonly seed: number
  readonly ids?: "time-ordered" | "random"
  readonly source?: string
}

const HEX = "0123456789abcdef"

/** Ids that differ in every place, in no order: as a UUID v4 without its dashes. */
const randomId = (source: Random): string => {
  const bytes = source.bytes(new Uint8Array(16))
  let text = "evt_"
  for (const byte of bytes) text += HEX[byte >> 4]! + HEX[byte & 15]!
  return text
}

/** The same seed and calls give the same events. */
export const usageEvents = (options: UsageEventFactoryOptions): ((fields: UsageEventFields) => UsageEventJson) => {
  const source = random(options.seed)
  const bytes = new Uint8Array(10)
  return (fields) => {
    const id = options.ids === "random" ? randomId(source) : makeId("evt", fields.at, source.bytes(bytes))
    return {
      specversion: "1.0",
      id,
      source: options.source ?? "testkit",
      type: "ai.usage.v1",
      subject: fields.account,
      time: formatInstant(fields.at),
      data: {
        requestId: fields.requestId ?? `req_${id.slice(4)}`,
        ...(fields.holdId === undefined ? {} : { holdId: fields.holdId }),
        mode: fields.mode ?? "hosted",
        provider: fields.provider,
        model: fields.model,
        status: fields.status ?? "ok",
        tokens: {
          convention: "inclusive",
          input: fields.inputTokens,
          output: fields.outputTokens,
          ...(fields.cacheReadTokens === undefined ? {} : { cacheRead: fields.cacheReadTokens }),
        },
      },
    }
  }
}

/** A stable, valid account id for a number. */
export const accountNumber = (number: number): string => `acc_load${number.toString().padStart(8, "0")}`
