/**
 * One top-up on its way: look, mark, charge, grant (R9.4, R9.5). Pure. Owns the order of these and what each outcome
 * means for the cap and for the next one; what the customer and the plan allow is in `topup.ts`.
 *
 * Every try has an obligation of its own, asked once (attempt 1), so a number is charged at most once, ever (R10.1).
 */
import type { ChargeView } from "@credits/contracts"
import type { Instant, Nano } from "@credits/kernel"
import { monthIn, monthOf, sharesToTell, withMonth, type MonthKey } from "./cap.ts"
import { suspend } from "./suspension.ts"
import { obstacle, roomNow, type Flight, type Pause, type TopupState, type TopupStep } from "./topup-state.ts"
import type { Turn } from "./turn.ts"

/** Calls refused meanwhile are told to come back; the mark ends by itself should its end be lost. */
export const MARK_MS = 2 * 60_000
/** R9.6: no attempt sooner after one that failed. */
export const RETRY_MS = 60 * 60_000
/** R9.6: as many declines in a row suspend it. */
export const FAILURES_MAX = 3
/** Nobody has more cards declined within an hour. */
const PAUSES_KEPT = 10

export const obligationOf = (account: string, month: MonthKey, seq: number): string =>
  `topup:${account}:${month}:${seq}`

const OBLIGATION = /^topup:(acc_[0-9A-Za-z]{1,40}):(\d{4}-\d{2}):(\d{1,6})$/

/** null: an obligation of somebody else. */
export const readObligation = (text: string): { readonly month: MonthKey; readonly seq: number } | null => {
  const match = OBLIGATION.exec(text)
  return match === null ? null : { month: match[2]!, seq: Number(match[3]) }
}

/** What must be under way: what is proven or given back first, then the one top-up, then a look. */
export const stepsOf = (state: TopupState): ReadonlyArray<TopupStep> => {
  const steps: Array<TopupStep> = state.grants.map(({ obligation, amountCents }) => ({
    id: `grant:${obligation}`,
    kind: "grant",
    obligation,
    amountCents,
  }))
  const { flight, look, grants, refunds } = state
  for (const { obligation, amountCents } of refunds) {
    // Credit can only be taken back once it is there.
    if (grants.some((granting) => granting.obligation === obligation)) continue
    steps.push({ id: `revoke:${obligation}`, kind: "revoke", obligation, amountCents })
  }
  if (flight !== null) {
    const { obligation, amountCents, stage, markUntil } = flight
    if (stage === "marking") steps.push({ id: `mark:${obligation}`, kind: "mark", until: markUntil })
    if (stage === "charging") steps.push({ id: `charge:${obligation}`, kind: "charge", obligation, amountCents })
    if (stage === "closing") steps.push({ id: `close:${obligation}`, kind: "close", obligation, amountCents })
    if (stage === "clearing") steps.push({ id: `clear:${obligation}`, kind: "clear" })
  } else if (look !== null && steps.length === 0) steps.push({ id: `look:${state.account}:${look.n}`, kind: "look" })
  return steps
}

/**
 * R9.4: looks at the balance, unless something is on its way (then it is looked at afterwards) or something other than
 * the balance is in the way (then whatever takes that away looks).
 */
export const lookAgain = (turn: Turn): void => {
  const { flight, grants, look, looks, account } = turn.state
  if (flight !== null || grants.length > 0) return
  const why = obstacle(turn.state, turn.now)
  if (why === "cap") turn.row({ type: "cap_rejection", account })
  if (why !== null) return
  if (look === null) turn.change({ look: { n: looks + 1, again: false }, looks: looks + 1 })
  else if (!look.again) turn.change({ look: { ...look, again: true } })
}

/** The cap is reserved with this, before anything is asked of anybody (R9.3). */
const begin = (turn: Turn): void => {
  const { account, months } = turn.state
  const month = monthOf(turn.now)
  const seq = monthIn(months, month).seq + 1
  const flight: Flight = {
    obligation: obligationOf(account, month, seq),
    month,
    seq,
    amountCents: roomNow(turn.state, turn.now),
    stage: "marking",
    markUntil: turn.now + MARK_MS,
    authorizedAt: null,
  }
  turn.change({ flight, isWanted: false, months: withMonth(months, month, (each) => ({ ...each, seq })) })
}

export const looked = (turn: Turn, seen: { readonly balance: Nano; readonly isOpen: boolean }): void => {
  const { look, isWanted, plan } = turn.state
  turn.change({ look: null })
  if (obstacle(turn.state, turn.now) !== null || plan.policy === null) return
  if (seen.isOpen && (isWanted || seen.balance < plan.policy.threshold)) return begin(turn)
  if (isWanted) turn.change({ isWanted: false })
  if (look?.again === true) lookAgain(turn)
}

