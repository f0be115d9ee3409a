/**
 * The one charge in flight (R4.5, R4.6, R5.4): begun by a confirmation, a renewal that is due or "pay now"; moved on by
 * what payments answers and tells, in any order and any number of times; ended by success or a definite failure. Pure.
 */
import { AUTHENTICATION_EXPIRED_CODE, type ChargeView } from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import { patch, patchOperation, patchPaid, patchQuote, queueWork, revise, tell, type Change } from "./change.ts"
import { endIfRefunded, endSubscription } from "./ending.ts"
import { markWork, standingWork } from "./ledger-work.ts"
import { claimOffer, releaseOffer } from "./offer.ts"
import { provePayment } from "./paid.ts"
import { periodEnd } from "./period.ts"
import { inFull } from "./proration.ts"
import { nextAttemptAfter, pastDueEnd, renewalTerms } from "./renewal.ts"
import {
  paidSubscription,
  renewalObligation,
  type Failure,
  type Operation,
  type PaidSubscription,
  type Quote,
  type RenewalTerms,
} from "./subscription.ts"

/** PAYING: the first mark; each further one doubles, up to a day. It is cleared when the charge is decided. */
export const MARK_MS = 10 * 60_000
const MARK_MS_MAX = 86_400_000

const operation = (
  change: Change,
  part: Pick<Operation, "kind" | "phase" | "obligation" | "attempt" | "amountCents">,
): Operation => ({
  present: true,
  since: change.now,
  chargeId: null,
  action: null,
  quote: null,
  renewal: null,
  closing: null,
  mark: null,
  cancelRequested: false,
  wasTold: false,
  cardChanged: false,
  ...part,
})

/** R10.1. */
export const obligationOf = (quote: Quote, draftId: string | null): string =>
  quote.action === "new" ? `first:${draftId}` : `upgrade:${quote.id}`

/** The operation of a confirmed quote; a first month's offer is claimed with it (R3.2). */
export const confirmedInFlight = (change: Change, quote: Quote, obligation: string): Operation => {
  const kind = quote.action === "new" ? "purchase" : "upgrade"
  const attempt = kind === "purchase" ? change.state.draftAttempts : quote.attempts
  const amountCents = quote.proration.chargeCents
  if (quote.atOffer) change.state = claimOffer(change.state, obligation)
  const phase = amountCents === 0 ? "granting" : "planned"
  return { ...operation(change, { kind, phase, obligation, attempt, amountCents }), quote }
}

/** The customer confirmed a quote that holds (R4.4). */
export const beginConfirmed = (change: Change, quoted: Quote): void => {
  const quote = { ...quoted, attempts: quoted.attempts + 1, result: null }
  patchQuote(change, quote.id, quote)
  if (quote.action === "new") {
    const { draftId, draftAttempts } = change.state
    patch(change, { draftId: draftId ?? change.newId("sub"), draftAttempts: draftAttempts + 1 })
  }
  const begun = confirmedInFlight(change, quote, obligationOf(quote, change.state.draftId))
  const { subscription } = change.state
  if (subscription?.kind === "paid" && subscription.pastDue !== null) {
    // R4.7: first the open renewal must be certain never to be paid.
    const closing = { obligation: renewalObligation(subscription), next: "charge" as const }
    patch(change, { operation: { ...begun, phase: "closing", closing } })
    return
  }
  start(change, begun)
}

const start = (change: Change, begun: Operation): void => {
  patch(change, { operation: begun })
  if (begun.phase === "granting") provePayment(change, begun)
}

export const markFor = (change: Change, current: Operation): Operation => {
  const length = current.mark === null ? MARK_MS : Math.min(current.mark.length * 2, MARK_MS_MAX)
  const until = change.now + length
  queueWork(change, markWork(change.state.account, current.obligation, current.attempt, until))
  return patchOperation(change, current, { mark: { until, length } })
}

