/**
 * Auto top-up of one account (R9): the saga machine. Pure. Owns what commands, facts and time mean for it; a top-up's
 * own way is in `flight.ts`, the cap's arithmetic in `cap.ts`.
 *
 * Level-triggered (R9.4): whatever happens, it only ever looks at the balance and decides from what it sees, so no
 * message is a trigger that could be lost or counted twice.
 */
import type { PaymentFact, SubscriptionFact, TopupFact } from "@credits/contracts"
import type { SagaAnswer, SagaContext, SagaMachine, SagaTransition } from "@credits/actor/saga"
import type { Instant } from "@credits/kernel"
import { CAP_MAX_CENTS, CAP_MIN_CENTS, monthEnd, monthOf } from "./cap.ts"
import type { Consent } from "./consent.ts"
import {
  charged,
  cleared,
  closed,
  creditCame,
  dropUnasked,
  granted,
  heardOfCharge,
  heardOfRefund,
  isStillWanted,
  lookAgain,
  looked,
  marked,
  refused,
  revoked,
  stepsOf,
} from "./flight.ts"
import {
  afterHearing,
  afterReading,
  cardFromFact,
  planFromFact,
  type CardStanding,
  type PlanStanding,
} from "./standing.ts"
import { lift, suspend } from "./suspension.ts"
import {
  decodeTopup,
  encodeTopup,
  hasCard,
  hasPlan,
  newTopup,
  obstacle,
  phasesOf,
  type TopupCommand,
  type TopupDecision,
  type TopupInput,
  type TopupNotice,
  type TopupOutcome,
  type TopupRow,
  type TopupState,
  type TopupStep,
} from "./topup-state.ts"
import { Turn } from "./turn.ts"
import { viewOf } from "./view.ts"

/** Disputes are rare; a repeat comes soon or never. */
const DISPUTES_KEPT = 50

const answer = (turn: Turn): SagaAnswer => ({ ok: viewOf(turn.state, turn.now) })
const refuse = (code: string, detail: string): SagaAnswer => ({ refused: { code, detail } })

const turnOff = (turn: Turn, action: "disabled" | "ended_by_lapse", source: string): void => {
  turn.record(action, source)
  turn.change({ consent: null, suspension: null, isWanted: false })
  turn.tell("disabled", { reason: action === "disabled" ? "customer" : "lapse", source })
  turn.row({ type: "enabled", account: turn.state.account, isEnabled: false })
}

/** R9.7: lapsing to Free ends the consent; a pause only stops it. A new cancellation asks anew what is to be kept. */
const takePlan = (turn: Turn, plan: PlanStanding): void => {
  const { consent } = turn.state
  turn.change({ plan })
  if (consent === null) return
  if (plan.status === "free") return turnOff(turn, "ended_by_lapse", "system")
  if (plan.status === "active" && consent.keptOn) turn.change({ consent: { ...consent, keptOn: false } })
  lookAgain(turn)
}

/** R9.6: another card begins with a clean sheet; the one that was declined, saved again, only ends a suspension. */
const takeCard = (turn: Turn, next: CardStanding): void => {
  const { failedCard, suspension } = turn.state
  turn.change({ card: next })
  if (next.card === null) {
    suspend(turn, { reason: "payment_method_required", lifts: "card", source: "system" })
  } else if (!next.card.isUsable) {
    suspend(turn, { reason: "payment_method_blocked", lifts: "card", source: "system" })
  } else {
    if (suspension?.lifts === "card") lift(turn)
    if (failedCard !== null && failedCard !== next.card.fingerprint) turn.change({ failures: 0, failedCard: null })
    lookAgain(turn)
  }
}

/** R9.1: turning on, changing the cap, going on after a suspension or while canceling: the customer's own word. */
const enable = (turn: Turn, command: Extract<TopupCommand, { op: "enable" }>): SagaAnswer => {
  const { capCents, textVersion, source, reading } = command
  if (!Number.isInteger(capCents) || capCents < CAP_MIN_CENTS || capCents > CAP_MAX_CENTS)
    throw new RangeError(`a cap of ${capCents} cents`)
  const plan = reading === null ? null : afterReading(turn.state.plan, reading.plan)
  if (plan !== null) turn.change({ plan })
  const card = reading === null ? null : afterHearing(turn.state.card, reading.card)
  if (card !== null) turn.change({ card })
  const before = turn.state.consent
  if (before === null && !hasPlan(turn.state)) return refuse("plan_required", "auto top-up needs a paid plan")
  if (before === null && !hasCard(turn.state))
    return refuse("payment_method_required", "auto top-up needs a saved card that can be charged")
  agree(turn, before, { capCents, textVersion, source, at: turn.now, keptOn: false })
  lookAgain(turn)
  return answer(turn)
}

