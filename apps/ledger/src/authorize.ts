/**
 * Authorize, extend, release (R6.1, R6.2, R6.3). Pure.
 */
import type { HoldAnswer, RefusalCode } from "@credits/contracts"
import { formatUsd, type Instant, type Nano } from "@credits/kernel"
import type { Account, Hold } from "./account.ts"
import { makeEntry, type Entry } from "./entry.ts"
import { expireUnneededResidues } from "./hold.ts"
import type { LotChange } from "./lot.ts"
import { answered, record, refused, settleFreed, type Context, type Outcome } from "./outcome.ts"

/** R6.3: a hold that is not settled expires after 15 minutes unless asked otherwise, at most an hour (contract 4). */
export const HOLD_TTL_MS = 15 * 60_000
export const HOLD_TTL_MAX_MS = 60 * 60_000
/** Limit of open holds of one account: far above any real concurrency, bounds memory and due work. */
export const OPEN_HOLDS_MAX = 20_000
/** What a retryable refusal suggests; a top-up or renewal is usually decided within seconds. */
const RETRY_AFTER_MS = 5_000

export interface AuthorizeCommand {
  readonly id: string
  readonly amount: Nano
  /** Null: all or nothing. */
  readonly atLeast: Nano | null
  readonly ttl: number
}

/** R6.2: why credit is short right now, the retryable reasons first. */
const shortOfCredit = (account: Account, now: Instant): RefusalCode => {
  if (account.renewalUntil > now) return "renewal_in_progress"
  if (account.refillUntil > now) return "top_up_in_progress"
  return account.pastDue ? "payment_past_due" : "insufficient_balance"
}

const refuseForCredit = (account: Account, wanted: Nano, now: Instant): Outcome => {
  const code = shortOfCredit(account, now)
  const retry = code === "renewal_in_progress" || code === "top_up_in_progress" ? { retryAfter: RETRY_AFTER_MS } : {}
  const owed = account.debt > 0n ? ` and ${formatUsd(account.debt)} USD is owed` : ""
  return refused(code, `${formatUsd(wanted)} USD needed, ${formatUsd(account.available)} USD available${owed}`, {
    available: account.available.toString(),
    ...retry,
  })
}

const holdAnswer = (account: Account, hold: Hold): HoldAnswer => ({
  holdId: hold.id,
  held: hold.amount.toString(),
  expiresAt: hold.expiresAt,
  availableAfter: account.available.toString(),
})

/** Refusals that do not depend on the amount: frozen by support, no plan. */
const refuseAccount = (account: Account, now: Instant): Outcome | null => {
  if (account.freeze !== null) return refused("account_frozen", `this account is frozen: ${account.freeze.reason}`)
  if (account.entitled) return null
  if (account.renewalUntil > now) {
    return refused("renewal_in_progress", "the plan is being renewed", { retryAfter: RETRY_AFTER_MS })
  }
  return refused("plan_required", "hosted models need a paid plan; local tools and BYOK work without one")
}

/** R6.1: a hold reduces what is available; N concurrent ones never promise more than the balance (I4). */
export const decideAuthorize = (
  account: Account,
  command: AuthorizeCommand,
  ctx: Context,
  entries: Array<Entry>,
): Outcome => {
  const no = refuseAccount(account, ctx.now)
  if (no !== null) return no
  const { available } = account
  const partial = command.atLeast !== null && command.atLeast > 0n && command.atLeast <= available
  if (account.debt > 0n || (command.amount > available && !partial)) {
    return refuseForCredit(account, command.atLeast ?? command.amount, ctx.now)
  }
  if (account.holds !== null && account.holds.size >= OPEN_HOLDS_MAX) {
    return refused("overloaded", `this account has ${OPEN_HOLDS_MAX} open holds; settle or release some`, {
      retryAfter: 1000,
    })
  }
  const amount = command.amount <= available ? command.amount : available
  const hold = { id: ctx.newHoldId(account.id), amount, expiresAt: ctx.now + command.ttl }
  const entry = makeEntry("held", ctx.now, command.id)
  entry.hold = hold
  entry.held = amount
  entry.available = -amount
  record(account, entries, entry)
  return answered(holdAnswer(account, hold))
}

/** R6.2: a hold can be extended while a call streams. The extension backs itself on live lots only (R6.7). */
export const decideExtend = (
  account: Account,
  command: { readonly id: string; readonly holdId: string; readonly amount: Nano },
  ctx: Context,
  entries: Array<Entry>,
): Outcome => {
  const hold = account.holds?.get(command.holdId)
  if (hold === undefined)
    return refused("hold_not_open", "this hold is not open: it was settled, released or has expired")
  const no = refuseAccount(account, ctx.now)
  if (no !== null) return no
  if (account.debt > 0n || command.amount > account.available) return refuseForCredit(account, command.amount, ctx.now)
  const extended = { id: hold.id, amount: hold.amount + command.amount, expiresAt: hold.expiresAt }
  const entry = makeEntry("extended", ctx.now, command.id)
  entry.hold = extended
  entry.held = command.amount
  entry.available = -command.amount
  record(account, entries, entry)
  return answered(holdAnswer(account, extended))
}

/** Closes a hold without a charge; what it kept of an expired lot expires now (R6.7). */
export const closeHold = (
  account: Account,
  hold: Hold,
  kind: "released" | "hold_expired",
  at: Instant,
  cause: string,
  entries: Array<Entry>,
): void => {
  const entry = makeEntry(kind, at, cause)
  entry.hold = { id: hold.id, amount: 0n, expiresAt: hold.expiresAt }
  entry.held = -hold.amount
  const also: Array<LotChange> = []
  entry.expired = expireUnneededResidues(account, hold.id, [], also)
  entry.also = also
  settleFreed(account, entry, hold.amount - entry.expired)
  record(account, entries, entry)
}

/** Releasing a hold that is no longer open changes nothing and succeeds: the caller wanted it gone. */
export const decideRelease = (
  account: Account,
  command: { readonly id: string; readonly holdId: string },
  ctx: Context,
  entries: Array<Entry>,
): Outcome => {
  const hold = account.holds?.get(command.holdId)
  if (hold !== undefined) closeHold(account, hold, "released", ctx.now, command.id, entries)
  return answered({ seq: account.n, availableAfter: account.available.toString() })
}
