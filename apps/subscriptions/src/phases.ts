/**
 * The drawings of the subscription machine: which phase a document is in, and every arrow there is. Pure. A change of
 * phase that no arrow shows is a defect; docs/reference/state-machines.md is made of this file.
 */
import type { SagaTransition } from "@credits/actor/saga"
import { statusOf, type State } from "./subscription.ts"

export const phasesOf = (state: State): Readonly<Record<string, string>> => ({
  subscription: state.subscription?.kind === "complimentary" ? "complimentary" : statusOf(state),
  operation: state.operation?.phase ?? "idle",
})

const arrow = (from: string, to: string, on: string): SagaTransition => ({ from, to, on })

const SUBSCRIPTION: ReadonlyArray<SagaTransition> = [
  arrow("free", "active", "the first payment is proven"),
  arrow("free", "complimentary", "support gives a plan"),
  arrow("complimentary", "free", "support ends it, or its time is over"),
  arrow("complimentary", "active", "an upgrade is paid"),
  arrow("active", "canceling", "the customer cancels"),
  arrow("active", "past_due", "the renewal fails"),
  arrow("active", "free", "its charge is refunded"),
  arrow("canceling", "active", "resumed, or an upgrade is paid"),
  arrow("canceling", "free", "the paid period ends"),
  arrow("past_due", "active", "the renewal or an upgrade is paid"),
  arrow("past_due", "canceling", "paid after the customer canceled"),
  arrow("past_due", "free", "canceled, or day 7 has passed"),
]

const OPERATION: ReadonlyArray<SagaTransition> = [
  arrow("idle", "planned", "a quote is confirmed"),
  arrow("idle", "closing", "a quote is confirmed while a renewal is owed"),
  arrow("idle", "charging", "a renewal is due or tried again"),
  arrow("idle", "granting", "nothing is to be charged, or a late success is told"),
  arrow("planned", "charging", "there is a card"),
  arrow("planned", "idle", "there is no card"),
  arrow("planned", "granting", "an earlier attempt had been paid"),
  arrow("closing", "planned", "the open renewal is closed"),
  arrow("closing", "granting", "what was to be closed had been paid"),
  arrow("closing", "confirming", "what was to be closed is undecided"),
  arrow("closing", "idle", "closed: the payment failed, or the subscription ends"),
  arrow("charging", "confirming", "not decided yet"),
  arrow("charging", "action_required", "the customer must authenticate"),
  arrow("charging", "closing", "to be authenticated, but canceled meanwhile; or an upgrade not authenticated in time"),
  arrow("charging", "granting", "paid"),
  arrow("charging", "idle", "definitely not paid"),
  arrow("confirming", "charging", "not paid, and there is a new card"),
  arrow("confirming", "action_required", "the customer must authenticate"),
  arrow(
    "confirming",
    "closing",
    "to be authenticated, but canceled meanwhile; or an upgrade not authenticated in time",
  ),
  arrow("confirming", "granting", "paid"),
  arrow("confirming", "idle", "definitely not paid"),
  arrow("action_required", "granting", "authenticated and paid"),
  arrow("action_required", "looking", "an hour passed"),
  arrow(
    "action_required",
    "closing",
    "canceled, an upgrade is confirmed instead, or one was not authenticated in time",
  ),
  arrow("action_required", "charging", "not paid, and there is a new card"),
  arrow("action_required", "idle", "definitely not paid"),
  arrow("looking", "action_required", "the customer still may"),
  arrow("looking", "confirming", "not decided yet"),
  arrow("looking", "closing", "the customer did not: nothing may succeed any more"),
  arrow("looking", "granting", "paid"),
  arrow("looking", "charging", "not paid, and there is a new card"),
  arrow("looking", "idle", "definitely not paid"),
  arrow("granting", "idle", "the ledger has the credit"),
]

export const TRANSITIONS: Readonly<Record<string, ReadonlyArray<SagaTransition>>> = {
  subscription: SUBSCRIPTION,
  operation: OPERATION,
}
