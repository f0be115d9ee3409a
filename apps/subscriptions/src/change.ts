/**
 * One decision in the making: the document as it becomes, what happened, and the rows to write. Owns the plumbing every
 * rule uses; no rule is here. Pure: time, ids and the catalogue come in.
 */
import type { IdPrefix, Instant } from "@credits/kernel"
import type { Catalogue } from "@credits/pricebook"
import type { CaseRow } from "./review.ts"
import type { Happened, LedgerWork, Operation, PaidSubscription, Quote, State } from "./subscription.ts"

export interface Env {
  /** Every published version, by effective instant. */
  readonly catalogues: ReadonlyArray<Catalogue>
}

export interface Change {
  state: State
  readonly now: Instant
  readonly env: Env
  readonly newId: (prefix: IdPrefix) => string
  readonly facts: Array<Happened>
  readonly rows: Array<CaseRow>
}

export const patch = (change: Change, part: Partial<State>): void => {
  change.state = { ...change.state, ...part }
}

/** A change of what the account is subscribed to: quotes made before are stale (R4.4). */
export const revise = (change: Change, subscription: State["subscription"]): void =>
  patch(change, { subscription, revision: change.state.revision + 1 })

/** A change of the paid subscription that no quote depends on. */
export const patchPaid = (
  change: Change,
  subscription: PaidSubscription,
  part: Partial<PaidSubscription>,
): PaidSubscription => {
  const next = { ...subscription, ...part }
  patch(change, { subscription: next })
  return next
}

export const patchOperation = (change: Change, operation: Operation, part: Partial<Operation>): Operation => {
  const next = { ...operation, ...part }
  patch(change, { operation: next })
  return next
}

/** What became of a quote, if it is still remembered. */
export const patchQuote = (change: Change, id: string, part: Partial<Quote>): void =>
  patch(change, { quotes: change.state.quotes.map((quote) => (quote.id === id ? { ...quote, ...part } : quote)) })

export const tell = (change: Change, kind: Happened["kind"], cause: string, detail: Happened["detail"] = {}): void =>
  void change.facts.push({ kind, cause, detail })

const opensNothing = (work: LedgerWork): boolean => work.id.startsWith("entitle:") && work.facts.length === 0

const clearsMark = ({ commands }: LedgerWork): boolean =>
  commands.some((command) => command.op === "mark" && command.until === 0)

/** All that the one told the ledger the other tells it too. */
const replaces = (work: LedgerWork, last: LedgerWork): boolean =>
  opensNothing(last) && opensNothing(work) && (clearsMark(work) || !clearsMark(last))

/**
 * Queues work for the ledger. Of entitlements that wait behind other work only the newest matters; the first of the
 * queue may be under way and stays.
 */
export const queueWork = (change: Change, work: LedgerWork): void => {
  const queue = change.state.work
  const last = queue.at(-1)
  const isReplaced = queue.length > 1 && last !== undefined && replaces(work, last)
  patch(change, { work: [...(isReplaced ? queue.slice(0, -1) : queue), work] })
}