/** A renewal is due, is tried again, or is paid now. */
export const beginRenewal = (change: Change, subscription: PaidSubscription, present: boolean): void => {
  const renewal =
    subscription.pastDue?.renewal ?? renewalTerms(subscription, change.env.catalogues, periodEnd(subscription.period))
  const attempt = subscription.attempts + 1
  patchPaid(change, subscription, { attempts: attempt })
  const begun: Operation = {
    ...operation(change, {
      kind: "renewal",
      phase: "charging",
      obligation: renewalObligation(subscription),
      attempt,
      amountCents: inFull(renewal.price).chargeCents,
    }),
    present,
    renewal,
  }
  if (begun.amountCents === 0) start(change, { ...begun, phase: "granting" })
  else if (subscription.pastDue === null) markFor(change, begun)
  else patch(change, { operation: begun })
}

/** The account has a card, or not. */
export const takeMethod = (change: Change, current: Operation, hasMethod: boolean): void => {
  if (hasMethod) patchOperation(change, current, { phase: "charging" })
  else fail(change, current, noMethod)
}

export const noMethod: Failure = {
  code: "payment_method_required",
  detail: "there is no payment method; add a card first",
  chargeId: null,
  isFinal: true,
}

/** R5.4: what is not soft is of no use until the card changes. */
const failureOf = ({ status, chargeId, decline, method }: ChargeView): Failure => {
  if (status === "canceled") return notCompleted(chargeId)
  const code = "payment_declined"
  if (status !== "declined") {
    return { code, chargeId, detail: "the payment was not carried out; nothing was charged", isFinal: false }
  }
  const detail = decline?.detail ?? "the card was declined"
  return { code, chargeId, detail, isFinal: decline?.class !== "soft", methodId: method?.id ?? null }
}

const notCompleted = (chargeId: string | null): Failure => ({
  code: "payment_declined",
  detail: "the payment was not completed in time; nothing was charged",
  chargeId,
  isFinal: false,
})

/** Payments says how a charge stands: an answer, a fact or a look, old or new, perhaps told before. */
export const takeCharge = (change: Change, current: Operation, charge: ChargeView): void => {
  const { phase } = current
  if (phase === "granting") return
  if (charge.status === "succeeded") {
    provePayment(change, { ...current, chargeId: charge.chargeId })
    return
  }
  // Nothing of this attempt was asked yet.
  if (phase === "planned") return
  if (phase === "closing") return heardWhileClosing(change, current, charge)
  // An obligation's earlier attempts are decided; what is told of them late changes nothing.
  if (charge.attempt !== current.attempt) return
  switch (charge.status) {
    case "declined":
    case "not_executed":
    case "canceled":
      if (isOpenAtTheBank(current, charge)) {
        giveUpAction(change, { ...current, chargeId: charge.chargeId })
        return
      }
      if (charge.status === "canceled") forgetObligation(change, current)
      fail(change, { ...current, chargeId: charge.chargeId }, failureOf(charge))
      return
    case "action_required":
      requireAction(change, current, charge)
      return
    case "planned":
    case "submitting":
    case "unknown":
    case "review":
      // Older than what is known once the customer was asked to authenticate.
      if (phase === "charging" || phase === "confirming") {
        patchOperation(change, current, { phase: "confirming", chargeId: charge.chargeId })
      } else if (phase === "looking") {
        patchOperation(change, current, { phase: "confirming", action: null })
      }
  }
}

/**
 * The bank's page may still be open, and another upgrade has an obligation of its own: both would be paid (R5.2). A
 * purchase and a renewal keep theirs, which is paid at most once.
 */
const isOpenAtTheBank = ({ kind }: Operation, { decline }: ChargeView): boolean =>
  kind === "upgrade" && decline?.code === AUTHENTICATION_EXPIRED_CODE

const requireAction = (change: Change, current: Operation, charge: ChargeView): void => {
  const { chargeId } = charge
  const action = { clientSecret: charge.clientSecret ?? "", expiresAt: charge.expiresAt ?? change.now }
  if (current.phase === "looking" && action.expiresAt <= change.now) {
    giveUpAction(change, { ...current, chargeId })
    return
  }
  const next = patchOperation(change, current, { phase: "action_required", chargeId, action })
  const subscription = change.state.subscription
  if (next.kind !== "renewal" || subscription?.kind !== "paid") return
  if (subscription.cancelAtPeriodEnd) {
    closeToEnd(change, next)
    return
  }
  const reason = "the card needs your confirmation for this payment"
  const methodId = charge.method?.id ?? null
  const failure: Failure = { code: "payment_declined", detail: reason, chargeId, isFinal: false, methodId }
  const { pastDue } = subscription
  if (pastDue === null) enterPastDue(change, subscription, next, failure)
  else patchPaid(change, subscription, { pastDue: { ...pastDue, nextAttemptAt: null, reason, methodId } })
  if (!next.wasTold) tellFailure(change, next, failure)
  patchOperation(change, next, { wasTold: true })
}

