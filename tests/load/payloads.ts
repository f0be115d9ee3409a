/**
 * What the load generators send, built before the clock starts so that making it costs nothing while it is measured.
 * Owns shapes and sizes of the load; accounts are numbers until they become ids here.
 */
import { type ChargeTuple, encodeCharges, encodeUsageLine, MESSAGE_BYTES_MAX } from "@credits/contracts"
import { makeId, partitionOf, PARTITIONS } from "@credits/kernel"
import { accountNumber, random, usageEvents, zipf } from "@credits/testkit"

export type Spread = "even" | "zipf" | "hot"

export interface EventPlan {
  readonly events: number
  readonly accounts: number
  readonly spread: Spread
  readonly ids: "time-ordered" | "random"
  readonly seed: number
  /** Milliseconds of the first event; one a microsecond from there, so that ids are in order of time. */
  readonly from: number
  readonly model: string
  readonly provider: string
}

/** Exponent 1: with 100,000 accounts the busiest one has 8 % of the calls. */
const chooser = (plan: EventPlan): (() => number) => {
  const source = random(plan.seed)
  if (plan.spread === "hot") return () => 0
  if (plan.spread === "zipf") return zipf(plan.accounts, 1, source)
  return () => source.below(plan.accounts)
}

/** Messages of the usage stream: arrays of up to `perMessage` events of any accounts. */
export const usageMessages = (plan: EventPlan, perMessage: number): Array<Buffer> => {
  const choose = chooser(plan)
  const make = usageEvents({ seed: plan.seed + 1, ids: plan.ids, source: "bench" })
  const source = random(plan.seed + 2)
  const messages: Array<Buffer> = []
  for (let done = 0; done < plan.events; done += perMessage) {
    const texts: Array<string> = []
    for (let i = done; i < Math.min(done + perMessage, plan.events); i++) {
      const event = make({
        account: accountNumber(choose()),
        model: plan.model,
        provider: plan.provider,
        at: plan.from + Math.floor(i / 1000),
        inputTokens: 50 + source.below(4_000),
        outputTokens: 10 + source.below(900),
      })
      texts.push(JSON.stringify(event))
    }
    messages.push(Buffer.from(`[${texts.join(",")}]`))
  }
  return messages
}

export interface ChargeMessage {
  readonly partition: number
  readonly charges: number
  readonly payload: Buffer
}

/** About 220 bytes a charge: 1,000 stay well below 512 KiB. */
const CHARGES_PER_MESSAGE_MAX = Math.floor(MESSAGE_BYTES_MAX / 300)

const HEX = "0123456789abcdef"

/** Messages of the command stream as pricing makes them: grouped by partition, each of at most `perMessage` charges. */
export const chargeMessages = (plan: EventPlan, perMessage: number): Array<ChargeMessage> => {
  const choose = chooser(plan)
  const source = random(plan.seed + 2)
  const bytes = new Uint8Array(10)
  const most = Math.min(perMessage, CHARGES_PER_MESSAGE_MAX)
  const groups: Array<Array<ChargeTuple>> = Array.from({ length: PARTITIONS }, () => [])
  const messages: Array<ChargeMessage> = []
  const close = (partition: number): void => {
    const group = groups[partition]!
    if (group.length === 0) return
    messages.push({ partition, charges: group.length, payload: Buffer.from(encodeCharges(group)) })
    groups[partition] = []
  }
  for (let i = 0; i < plan.events; i++) {
    const account = accountNumber(choose())
    const at = plan.from + Math.floor(i / 1000)
    source.bytes(bytes)
    let hash = ""
    for (const byte of bytes) hash += HEX[byte >> 4]! + HEX[byte & 15]!
    const id = plan.ids === "random" ? `evt_${hash}${HEX[i & 15]!}` : makeId("evt", at, bytes)
    const inputTokens = 50 + source.below(4_000)
    const outputTokens = 10 + source.below(900)
    const usage = encodeUsageLine({
      provider: plan.provider,
      model: plan.model,
      bookVersion: "bench",
      inputTokens,
      outputTokens,
      cacheReadTokens: 0,
      cacheWrite5mTokens: 0,
      cacheWrite1hTokens: 0,
      reasoningTokens: 0,
      images: 0,
      requests: 1,
      status: "ok",
      requestId: `req_${id.slice(4)}`,
    })
    const partition = partitionOf(account)
    const group = groups[partition]!
    group.push([id, account, at, String(inputTokens * 1_250 + outputTokens * 10_000), "", hash, usage])
    if (group.length >= most) close(partition)
  }
  for (let partition = 0; partition < PARTITIONS; partition++) close(partition)
  return messages
}