const endPauses = (turn: Turn): void => {
  const pauses = turn.state.pauses.filter(({ until }) => until > turn.now)
  if (pauses.length < turn.state.pauses.length) turn.change({ pauses })
}

const agree = (turn: Turn, before: Consent | null, wanted: Consent): void => {
  const { plan, suspension, account } = turn.state
  // A cap that is only lowered says nothing about going on.
  const isMore = before === null || wanted.capCents >= before.capCents
  const keptOn = plan.status === "canceling" && (isMore || before.keptOn)
  const lifts = suspension !== null && hasCard(turn.state)
  const isNew = before === null || lifts || (keptOn && !before.keptOn)
  if (!isNew && before.capCents === wanted.capCents) return
  turn.change({ consent: { ...wanted, keptOn } })
  if (lifts) lift(turn)
  if (before === null) {
    turn.change({ failures: 0, month: monthOf(turn.now) })
    endPauses(turn)
    turn.row({ type: "enabled", account, isEnabled: true })
  }
  turn.record(isNew ? "enabled" : "cap_changed", wanted.source)
  const detail = { monthlyCapCents: wanted.capCents, before: before?.capCents ?? null }
  turn.tell(isNew ? "enabled" : "cap_changed", detail)
}

const command = (turn: Turn, asked: TopupCommand): SagaAnswer => {
  if (asked.op === "enable") return enable(turn, asked)
  if (asked.op === "suspend") suspend(turn, { reason: asked.reason, lifts: "consent", source: `operator:${asked.by}` })
  else if (turn.state.consent !== null) turnOff(turn, "disabled", asked.source)
  return answer(turn)
}

const outcome = (turn: Turn, step: string, came: TopupOutcome): void => {
  switch (came.kind) {
    case "looked":
      return looked(turn, came)
    case "marked":
      return marked(turn)
    case "cleared":
      return cleared(turn)
    case "charged":
      return charged(turn, came.answer.charge)
    case "refused":
      return refused(turn, came.code)
    case "closed":
      return closed(turn)
    case "granted":
      return granted(turn, step.slice("grant:".length))
    case "revoked":
      return revoked(turn, step.slice("revoke:".length))
  }
}

/** R5.2: a dispute of any charge stops it until the customer says otherwise. */
const disputed = (turn: Turn, chargeId: string): void => {
  const { disputes } = turn.state
  if (disputes.includes(chargeId)) return
  turn.change({ disputes: [...disputes, chargeId].slice(-DISPUTES_KEPT) })
  suspend(turn, { reason: "disputed", lifts: "consent", source: "system" })
}

const heardOfPayment = (turn: Turn, fact: PaymentFact): void => {
  switch (fact.kind) {
    case "method_saved":
    case "method_removed":
    case "method_blocked": {
      const card = afterHearing(turn.state.card, cardFromFact(fact))
      return card === null ? undefined : takeCard(turn, card)
    }
    case "charge_disputed":
      return fact.charge === null ? undefined : disputed(turn, fact.charge.chargeId)
    case "charge_succeeded":
    case "charge_declined":
    case "charge_action_required":
    case "charge_not_executed":
    case "charge_unknown":
    case "charge_canceled":
      return fact.charge === null ? undefined : heardOfCharge(turn, fact.charge)
    case "charge_refunded":
      return fact.charge === null ? undefined : heardOfRefund(turn, fact.charge)
    // For a person, as a case: the credit went, and whether it comes again is not decided here.
    case "charge_refund_failed":
    case "method_expiring":
  }
}

/** With these the ledger has granted before they are told. */
const BRINGS_CREDIT: ReadonlySet<SubscriptionFact["kind"]> = new Set([
  "started",
  "renewed",
  "cycle_began",
  "upgraded",
  "recovered",
])

const heardOfSubscription = (turn: Turn, fact: SubscriptionFact): void => {
  const plan = afterHearing(turn.state.plan, planFromFact(fact))
  if (plan === null) return
  if (BRINGS_CREDIT.has(fact.kind)) creditCame(turn, fact.at)
  takePlan(turn, plan)
}

const notice = (turn: Turn, heard: TopupNotice): void => {
  switch (heard.type) {
    case "subscription":
      return heardOfSubscription(turn, heard.fact)
    case "payment":
      return heardOfPayment(turn, heard.fact)
    case "signal":
      if (heard.kind === "credit_refused") {
        if (!isStillWanted(turn, heard.at)) return
        // One that the cap, a pause or a suspension refuses is not remembered: the balance will be looked at then.
        const why = obstacle(turn.state, turn.now)
        if (why === null || why === "waiting") turn.change({ isWanted: true, wantedAt: heard.at })
      }
      return lookAgain(turn)
    case "start":
      return lookAgain(turn)
  }
}

const due = (turn: Turn): void => {
  const { consent, month } = turn.state
  endPauses(turn)
  if (consent !== null && monthEnd(month) <= turn.now) turn.change({ month: monthOf(turn.now) })
  lookAgain(turn)
}

