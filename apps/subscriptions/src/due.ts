/**
 * What waits for time (R2, R5.4, R12.1): credit cycles, renewals, reminders, attempts, ends, the renewal mark and
 * authentication that took too long. Pure. Owns when each is due and what it begins; one a decision, the earliest
 * first, so that each runs at its own instant.
 */
import { NANO_PER_CENT, type Instant } from "@credits/kernel"
import { patchPaid, patchOperation, queueWork, revise, tell, type Change } from "./change.ts"
import { endRefunded, endSubscription } from "./ending.ts"
import { creditWork, cycleId } from "./ledger-work.ts"
import { beginRenewal, endOwed, markFor } from "./operation.ts"
import { cycleEnd, cycleStart, nextCycle, periodEnd } from "./period.ts"
import { nextOffering, pastDueEnd, renewalTerms } from "./renewal.ts"
import type { Operation, PaidSubscription, State } from "./subscription.ts"

type PaidDueKind = "cycle" | "period_end" | "remind" | "attempt" | "past_due_end"
type DueKind = PaidDueKind | "complimentary_end" | "mark" | "look"

interface Due {
  readonly at: Instant
  readonly kind: DueKind
}

/** Payments tells by itself when nobody authenticated in time; this much later it is asked. */
const LOOK_AFTER_MS = 5 * 60_000
/** A mark is renewed before it ends. */
const MARK_AHEAD_MS = 60_000

const operationDues = (state: State, operation: Operation): ReadonlyArray<Due> => {
  const dues: Array<Due> = []
  if (operation.phase === "action_required" && operation.action !== null) {
    dues.push({ at: operation.action.expiresAt + LOOK_AFTER_MS, kind: "look" })
  }
  const { subscription } = state
  if (subscription?.kind !== "paid" || subscription.pastDue !== null || operation.phase === "granting") return dues
  // The plan's credit has run out and what follows waits for the charge: calls are told to wait too (R2.3).
  if (operation.mark !== null) dues.push({ at: operation.mark.until - MARK_AHEAD_MS, kind: "mark" })
  else if (operation.kind === "upgrade") dues.push({ at: cycleEnd(subscription.period), kind: "mark" })
  return dues
}

const paidDues = (subscription: PaidSubscription, hasCredit: boolean): ReadonlyArray<Due> => {
  const { period, pastDue, cancelAtPeriodEnd, remindAt } = subscription
  if (pastDue !== null) {
    const dues: Array<Due> = [{ at: pastDueEnd(pastDue.since), kind: "past_due_end" }]
    if (pastDue.nextAttemptAt !== null) dues.unshift({ at: pastDue.nextAttemptAt, kind: "attempt" })
    return dues
  }
  const dues: Array<Due> = []
  if (remindAt !== null && !cancelAtPeriodEnd) dues.push({ at: remindAt, kind: "remind" })
  if (cycleEnd(period) < periodEnd(period)) {
    // One grant at a time: the next cycle's waits until the ledger has this one's.
    if (!hasCredit) dues.push({ at: cycleEnd(period), kind: "cycle" })
  } else dues.push({ at: periodEnd(period), kind: "period_end" })
  return dues
}

/** R4.6: while a charge is undecided what would follow waits; its decision lets it go on. */
const duesOf = (state: State): ReadonlyArray<Due> => {
  const { subscription, operation } = state
  if (operation !== null) return operationDues(state, operation)
  if (subscription === null) return []
  if (subscription.kind === "complimentary") {
    return subscription.until === null ? [] : [{ at: subscription.until, kind: "complimentary_end" }]
  }
  return paidDues(
    subscription,
    state.work.some((work) => work.lot !== null),
  )
}

/** The earliest; of one instant the first named. */
const earliest = (state: State): Due | null => {
  let first: Due | null = null
  for (const due of duesOf(state)) if (first === null || due.at < first.at) first = due
  return first
}

export const nextDue = (state: State): Instant | null => earliest(state)?.at ?? null

/** R1.4: a credit cycle of a year begins. */
const beginCycle = (change: Change, before: PaidSubscription): void => {
  const period = nextCycle(before.period)
  const start = cycleStart(period)
  const subscription = { ...before, period, lot: { cause: cycleId(before, start), id: null } }
  revise(change, subscription)
  const fact = {
    kind: "cycle_began" as const,
    cause: subscription.lot.cause,
    detail: { subscriptionId: before.id, cycleStart: start, cycleEnd: cycleEnd(period) },
  }
  queueWork(
    change,
    creditWork(change.state.account, subscription, { obligation: null, facts: [fact], clearMark: false }),
  )
}

/**
 * R0.3: the price named here is the most the renewal may cost; a reminder that an undecided charge held back names that
 * of the instant it was due at. R11: the first full price is said as such.
 */
const remind = (change: Change, subscription: PaidSubscription): void => {
  const at = periodEnd(subscription.period)
  const { plan, interval } = nextOffering(subscription)
  const { price } = renewalTerms(subscription, change.env.catalogues, change.now)
  patchPaid(change, subscription, { remindAt: null, reminder: { plan, interval, price }, offerEndsUntold: false })
  const detail = { subscriptionId: subscription.id, at, amountCents: Number(price / NANO_PER_CENT), plan, interval }
  // Another downgrade makes another reminder of the same renewal.
  tell(change, "renewal_reminder", `${subscription.id}:${at}:${change.state.revision}`, detail)
  if (subscription.offerEndsUntold) tell(change, "offer_ends", `${subscription.id}:${at}`, detail)
}

const takePaidDue = (change: Change, subscription: PaidSubscription, kind: PaidDueKind): void => {
  switch (kind) {
    case "cycle":
      return beginCycle(change, subscription)
    case "remind":
      return remind(change, subscription)
    case "period_end":
      if (subscription.isRefunded === true) return endRefunded(change, subscription)
      if (subscription.cancelAtPeriodEnd) return endSubscription(change, "canceled")
      return beginRenewal(change, subscription, false)
    case "attempt":
      return beginRenewal(change, subscription, false)
    case "past_due_end":
      return endOwed(change, subscription)
  }
}

export const takeDue = (change: Change): void => {
  const due = earliest(change.state)
  if (due === null || due.at > change.now) return
  const { subscription, operation } = change.state
  switch (due.kind) {
    case "look":
      if (operation !== null) patchOperation(change, operation, { phase: "looking" })
      return
    case "mark":
      if (operation !== null) markFor(change, operation)
      return
    case "complimentary_end":
      return endSubscription(change, "complimentary_ended")
    default:
      if (subscription?.kind === "paid") takePaidDue(change, subscription, due.kind)
  }
}
