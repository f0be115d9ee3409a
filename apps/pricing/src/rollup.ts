/**
 * Usage by day, account and model, as a projection of the ledger's journal and of our own BYOK records (decision 14).
 * Pure: owns what an entry adds and how gaps and repeats are told apart; storing it is `store.ts`.
 * Only what was deducted counts, so a duplicate event never shows. A reversal does not unmake usage: calls and tokens
 * stay, and what they cost is less by it, on the day they happened.
 */
import { decodeUsageLine, type JournalEntry, type JournalMessage } from "@credits/contracts"
import { dayOf } from "@credits/kernel"
import type { ByokRecord } from "./call.ts"

/** What the rollup sums. Counts are sums of whole numbers; `cost` is nano-USD. */
export interface UsageSums {
  calls: number
  inputTokens: number
  outputTokens: number
  cacheReadTokens: number
  cacheWriteTokens: number
  reasoningTokens: number
  cost: bigint
  byokCalls: number
  byokInputTokens: number
  byokOutputTokens: number
}

/** What is added to one row of the rollup. */
export interface RollupDelta extends UsageSums {
  readonly day: string
  readonly account: string
  readonly model: string
}

/** What is added to an account's totals. `recharged` is nano-USD. */
export interface TotalDelta {
  readonly account: string
  calls: number
  recharges: number
  recharged: bigint
}

const DAY_MS = 86_400_000

/** Sums by row; many entries of a batch fall on the same one. */
export class Rollup {
  readonly #rows = new Map<string, RollupDelta>()
  readonly #totals = new Map<string, TotalDelta>()
  #dayNumber = Number.NaN
  #day = ""

  get rows(): Iterable<RollupDelta> {
    return this.#rows.values()
  }

  get size(): number {
    return this.#rows.size
  }

  get totals(): Iterable<TotalDelta> {
    return this.#totals.values()
  }

  #total(account: string): TotalDelta {
    let total = this.#totals.get(account)
    if (total === undefined) {
      total = { account, calls: 0, recharges: 0, recharged: 0n }
      this.#totals.set(account, total)
    }
    return total
  }

  /** Neighbouring entries nearly always share their day, and formatting one costs as much as the rest of an entry. */
  #dayOf(at: number): string {
    const number = Math.floor(at / DAY_MS)
    if (number !== this.#dayNumber) {
      this.#dayNumber = number
      this.#day = dayOf(at)
    }
    return this.#day
  }

  #row(at: number, account: string, model: string): RollupDelta {
    const day = this.#dayOf(at)
    const key = `${day}|${account}|${model}`
    let row = this.#rows.get(key)
    if (row === undefined) {
      row = {
        day,
        account,
        model,
        calls: 0,
        inputTokens: 0,
        outputTokens: 0,
        cacheReadTokens: 0,
        cacheWriteTokens: 0,
        reasoningTokens: 0,
        cost: 0n,
        byokCalls: 0,
        byokInputTokens: 0,
        byokOutputTokens: 0,
      }
      this.#rows.set(key, row)
    }
    return row
  }

  /** A charge, its reversal, or a grant outside a plan's cycle; every other kind of entry adds nothing. */
  addEntry(entry: JournalEntry): void {
    if (entry.kind === "granted" || entry.kind === "adjusted") this.#addRecharge(entry)
    else this.#addCharge(entry)
  }

  #addRecharge({ account, body: { opened } }: JournalEntry): void {
    if (opened === undefined || opened.kind === "plan") return
    const total = this.#total(account)
    total.recharges += 1
    total.recharged += BigInt(opened.amount)
  }

  #addCharge(entry: JournalEntry): void {
    const { usage, usedAt, spent } = entry.body
    const isReversal = entry.kind === "reversed"
    if ((entry.kind !== "charged" && !isReversal) || usage === undefined || usedAt === undefined) return
    const line = decodeUsageLine(usage)
    if (line === null) return
    const row = this.#row(usedAt, entry.account, line.model)
    if (spent !== undefined) row.cost += BigInt(spent)
    if (isReversal) return
    const written = line.cacheWrite5mTokens + line.cacheWrite1hTokens
    row.calls += 1
    this.#total(entry.account).calls += 1
    row.inputTokens += line.inputTokens + line.cacheReadTokens + written
    row.outputTokens += line.outputTokens + line.reasoningTokens
    row.cacheReadTokens += line.cacheReadTokens
    row.cacheWriteTokens += written
    row.reasoningTokens += line.reasoningTokens
  }

  addByok(record: ByokRecord): void {
    const row = this.#row(record.at, record.account, record.model)
    row.byokCalls += 1
    row.byokInputTokens += record.inputTokens
    row.byokOutputTokens += record.outputTokens
  }
}

/** A journal message that does not follow the last one counted: entries between them are missing. */
export interface JournalGap {
  readonly partition: number
  /** Last entry counted. */
  readonly position: number
  /** What the message says came before it. */
  readonly after: number
}

/** Positions of the partitions: the seq of the last entry counted, 0 at the beginning. */
export type Positions = Map<number, number>

/**
 * Adds the entries of one message that were not counted yet and moves the partition's position. Repeated messages, also
 * ones cut differently after a crash of the ledger, add only what is new. A gap adds nothing: never skipped silently.
 */
export const foldJournal = (rollup: Rollup, positions: Positions, message: JournalMessage): JournalGap | null => {
  const { partition, after, entries } = message
  const position = positions.get(partition) ?? 0
  if (after > position) return { partition, position, after }
  let last = position
  for (const entry of entries) {
    if (entry.seq <= last) continue
    rollup.addEntry(entry)
    last = entry.seq
  }
  positions.set(partition, last)
  return null
}
