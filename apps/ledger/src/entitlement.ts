/**
 * Entitlement intervals, freezing by support, refill and renewal marks (decision 13, R1.5, R1.8, R6.2). Pure.
 */
import type { Instant } from "@credits/kernel"
import type { Account } from "./account.ts"
import { makeEntry, type Entry, type EntitlementOpened } from "./entry.ts"
import type { LotChange } from "./lot.ts"
import { payInOrder } from "./lot.ts"
import { answered, record, refused, type Context, type Outcome } from "./outcome.ts"

const done = (account: Account): Outcome => answered({ seq: account.n, availableAfter: account.available.toString() })

/**
 * Opens an interval; unheld credit moves between available and frozen with it, and pays debt when it becomes available.
 */
export const openInterval = (
  account: Account,
  entitlement: EntitlementOpened,
  at: Instant,
  cause: string,
  reason: string,
  entries: Array<Entry>,
): void => {
  const entry = makeEntry("entitled", at, cause)
  entry.entitlement = entitlement
  entry.reason = reason
  if (entitlement.hostedModels && !account.entitled) {
    const paid = account.debt < account.frozen ? account.debt : account.frozen
    const also: Array<LotChange> = []
    if (paid > 0n) payInOrder(account.lots, paid, also)
    entry.also = also
    entry.debt = -paid
    entry.frozen = -account.frozen
    entry.available = account.frozen - paid
  } else if (!entitlement.hostedModels && account.entitled) {
    entry.available = -account.available
    entry.frozen = account.available
  }
  record(account, entries, entry)
}

/** R1.8: a plan from an instant on. An interval cannot begin in the future: subscriptions command it when it begins. */
export const decideEntitle = (
  account: Account,
  command: { readonly id: string; readonly entitlement: EntitlementOpened; readonly reason: string },
  ctx: Context,
  entries: Array<Entry>,
): Outcome => {
  const { from, until } = command.entitlement
  if (from > ctx.now) return refused("invalid", "an entitlement cannot begin in the future", { field: "from" })
  if (until <= ctx.now) return refused("invalid", "the entitlement would already have ended", { field: "until" })
  const last = account.entitlements.at(-1)
  if (last !== undefined && from < last.from) {
    return refused("invalid", "an entitlement cannot begin before the one in force", { field: "from" })
  }
  openInterval(account, command.entitlement, ctx.now, command.id, command.reason, entries)
  return done(account)
}

/** R6.2 `account_frozen`: support or fraud; the reason is kept and shown. Open holds stay. */
export const decideFreeze = (
  account: Account,
  command: { readonly id: string; readonly reason: string; readonly freeze: boolean },
  ctx: Context,
  entries: Array<Entry>,
): Outcome => {
  if ((account.freeze !== null) === command.freeze) return done(account)
  const entry = makeEntry(command.freeze ? "froze" : "unfroze", ctx.now, command.id)
  entry.freeze = command.freeze ? command.reason : ""
  entry.reason = command.reason
  record(account, entries, entry)
  return done(account)
}

/** Refill or renewal in progress until an instant; it ends by itself, so a lost `clear` cannot block for ever. */
export const decideMark = (
  account: Account,
  command: { readonly id: string; readonly mark: "refill" | "renewal"; readonly until: Instant },
  ctx: Context,
  entries: Array<Entry>,
): Outcome => {
  const entry = makeEntry("marked", ctx.now, command.id)
  entry.mark = { name: command.mark, until: command.until }
  record(account, entries, entry)
  return done(account)
}