/** Not to be charged: its number is used up, and the ledger is told that no top-up is in progress. */
const give = (turn: Turn, flight: Flight): void => {
  const failed = (months: Turn["state"]["months"]) =>
    withMonth(months, flight.month, (month) => ({ ...month, failed: [...month.failed, flight.seq] }))
  turn.change({ flight: { ...flight, stage: "clearing" }, months: failed(turn.state.months) })
}

/** Nothing was asked of payments yet, and it is not to be any more. */
export const dropUnasked = (turn: Turn): void => {
  const { flight } = turn.state
  if (flight?.stage === "marking") give(turn, flight)
}

/** The ledger knows: payments may be asked, if that is still wanted and still fits. */
export const marked = (turn: Turn): void => {
  const flight = turn.state.flight!
  const isInMonth = monthOf(turn.now) === flight.month
  const fits = obstacle(turn.state, turn.now) === null && roomNow(turn.state, turn.now) >= flight.amountCents
  if (isInMonth && fits) turn.change({ flight: { ...flight, stage: "charging" } })
  else give(turn, flight)
}

export const cleared = (turn: Turn): void => {
  turn.change({ flight: null })
  lookAgain(turn)
}

const succeed = (turn: Turn, charge: ChargeView): void => {
  const { amountCents, chargeId, obligation } = charge
  const month = monthOf(charge.at)
  const months = withMonth(turn.state.months, month, (each) => ({ ...each, spentCents: each.spentCents + amountCents }))
  turn.change({ months, grants: [...turn.state.grants, { obligation, amountCents, chargeId, month }] })
}

const pause = (turn: Turn, next: Pause): void => {
  const others = turn.state.pauses.filter(({ card }) => card !== next.card)
  turn.change({ pauses: [...others, next].slice(-PAUSES_KEPT) })
}

interface Failure {
  readonly code: string
  readonly kind: "soft" | "final"
  /** It could still be paid: the cap stays reserved until it cannot (R9.3). */
  readonly isOpen: boolean
  /** Fingerprint of the card, when there was one. */
  readonly card: string | null
  /** When it was asked. */
  readonly at: Instant
}

/** R9.6: of a card that the customer has replaced since. Nobody needs to act, and the new one has declined nothing. */
const isReplaced = ({ card: { card, asOf } }: TopupState, failed: Failure): boolean =>
  failed.card !== null && card !== null && card.fingerprint !== failed.card && failed.at < asOf

/** R9.6: each failure is told once, as what it means. */
const fail = (turn: Turn, flight: Flight, failure: Failure): void => {
  if (failure.isOpen) turn.change({ flight: { ...flight, stage: "closing" } })
  else give(turn, flight)
  const { obligation, amountCents } = flight
  const { code, kind, card } = failure
  const retryAt = turn.now + RETRY_MS
  if (kind === "soft") pause(turn, { card, until: retryAt })
  if (isReplaced(turn.state, failure)) {
    turn.change({ lastFailure: code })
    turn.tell("failed", {
      obligation,
      amountCents,
      reason: code,
      retryAt: turn.state.consent === null ? null : turn.now,
    })
    return
  }
  const failures = turn.state.failures + 1
  turn.change({ failures, lastFailure: code, failedCard: card, isWanted: false })
  const isOver = kind === "final" || failures >= FAILURES_MAX
  if (isOver && suspend(turn, { reason: code, lifts: "card", source: "system", of: { obligation, amountCents } }))
    return
  const isTriedAgain = !isOver && turn.state.consent !== null
  turn.tell("failed", { obligation, amountCents, reason: code, retryAt: isTriedAgain ? retryAt : null })
}

/** Nothing was charged and nobody's card is to blame: later again, in silence. */
const notCharged = (turn: Turn, flight: Flight, why: string): void => {
  give(turn, flight)
  turn.change({ lastFailure: why, isWanted: false })
  pause(turn, { card: null, until: turn.now + RETRY_MS })
}

const failureOf = ({ status, decline, method, at }: ChargeView): Failure => {
  const of = { card: method?.fingerprint ?? null, at }
  // The bank wants the customer, who is not there: nothing we do helps (R9.6).
  if (status === "action_required") return { code: "authentication_required", kind: "final", isOpen: true, ...of }
  const kind = decline?.class === "soft" ? "soft" : "final"
  return { code: decline?.code ?? "declined", kind, isOpen: false, ...of }
}

/** What payments says of the top-up on its way, answered or told; whatever comes twice finds nothing to do. */
const decided = (turn: Turn, flight: Flight, charge: ChargeView): void => {
  switch (charge.status) {
    case "succeeded":
      turn.change({ flight: null, failures: 0, failedCard: null, lastFailure: null })
      return succeed(turn, charge)
    case "declined":
    case "action_required":
      return fail(turn, flight, failureOf(charge))
    case "not_executed":
    case "canceled":
      return notCharged(turn, flight, charge.status)
    case "planned":
    case "submitting":
    case "unknown":
    case "review":
      turn.change({ flight: { ...flight, stage: "being_confirmed", authorizedAt: charge.at } })
  }
}

