/**
 * What the ledger is told, one entry group each: grants, the exchange of an upgrade, entitlements, the renewal
 * mark. Pure. Every id follows from our own intent, so that repeating one is harmless for ever (I8).
 */
import type { Instant, Nano } from "@credits/kernel"
import { cycleEnd, cycleStart, nextPeriod } from "./period.ts"
import { entitledUntil } from "./renewal.ts"
import type {
  ComplimentarySubscription,
  Happened,
  LedgerCommand,
  LedgerWork,
  PaidSubscription,
} from "./subscription.ts"
import { FREE } from "./terms.ts"

/** Causes of lots. */
export const grantId = (obligation: string): string => `grant:${obligation}`
export const cycleId = (subscription: PaidSubscription, start: Instant): string => `cycle:${subscription.id}:${start}`

/** The cycle that runs; while a renewal is owed, the one it will be for: its boundaries are scheduled (R5.4). */
const cycleOf = (subscription: PaidSubscription): { readonly start: Instant; readonly end: Instant } => {
  const { period, pastDue, terms } = subscription
  const shown = pastDue === null ? period : nextPeriod(period, terms.interval)
  return { start: cycleStart(shown), end: cycleEnd(shown) }
}

const entitle = (account: string, id: string, subscription: PaidSubscription): LedgerCommand => {
  const { terms, pastDue } = subscription
  return {
    op: "entitle",
    id,
    account,
    plan: terms.plan,
    hostedModels: terms.hostedModels,
    until: entitledUntil(subscription),
    cycle: cycleOf(subscription),
    ...(terms.topUpThreshold !== null && { lowBelow: terms.topUpThreshold.toString() }),
    pastDue: pastDue !== null,
  }
}

const clearMark = (account: string, id: string): LedgerCommand => ({
  op: "mark",
  id,
  account,
  mark: "renewal",
  until: 0,
})

const work = (id: string, commands: ReadonlyArray<LedgerCommand>, rest: Partial<LedgerWork> = {}): LedgerWork => ({
  id,
  commands,
  lot: null,
  oldLot: null,
  obligation: null,
  facts: [],
  ...rest,
})

export interface CreditOptions {
  /** The operation that is done with it. */
  readonly obligation: string | null
  readonly facts: ReadonlyArray<Happened>
  readonly clearMark: boolean
  /** R4.3: what goes back, from which lot. */
  readonly exchange?: {
    readonly from: string
    readonly takenBack: Nano
    readonly oldLot: LedgerWork["oldLot"]
  }
}

/**
 * The cycle that begins, as the entitlement that its credit is used under, and the credit: one entry group. The cycle
 * comes first, so that the ledger counts the credit as granted in it.
 */
export const creditWork = (account: string, subscription: PaidSubscription, options: CreditOptions): LedgerWork => {
  const { obligation, facts, exchange } = options
  const id = subscription.lot.cause
  const grant = {
    kind: "plan" as const,
    amount: subscription.terms.creditsPerCycle.toString(),
    expiresAt: cycleEnd(subscription.period),
    cause: id,
  }
  const credit: LedgerCommand =
    exchange === undefined
      ? { op: "grant", id, account, ...grant }
      : { op: "exchange", id, account, from: exchange.from, back: exchange.takenBack.toString(), grant }
  const commands = [entitle(account, id, subscription), credit, ...(options.clearMark ? [clearMark(account, id)] : [])]
  return work(id, commands, { lot: id, oldLot: exchange?.oldLot ?? null, obligation, facts })
}

/** `revision` keeps ids apart when several changes fall into one instant. */
const entitlementId = (subscriptionId: string, what: string, revision: number, now: Instant): string =>
  `entitle:${subscriptionId}:${what}.${revision}:${now}`

/** The standing changed and no credit with it: canceled, resumed, past due. */
export const standingWork = (
  account: string,
  subscription: PaidSubscription,
  what: string,
  { revision, now, clears }: { readonly revision: number; readonly now: Instant; readonly clears: boolean },
): LedgerWork => {
  const id = entitlementId(subscription.id, what, revision, now)
  return work(id, [entitle(account, id, subscription), ...(clears ? [clearMark(account, id)] : [])])
}

/** R1.8: no plan from now on. */
export const endWork = (account: string, subscriptionId: string, revision: number, now: Instant): LedgerWork => {
  const id = entitlementId(subscriptionId, "ended", revision, now)
  return work(id, [{ op: "entitle", id, account, plan: FREE, hostedModels: false }, clearMark(account, id)])
}

/** Money that was given back takes what is left of its credit with it (R5.2). */
export const revokeWork = (account: string, obligation: string, lotId: string, amount: Nano): LedgerWork => {
  const id = `revoke:${obligation}`
  return work(id, [{ op: "revoke", id, account, lotId, amount: amount.toString(), cause: id }])
}

export const complimentaryWork = (
  account: string,
  subscription: ComplimentarySubscription,
  revision: number,
): LedgerWork => {
  const id = entitlementId(subscription.id, "complimentary", revision, subscription.since)
  const { plan, hostedModels, until } = subscription
  return work(id, [{ op: "entitle", id, account, plan, hostedModels, ...(until !== null && { until }) }])
}

/** R2.3: while a charge is being decided, what other lots do not cover is answered `renewal_in_progress`. */
export const markWork = (account: string, obligation: string, attempt: number, until: Instant): LedgerWork => {
  const id = `mark:${obligation}:${attempt}:${until}`
  return work(id, [{ op: "mark", id, account, mark: "renewal", until }])
}

/**
 * R4.3 when the old lot expired before its credit could be taken back: what expired of it then cannot be used any more
 * either, so it counts as taken. `expired`: nano-USD.
 */
export const afterExpiry = (commands: ReadonlyArray<LedgerCommand>, expired: Nano): ReadonlyArray<LedgerCommand> =>
  commands.map((command) => {
    if (command.op !== "exchange") return command
    const { id, account, grant } = command
    const back = BigInt(command.back) - expired
    return back > 0n ? { ...command, back: back.toString() } : { op: "grant", id, account, ...grant }
  })
