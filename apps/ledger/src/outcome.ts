/**
 * What a decision answers, and the step it works in. Pure.
 */
import type { LedgerRefusal, RefusalCode } from "@credits/contracts"
import type { Instant, Nano } from "@credits/kernel"
import { assertIdentity, evolve, type Account } from "./account.ts"
import { insertLot, openedLot, payInOrder, type Lot, type LotChange } from "./lot.ts"
import type { Entry } from "./entry.ts"

/** Inputs of a decision that are not state: the batch's instant and fresh ids. */
export interface Context {
  readonly now: Instant
  /** After a takeover holds do not expire until the owner has caught up (decision 11). */
  readonly holdsMayExpire: boolean
  readonly newLotId: () => string
  readonly newHoldId: (accountId: string) => string
}

export type Outcome =
  | { readonly _tag: "answered"; readonly answer: unknown }
  | { readonly _tag: "refused"; readonly refusal: LedgerRefusal }
  /** Nobody can decide this automatically: kept as a dead letter, nothing changed. */
  | { readonly _tag: "review"; readonly reason: string; readonly detail: string }

export const answered = (answer: unknown): Outcome => ({ _tag: "answered", answer })

export const refused = (code: RefusalCode, detail: string, more: Partial<LedgerRefusal> = {}): Outcome => ({
  _tag: "refused",
  refusal: { code, detail, ...more },
})

/** Applies an entry, asserts the identity and keeps it for the commit. */
export const record = (account: Account, entries: Array<Entry>, entry: Entry): void => {
  evolve(account, entry)
  assertIdentity(account)
  entries.push(entry)
}

/** The account's lots as they will be once the entry has opened its lot. */
const lotsWithOpened = (account: Account, { opened, at }: Entry): ReadonlyArray<Lot> => {
  if (opened === null) return account.lots
  const lots = [...account.lots]
  insertLot(lots, openedLot(opened, at))
  return lots
}

/**
 * Distributes credit that became free: to debt first, the rest to available; on Free everything stays frozen (R6.4,
 * R1.5). `freed` is the rise of available + frozen before debt is paid. Sets the entry's buckets.
 */
export const settleFreed = (account: Account, entry: Entry, freed: Nano, extraDebt: Nano = 0n): void => {
  if (!account.entitled) {
    entry.frozen += freed
    entry.debt += extraDebt
    return
  }
  const debt = account.debt + entry.debt + extraDebt
  const available = account.available + entry.available + freed
  const paid = debt < available ? debt : available
  entry.debt += extraDebt
  entry.available += freed
  if (paid <= 0n) return
  const also: Array<LotChange> = [...entry.also]
  payInOrder(lotsWithOpened(account, entry), paid, also, [...entry.lots, ...entry.also])
  entry.also = also
  entry.debt -= paid
  entry.available -= paid
}