/** The answer of payments to the step `charge`. */
export const charged = (turn: Turn, charge: ChargeView): void => decided(turn, turn.state.flight!, charge)

/** It was waiting for the customer, and never will be paid. */
export const closed = (turn: Turn): void => give(turn, turn.state.flight!)

/** Payments will not charge: there is no card, or it was closed. Anything else it refuses is our mistake. */
export const refused = (turn: Turn, code: string): void => {
  const flight = turn.state.flight!
  if (code === "payment_method_required")
    fail(turn, flight, { code, kind: "final", isOpen: false, card: null, at: turn.now })
  else notCharged(turn, flight, code)
}

/**
 * A fact about one of our charges. A success is believed whenever it comes (R9.5): of the top-up on its way, or of one
 * that was told to have failed. @throws Error for an obligation that was never ours: money nobody accounts for.
 */
export const heardOfCharge = (turn: Turn, charge: ChargeView): void => {
  const ours = readObligation(charge.obligation)
  if (ours === null) return
  const { flight, months } = turn.state
  const month = monthIn(months, ours.month)
  if (ours.seq > month.seq) throw new Error(`${charge.obligation} was never asked for`)
  const isOnItsWay = flight?.obligation === charge.obligation && flight.stage !== "clearing"
  if (isOnItsWay && flight.stage !== "marking") {
    const isUndecided = charge.status === "unknown" || charge.status === "review"
    // The step tells when it is canceled.
    if (flight.stage === "closing" && charge.status !== "succeeded") return
    // The step goes on asking; its answer says the same.
    if (isUndecided && flight.stage === "charging") return
    if (isUndecided && flight.authorizedAt === charge.at) return
    return decided(turn, flight, charge)
  }
  if (charge.status !== "succeeded" || !month.failed.includes(ours.seq)) return
  const failed = month.failed.filter((seq) => seq !== ours.seq)
  turn.change({ months: withMonth(months, ours.month, (each) => ({ ...each, failed })) })
  succeed(turn, charge)
}

/** R5.2: what was given back as money goes back as credit, as far as it is still there. It stays counted (R9.3). */
export const heardOfRefund = (turn: Turn, { obligation, amountCents }: ChargeView): void => {
  const { refunds } = turn.state
  if (readObligation(obligation) === null || refunds.some((each) => each.obligation === obligation)) return
  turn.change({ refunds: [...refunds, { obligation, amountCents }] })
}

export const revoked = (turn: Turn, obligation: string): void => {
  turn.change({ refunds: turn.state.refunds.filter((each) => each.obligation !== obligation) })
  lookAgain(turn)
}

/** Credit has come, of a top-up or of the plan: a call that was refused before it may well be covered now. */
export const creditCame = (turn: Turn, at: Instant): void => {
  const { settledAt, isWanted, wantedAt } = turn.state
  // A balance that was read before it says nothing any more: whoever looks again reads it anew.
  turn.change({ settledAt: Math.max(settledAt, at), isWanted: isWanted && wantedAt >= at, look: null })
}

/** The credit is there: now it is told, and looked at again (R9.4). */
export const granted = (turn: Turn, obligation: string): void => {
  const granting = turn.state.grants.find((each) => each.obligation === obligation)
  if (granting === undefined) return
  const { amountCents, chargeId, month } = granting
  turn.change({ grants: turn.state.grants.filter((each) => each !== granting) })
  creditCame(turn, turn.now)
  turn.tell("succeeded", { obligation, amountCents, chargeId, month })
  tellShares(turn, month)
  lookAgain(turn)
}

/** R11: 80 and 100 % of the cap, once a month each. */
const tellShares = (turn: Turn, key: MonthKey): void => {
  const { consent, plan, months } = turn.state
  if (consent === null) return
  const month = monthIn(months, key)
  const shares = sharesToTell(month, consent.capCents, plan.policy?.amountCents ?? null)
  if (shares.length === 0) return
  const told = [...month.told, ...shares]
  turn.change({ months: withMonth(months, key, (each) => ({ ...each, told })) })
  const detail = { month: key, spentCents: month.spentCents, monthlyCapCents: consent.capCents }
  for (const share of shares) turn.tell(share === 80 ? "cap_80" : "cap_100", detail)
}

/** Whether a refusal for want of credit still asks for a top-up: none that came before the last one's credit. */
export const isStillWanted = (turn: Turn, at: Instant): boolean => {
  const { flight, grants, consent, settledAt } = turn.state
  return consent !== null && flight === null && grants.length === 0 && at >= settledAt
}
