/**
 * What a charge wants of the processor: which call, in which turn, under which idempotency key. Every key is in the
 * state before the call that uses it (field notes A2). Pure.
 */
import type { Instant } from "@credits/kernel"
import type { AskedCharge, CallKind, ChargeState, ChargeStep, Key } from "./charge-state.ts"

/** The processor may forget a key after 24 h; two hours are for queues and clocks. Then a repeat is a new request. */
export const KEY_USABLE_MS = 22 * 3_600_000

/** A call that wants its turn now or after a pause. */
export const plan = <S extends ChargeState>(state: S, call: CallKind, now: Instant, pauseMs: number): S => {
  const turn = state.turn + 1
  return { ...state, turn, work: { call, stage: pauseMs > 0 ? "pause" : "slot", at: now + pauseMs, turn } }
}

export const idle = <S extends ChargeState>(state: S): S => ({ ...state, work: null })

/** The first key of its kind has no number. */
const numbered = (text: string, round: number): string => (round === 1 ? text : `${text}:${round}`)

export const keyTextOf = (state: AskedCharge, call: CallKind): string => {
  const charge = `chg:${state.chargeId}`
  switch (call) {
    case "create":
      return numbered(`${charge}:create`, state.rounds.create)
    case "update":
    case "confirm":
      return numbered(`${charge}:${call}:${state.terms.attempt}`, state.rounds.confirm)
    case "cancel":
      return numbered(`${charge}:cancel`, state.closing?.round ?? 1)
    case "refund":
      return numbered(`${charge}:refund`, state.refund?.round ?? 1)
    case "lookup":
      return `${charge}:lookup`
  }
}

export const workDue = (state: ChargeState): Instant | null =>
  state.work?.stage === "pause" || state.work?.stage === "queued" ? state.work.at : null

export const stepsOf = (state: AskedCharge): ReadonlyArray<ChargeStep> => {
  const { work, chargeId, untold } = state
  const steps: Array<ChargeStep> = []
  if (untold !== null) steps.push({ id: `chg:${chargeId}:tell:${untold.attempt}`, kind: "tell" })
  if (work?.stage === "slot") steps.push({ id: `chg:${chargeId}:slot:${work.turn}`, kind: "slot" })
  if (work?.stage === "run") steps.push({ id: `${keyTextOf(state, work.call)}~${work.turn}`, kind: work.call })
  return steps
}

/** The key of the call under way. */
export const keyInUse = (state: AskedCharge): Key => {
  if (state.key === null) throw new Error(`${state.obligation}: a call without its key`)
  return state.key
}