/** The customer did not authenticate in time: nothing may succeed any more (R10.2). */
const giveUpAction = (change: Change, current: Operation): void => {
  if (current.kind === "renewal") {
    // The obligation stays open for the attempts to come; should this one succeed after all, that is a success.
    fail(change, current, notCompleted(current.chargeId))
    return
  }
  patchOperation(change, current, {
    phase: "closing",
    action: null,
    closing: { obligation: current.obligation, next: "fail" },
  })
}

/** What is owed is given up (R5.4): nothing of it may be paid any more, and then the subscription ends. */
export const endOwed = (change: Change, subscription: PaidSubscription): void => {
  if (subscription.pastDue !== null) {
    closeToEnd(change, renewalInFlight(change, subscription, subscription.pastDue.renewal))
  }
}

const closeToEnd = (change: Change, current: Operation): void => {
  patchOperation(change, current, {
    phase: "closing",
    action: null,
    closing: { obligation: current.obligation, next: "end" },
  })
}

const UNDECIDED: ReadonlySet<ChargeView["status"]> = new Set(["planned", "submitting", "unknown", "review"] as const)

/**
 * Something was told of what is being closed. The answer on its way may be older, and "undecided" would then be waited
 * for in vain: it is asked again, and only that answer counts.
 */
export const heardWhileClosing = (change: Change, current: Operation, charge: ChargeView): void => {
  const { closing } = current
  if (closing === null || closing.obligation !== charge.obligation || UNDECIDED.has(charge.status)) return
  if (charge.status === "succeeded") takeClosed(change, current, "succeeded")
  else patchOperation(change, current, { closing: { ...closing, again: (closing.again ?? 0) + 1 } })
}

/** Payments answered a close. `pending`: an attempt is undecided after all, and nothing was closed. */
export const takeClosed = (change: Change, current: Operation, status: "closed" | "succeeded" | "pending"): void => {
  const { closing } = current
  if (closing === null) return
  if (closing.next === "charge") {
    takeRenewalClosed(change, current, status)
    return
  }
  if (status === "succeeded") provePayment(change, current)
  else if (status === "pending") patchOperation(change, current, { phase: "confirming", closing: null })
  else if (closing.next === "end") {
    endSubscription(change, paidSubscription(change.state)?.cancelAtPeriodEnd === true ? "canceled" : "lapsed")
  } else {
    forgetObligation(change, current)
    fail(change, current, notCompleted(current.chargeId))
  }
}

/**
 * A closed obligation is never charged again: the next purchase begins another subscription, the renewal goes on under
 * the next number. A quote's own has expired by then.
 */
export const forgetObligation = (change: Change, { kind, obligation }: Operation): void => {
  const { subscription } = change.state
  if (kind === "purchase") patch(change, { draftId: null, draftAttempts: 0 })
  else if (subscription?.kind === "paid" && renewalObligation(subscription) === obligation) {
    patchPaid(change, subscription, { nextNumber: subscription.nextNumber + 1, attempts: 0 })
  }
}

/** R4.7: before an upgrade of a past-due subscription is charged. */
const takeRenewalClosed = (change: Change, current: Operation, status: "closed" | "succeeded" | "pending"): void => {
  const { subscription } = change.state
  if (subscription?.kind !== "paid" || subscription.pastDue === null) return
  if (status === "closed") {
    forgetObligation(change, renewalInFlight(change, subscription, subscription.pastDue.renewal))
    start(change, { ...current, phase: current.amountCents === 0 ? "granting" : "planned", closing: null })
    return
  }
  // The renewal comes first, or is not given up: it is in flight again instead of the upgrade.
  const renewal = renewalInFlight(change, subscription, subscription.pastDue.renewal)
  patch(change, { operation: renewal })
  const failure: Failure =
    status === "succeeded"
      ? { code: "quote_stale", detail: "the renewal was paid meanwhile", chargeId: null, isFinal: false }
      : { code: "payment_being_confirmed", detail: "a payment is being confirmed", chargeId: null, isFinal: false }
  if (current.quote !== null) patchQuote(change, current.quote.id, { result: { done: false, failure } })
  if (status === "succeeded") provePayment(change, renewal)
}