/** What the decision has made impossible is not begun. */
const settle = (turn: Turn): void => {
  const why = obstacle(turn.state, turn.now)
  if (why === null) return
  if (turn.state.look !== null) turn.change({ look: null })
  if (turn.state.isWanted && why !== "waiting") turn.change({ isWanted: false })
  if (why !== "cap") dropUnasked(turn)
}

const decide = (state: TopupState, input: TopupInput, { now }: SagaContext<unknown>): TopupDecision => {
  const turn = new Turn(state, now)
  let said: SagaAnswer | null = null
  switch (input.type) {
    case "command":
      said = command(turn, input.command)
      break
    case "outcome":
      outcome(turn, input.step, input.outcome)
      break
    case "notice":
      notice(turn, input.notice)
      break
    case "due":
      due(turn)
  }
  settle(turn)
  return turn.done(said)
}

const nextDue = ({ consent, pauses, month }: TopupState): Instant | null =>
  consent === null ? null : Math.min(monthEnd(month), ...pauses.map(({ until }) => until))

const arrows = (...lines: ReadonlyArray<readonly [from: string, to: string, on: string]>) =>
  lines.map(([from, to, on]): SagaTransition => ({ from, to, on }))

/** The customer's word. */
const consentArrows = arrows(
  ["off", "on", "the customer agrees (R9.1)"],
  ["off", "paused", "the customer agrees while past due"],
  ["off", "waiting", "the customer agrees within an hour of a decline"],
  ["on", "off", "the customer turns it off, or the plan lapses (R9.7)"],
  ["on", "waiting", "a charge failed (R9.6)"],
  ["on", "paused", "canceling or past due (R9.7, R5.4)"],
  ["on", "suspended", "a final decline, authentication, a third decline, no card, a dispute, an operator (R9.6)"],
  ["waiting", "on", "an hour has passed, another card, or a success after all"],
  ["waiting", "off", "the customer turns it off, or the plan lapses"],
  ["waiting", "paused", "canceling or past due"],
  ["waiting", "suspended", "no card, a dispute, an operator"],
  ["paused", "on", "resumed, recovered, or kept on by the customer"],
  ["paused", "waiting", "resumed or recovered within an hour of a decline"],
  ["paused", "off", "the customer turns it off, or the plan lapses"],
  ["paused", "suspended", "the charge on its way failed for good, no card, a dispute, an operator"],
  ["suspended", "on", "the customer saves a card or agrees again"],
  ["suspended", "waiting", "the customer agrees again within an hour of a decline"],
  ["suspended", "paused", "the customer acts while canceling or past due"],
  ["suspended", "off", "the customer turns it off, or the plan lapses"],
)

/** One top-up. */
const chargeArrows = arrows(
  ["idle", "looking", "anything that may have changed the balance or what is allowed (R9.4)"],
  ["idle", "granting", "a charge told as failed succeeded after all"],
  ["looking", "idle", "enough is there, or it may not be charged any more"],
  ["looking", "marking", "below the threshold, or a call was refused: the cap is reserved (R9.3)"],
  ["looking", "granting", "a charge told as failed succeeded after all"],
  ["marking", "charging", "the ledger answers top_up_in_progress from now on"],
  ["marking", "clearing", "turned off, paused or suspended before payments was asked"],
  ["charging", "being_confirmed", "no outcome within the wait (R9.5)"],
  ["charging", "granting", "paid"],
  ["charging", "clearing", "declined, or not executed"],
  ["being_confirmed", "granting", "paid"],
  ["being_confirmed", "clearing", "declined, or not executed"],
  ["charging", "closing", "the bank wants the customer"],
  ["being_confirmed", "closing", "the bank wants the customer"],
  ["closing", "clearing", "canceled: it can never be paid"],
  ["closing", "granting", "paid before it could be canceled"],
  ["clearing", "idle", "the ledger knows"],
  ["clearing", "looking", "the ledger knows, and it may go on"],
  ["clearing", "granting", "the ledger knows, and a charge told as failed succeeded after all"],
  ["granting", "looking", "the credit is there: looked at again (R9.4)"],
  ["granting", "idle", "the credit is there"],
)

export const topupMachine: SagaMachine<
  TopupState,
  TopupCommand,
  TopupStep,
  TopupOutcome,
  TopupNotice,
  TopupFact,
  TopupRow,
  unknown
> = {
  name: "topup",
  // 2: refunds, and payments that are closed: an older program would not take the credit back.
  version: 2,
  initial: newTopup,
  encode: encodeTopup,
  decode: decodeTopup,
  decide,
  // Every command is answered at once.
  reply: () => null,
  steps: stepsOf,
  nextDue,
  phases: phasesOf,
  transitions: { consent: consentArrows, charge: chargeArrows },
}
