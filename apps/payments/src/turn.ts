/**
 * A planned call gets its turn: after its pause it asks for a slot, at its slot it is under way. Pure.
 */
import type { Instant } from "@credits/kernel"
import type { AskedCharge, CallKind, Key } from "./charge-state.ts"
import { notExecuted } from "./verdict.ts"
import { keyTextOf } from "./work.ts"

/** A customer who was there is not charged after they have gone; a renewal waits out a day of standstill. */
const ATTEMPT_PRESENT_MS = 3_600_000
const ATTEMPT_MS = 24 * 3_600_000

const isPaying = (call: CallKind): boolean => call === "create" || call === "update" || call === "confirm"

const isTooLate = ({ terms }: AskedCharge, now: Instant): boolean =>
  now - terms.at > (terms.present ? ATTEMPT_PRESENT_MS : ATTEMPT_MS)

/** A key keeps its age when it is used again. */
const keyFor = (state: AskedCharge, call: CallKind, now: Instant): Key => {
  const text = keyTextOf(state, call)
  return state.key?.text === text ? state.key : { text, since: now }
}

/** The call is under way from the commit of this state on. */
export const run = (state: AskedCharge, call: CallKind, now: Instant): AskedCharge => {
  if (isPaying(call) && state.doubt === null && isTooLate(state, now)) {
    return notExecuted(state, "it was asked for too long ago", now)
  }
  const turn = state.turn + 1
  const running: AskedCharge = {
    ...state,
    turn,
    work: { call, stage: "run", at: now, turn },
    status: state.status === "planned" && isPaying(call) ? "submitting" : state.status,
  }
  return call === "lookup" ? running : { ...running, key: keyFor(state, call, now) }
}

/** It got a slot: its turn is now, or at that instant. */
export const slotted = (state: AskedCharge, at: Instant, now: Instant): AskedCharge => {
  const { work } = state
  if (work?.stage !== "slot") return state
  return at <= now ? run(state, work.call, now) : { ...state, work: { ...work, stage: "queued", at } }
}

/** The instant has come that a call waited for. */
export const runDueWork = (state: AskedCharge, now: Instant): AskedCharge => {
  const { work } = state
  if (work === null || work.at > now) return state
  if (work.stage === "queued") return run(state, work.call, now)
  return work.stage === "pause" ? { ...state, work: { ...work, stage: "slot" } } : state
}