/** The renewal's attempt that was made before and is not decided, or was just found to be paid. */
export const renewalInFlight = (change: Change, subscription: PaidSubscription, renewal: RenewalTerms): Operation => ({
  ...operation(change, {
    kind: "renewal",
    phase: "confirming",
    obligation: renewalObligation(subscription),
    attempt: Math.max(1, subscription.attempts),
    amountCents: inFull(renewal.price).chargeCents,
  }),
  renewal,
  wasTold: true,
})

const tellFailure = (change: Change, current: Operation, failure: Failure): void =>
  tell(change, "payment_failed", `${current.obligation}:${current.attempt}`, {
    kind: current.kind,
    obligation: current.obligation,
    attempt: current.attempt,
    amountCents: current.amountCents,
    chargeId: failure.chargeId,
    code: failure.code,
    reason: failure.detail,
  })

/** Definitely not charged (R4.5: everything stays as it was). */
export const fail = (change: Change, current: Operation, failure: Failure): void => {
  patch(change, { operation: null })
  if (!current.wasTold) tellFailure(change, current, failure)
  if (current.quote !== null) patchQuote(change, current.quote.id, { result: { done: false, failure } })
  if (current.kind === "purchase") change.state = releaseOffer(change.state, current.obligation)
  const { subscription } = change.state
  if (subscription?.kind !== "paid") return
  if (subscription.isRefunded === true) endIfRefunded(change)
  else if (current.kind === "renewal") failRenewal(change, subscription, current, failure)
  else if (subscription.pastDue !== null && subscription.cancelAtPeriodEnd) endSubscription(change, "canceled")
  else if (current.mark !== null) settleStanding(change, subscription, "unmarked", true)
}

const settleStanding = (change: Change, subscription: PaidSubscription, what: string, clears: boolean): void => {
  const { account, revision } = change.state
  queueWork(change, standingWork(account, subscription, what, { revision, now: change.now, clears }))
}

/** R5.4: past due from the boundary on; nothing is granted, other credit stays usable. */
const enterPastDue = (change: Change, subscription: PaidSubscription, current: Operation, failure: Failure): void => {
  const since = periodEnd(subscription.period)
  const renewal = current.renewal!
  const { code, detail: reason, methodId = null } = failure
  const pastDue = { since, renewal, nextAttemptAt: null, code, reason, methodId }
  const next = { ...subscription, pastDue }
  revise(change, next)
  settleStanding(change, next, "past_due", true)
  tell(change, "past_due", `${subscription.id}:${since}`, {
    subscriptionId: subscription.id,
    obligation: current.obligation,
    amountCents: current.amountCents,
    since,
    endsAt: pastDueEnd(since),
  })
}

/** A card came meanwhile, and it is not the one that has just declined. */
const hasAnotherCard = ({ cardChanged, newMethodId = null }: Operation, { methodId }: Failure): boolean =>
  cardChanged && (newMethodId === null || newMethodId !== methodId)

const failRenewal = (change: Change, before: PaidSubscription, current: Operation, failure: Failure): void => {
  if (before.cancelAtPeriodEnd) {
    if (before.pastDue === null) endSubscription(change, "canceled")
    else endOwed(change, before)
    return
  }
  if (before.pastDue === null) enterPastDue(change, before, current, failure)
  const { subscription } = change.state
  if (subscription?.kind !== "paid" || subscription.pastDue === null) return
  const { since } = subscription.pastDue
  if (hasAnotherCard(current, failure)) {
    beginRenewal(change, subscription, false)
    return
  }
  if (change.now >= pastDueEnd(since)) {
    endOwed(change, subscription)
    return
  }
  const nextAttemptAt: Instant | null = failure.isFinal ? null : nextAttemptAfter(since, change.now)
  const { code, detail: reason, methodId = null } = failure
  patchPaid(change, subscription, { pastDue: { ...subscription.pastDue, nextAttemptAt, code, reason, methodId } })
}
