/**
 * Deciding an attempt: what the processor says becomes the charge's status. A success is believed whenever it comes,
 * also after a failure was told (R10.2); a failure only of the attempt it belongs to. Pure.
 */
import type { Decline } from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import type { AskedCharge, Intent } from "./charge-state.ts"
import { AUTHENTICATION_EXPIRED, type CardError, codeOf, declineOf } from "./decline.ts"
import type { IntentSnapshot, Verdict } from "./intent.ts"
import { idle, plan } from "./work.ts"

/** A customer who is there has this long for the bank's page. */
export const AUTHENTICATION_MS = 15 * 60_000
/** First look at how the customer is getting on; the pauses double up to the longest. */
const LOOK_FIRST_MS = 5_000
const LOOK_LONGEST_MS = 60_000

/** Nothing of the attempt is under way any more. */
const settled = (state: AskedCharge, now: Instant): AskedCharge => ({
  ...idle(state),
  doubt: null,
  refusals: null,
  key: null,
  looks: 0,
  expiresAt: null,
  decline: null,
  failure: null,
  decidedAt: now,
})

/** The intent as shown, with the terms it holds: of the newest attempt when it says so, else those it had. */
export const intentOf = (state: AskedCharge, shown: IntentSnapshot): Intent => {
  const isNewest = shown.attempt === state.terms.attempt
  const terms = isNewest ? state.terms : (state.intent?.terms ?? state.terms)
  return { id: shown.id, clientSecret: shown.clientSecret, terms }
}

export const succeed = (state: AskedCharge, shown: IntentSnapshot, now: Instant): AskedCharge => {
  if (state.status === "succeeded") return state
  const intent = intentOf(state, shown)
  // What was really taken, whatever was asked last.
  const taken = { ...intent.terms, amountCents: shown.receivedCents }
  return { ...settled(state, now), status: "succeeded", intent, taken, closing: null }
}

export const cancel = (state: AskedCharge, now: Instant): AskedCharge => ({
  ...settled(state, now),
  status: "canceled",
  closing: null,
})

export const notExecuted = (state: AskedCharge, why: string, now: Instant): AskedCharge => ({
  ...settled(state, now),
  status: "not_executed",
  failure: why,
})

/** Declined without a word from a bank, or with one the method need not hear. */
export const declineAs = (state: AskedCharge, decline: Decline, now: Instant): AskedCharge => ({
  ...settled(state, now),
  status: "declined",
  decline,
})

const declineBy = (state: AskedCharge, error: CardError, now: Instant): AskedCharge => {
  const decline = declineOf(error)
  const { attempt, method } = state.terms
  const untold = { attempt, fingerprint: method.fingerprint, code: codeOf(error), isFinal: decline.class === "final" }
  return { ...declineAs(state, decline, now), untold }
}

/** The customer has to act; while they are there, we look how it goes. */
const requireAction = (state: AskedCharge, now: Instant): AskedCharge => {
  if (state.status === "action_required") return state
  const asked: AskedCharge = { ...settled(state, now), status: "action_required" }
  // Off session nobody is there: it stays until a new attempt, or until the customer follows the link.
  if (!state.terms.present) return asked
  return plan({ ...asked, expiresAt: now + AUTHENTICATION_MS }, "lookup", now, LOOK_FIRST_MS)
}

/** Applies a verdict that decides; null: it decides nothing. */
export const decideBy = (
  state: AskedCharge,
  verdict: Verdict,
  shown: IntentSnapshot | null,
  now: Instant,
): AskedCharge | null => {
  switch (verdict.kind) {
    case "succeeded":
      return shown === null ? null : succeed(state, shown, now)
    case "canceled":
      return cancel(state, now)
    case "declined":
      return declineBy(state, verdict.error, now)
    case "action_required":
      return requireAction(state, now)
    case "unconfirmed":
    case "undecided":
      return null
  }
}

/** A look at an authentication that is not over; `isSeen`: the processor answered. */
export const lookOn = (state: AskedCharge, isSeen: boolean, now: Instant): AskedCharge => {
  const left = (state.expiresAt ?? now) - now
  if (isSeen && left <= 0) return declineAs(state, AUTHENTICATION_EXPIRED, now)
  const pauseMs = Math.min(LOOK_FIRST_MS * 2 ** (state.looks + 1), LOOK_LONGEST_MS)
  return plan({ ...state, looks: state.looks + 1 }, "lookup", now, left > 0 ? Math.min(pauseMs, left) : pauseMs)
}
