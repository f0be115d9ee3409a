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

/** Nothing yet. */
export const NO_USAGE: Readonly<UsageSums> = {
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

/** What was added to one account: its rows, the newest last, and its total. */
interface AccountDelta {
  readonly rows: Array<RollupDelta>
  total: TotalDelta | undefined
}

/** Sums by row; many entries of a batch fall on the same one. Given out in the order of the tables' keys. */
export class Rollup {
  readonly #accounts = new Map<string, AccountDelta>()
  #sorted: ReadonlyArray<AccountDelta> | undefined
  #dayNumber = Number.NaN
  #day = ""

  /** Neighbours in a table share pages, and a commit writes every page once. */
  get #inOrder(): ReadonlyArray<AccountDelta> {
    return (this.#sorted ??= [...this.#accounts.keys()].sort().map((account) => this.#accounts.get(account)!))
  }

  get rows(): ReadonlyArray<RollupDelta> {
    const byDay = new Map<string, Array<RollupDelta>>()
    for (const { rows } of this.#inOrder) {
      for (const row of rows) {
        const day = byDay.get(row.day)
        if (day === undefined) byDay.set(row.day, [row])
        else day.push(row)
      }
    }
    return [...byDay.keys()].sort().flatMap((day) => byDay.get(day)!)
  }

  get totals(): ReadonlyArray<TotalDelta> {
    return this.#inOrder.map(({ total }) => total).filter((total) => total !== undefined)
  }

  #of(account: string): AccountDelta {
    let found = this.#accounts.get(account)
    if (found === undefined) {
      found = { rows: [], total: undefined }
      this.#accounts.set(account, found)
      this.#sorted = undefined
    }
    return found
  }

  #total(of: AccountDelta, account: string): TotalDelta {
    return (of.total ??= { account, calls: 0, recharges: 0, recharged: 0n })
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

  #row({ rows }: AccountDelta, at: number, account: string, model: string): RollupDelta {
    const day = this.#dayOf(at)
    // An account has few rows in a batch, and one entry is mostly like the one before.
    for (let i = rows.length - 1; i >= 0; i--) {
      const row = rows[i]!
      if (row.model === model && row.day === day) return row
    }
    const row = { day, account, model, ...NO_USAGE }
    rows.push(row)
    return row
  }

  /** A charge, its reversal, or a grant outside a plan's cycle; every other kind of entry adds nothing. */
  addEntry(entry: JournalEntry): void {
    if (entry.kind === "granted" || entry.kind === "adjusted") this.#addRecharge(entry)
    else this.#addCharge(entry)
  }

  #addRecharge({ account, body: { opened } }: JournalEntry): void {
    if (opened === undefined || opened.kind === "plan") return
    const total = this.#total(this.#of(account), account)
    total.recharges += 1
    total.recharged += BigInt(opened.amount)
  }

  #addCharge(entry: JournalEntry): void {
    const { usage, usedAt, spent } = entry.body
    const isReversal = entry.kind === "reversed"
    if ((entry.kind !== "charged" && !isReversal) || usage === undefined || usedAt === undefined) return
    const line = decodeUsageLine(usage)
    if (line === null) return
    const of = this.#of(entry.account)
    const row = this.#row(of, usedAt, entry.account, line.model)
    if (spent !== undefined) row.cost += BigInt(spent)
    if (isReversal) return
    const written = line.cacheWrite5mTokens + line.cacheWrite1hTokens
    row.calls += 1
    this.#total(of, entry.account).calls += 1
    row.inputTokens += line.inputTokens + line.cacheReadTokens + written
    row.outputTokens += line.outputTokens + line.reasoningTokens
    row.cacheReadTokens += line.cacheReadTokens
    row.cacheWriteTokens += written
    row.reasoningTokens += line.reasoningTokens
  }

  addByok(record: ByokRecord): void {
    const row = this.#row(this.#of(record.account), record.at, record.account, record.model)
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
