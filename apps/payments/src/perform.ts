/**
 * Doing what the charge and method machines want done: each step is one or two calls to the processor, and whatever
 * comes of them is an outcome. Owns the way from the adapter's answers to outcomes; decides nothing.
 */
import type { RunningClock } from "@credits/bus"
import type { Report } from "./report.ts"
import { isAsked, type AskedCharge, type ChargeOutcome, type ChargeState, type ChargeStep } from "./charge-state.ts"
import type { Failure } from "./failure.ts"
import type { IntentSnapshot } from "./intent.ts"
import type { MethodNotice } from "./method-state.ts"
import type { Pacer } from "./pacer.ts"
import { isReturned, type Called, type ChargeIdentity, type Processor, type StoredUsage } from "./processor.ts"
import { KEY_USABLE_MS, keyInUse } from "./work.ts"

export interface ChargePerformer {
  readonly processor: Processor
  readonly pacer: Pacer
  readonly clock: Pick<RunningClock, "now">
  /** Tells the account's method machine; resolves after its commit. */
  readonly tellMethod: (account: string, notice: MethodNotice) => Promise<void>
  /** Somebody is looking for an outcome: the events may know it already. */
  readonly onLookup: () => void
  readonly report: Report
  /** When this database was put back from a backup; null: it never was. */
  readonly restoredAt: number | null
}

/**
 * So long after a restore nothing is charged before the processor was asked whether it was paid already: a month's
 * renewals and the retries of the last one are through by then.
 */
const RESTORED_MS = 40 * 86_400_000
const LOOK_AGAIN_MS = 1_000

const identityOf = ({ chargeId, obligation, account }: AskedCharge): ChargeIdentity => ({
  chargeId,
  obligation,
  account,
})

/** Renewals are an agreement of their own; everything else without the customer is not (field notes A4). */
const usageOf = ({ kind, terms }: AskedCharge): StoredUsage | null =>
  terms.present ? null : kind === "renewal" || kind === "first" ? "recurring" : "unscheduled"

const intentId = (state: AskedCharge): string => {
  if (state.intent === null) throw new Error(`${state.obligation}: no intent to call about`)
  return state.intent.id
}

export const performCharge = async (
  parts: ChargePerformer,
  step: ChargeStep,
  state: ChargeState,
): Promise<ChargeOutcome> => {
  if (!isAsked(state)) throw new Error(`${state.obligation}: a step of a charge nobody asked for`)
  switch (step.kind) {
    case "slot":
      return { kind: "slot", at: parts.pacer.take(state.terms.present, parts.clock.now()) }
    case "tell":
      return tell(parts, state)
    case "lookup":
      return lookUp(parts, state)
    case "create":
    case "update":
    case "confirm":
      return pay(parts, step.kind, state)
    case "cancel": {
      const id = intentId(state)
      return outcomeOf(parts, await parts.processor.cancelIntent(id, keyInUse(state).text), id)
    }
    case "refund":
      return refund(parts, state)
  }
}

const tell = async (parts: ChargePerformer, state: AskedCharge): Promise<ChargeOutcome> => {
  const { untold } = state
  if (untold !== null) {
    const { attempt, fingerprint, code, isFinal } = untold
    const notice = { type: "declined", key: `${state.chargeId}:${attempt}`, fingerprint, code, isFinal } as const
    await parts.tellMethod(state.account, notice)
  }
  return { kind: "told" }
}

const pay = async (
  parts: ChargePerformer,
  call: "create" | "update" | "confirm",
  state: AskedCharge,
): Promise<ChargeOutcome> => {
  const { processor, clock } = parts
  const key = keyInUse(state)
  // The processor may have forgotten it: what was a repeat would be a new charge (field notes A2).
  if (clock.now() - key.since > KEY_USABLE_MS) return { kind: "key_useless", detail: "the key is too old to be sent" }
  if (call === "create") {
    const paid = await paidBefore(parts, state)
    if (paid !== null) return paid
    return outcomeOf(parts, await processor.createIntent(identityOf(state), state.terms, key.text), null)
  }
  const id = intentId(state)
  const called =
    call === "update"
      ? await processor.updateIntent(id, identityOf(state), state.terms, key.text)
      : await processor.confirmIntent(id, usageOf(state), key.text)
  return outcomeOf(parts, called, id)
}

/** What a restored database may have forgotten; null: nothing, or this one was not restored. */
const paidBefore = async (parts: ChargePerformer, state: AskedCharge): Promise<ChargeOutcome | null> => {
  const { processor, clock, restoredAt, report } = parts
  if (restoredAt === null || clock.now() - restoredAt > RESTORED_MS) return null
  const called = await processor.findPaid(state.terms.customer, state.obligation)
  if ("failed" in called) {
    const detail = "the processor does not say whether this was paid before the restore"
    return { kind: "refused", detail, retryAfterMs: LOOK_AGAIN_MS }
  }
  if (called.ok === null) return null
  report("warning", `${state.obligation} was paid before the restore (${called.ok.id}): not charged again`)
  return { kind: "intent", intent: called.ok }
}

/** The charge's intent as the processor shows it now; null: it has none. */
export const shownOf = (
  processor: Processor,
  { intent, terms, chargeId }: AskedCharge,
): Promise<Called<IntentSnapshot | null>> =>
  intent === null ? processor.findIntent(terms.customer, chargeId) : processor.retrieveIntent(intent.id)

const lookUp = async (parts: ChargePerformer, state: AskedCharge): Promise<ChargeOutcome> => {
  parts.onLookup()
  const called = await shownOf(parts.processor, state)
  if ("failed" in called) return undecided(called.failed)
  return called.ok === null ? { kind: "none" } : { kind: "intent", intent: called.ok }
}

/** A look that failed says nothing about what it looked for. */
const undecided = (failure: Failure): ChargeOutcome => ({
  kind: "unknown",
  detail: "detail" in failure ? failure.detail : "the processor refused to tell",
  isOver: false,
})

/** `id`: of the intent, to look at it when the call was wrong. */
const outcomeOf = async (
  parts: ChargePerformer,
  called: Called<IntentSnapshot>,
  id: string | null,
): Promise<ChargeOutcome> => {
  if ("ok" in called) return { kind: "intent", intent: called.ok }
  const { failed } = called
  switch (failed.kind) {
    case "card":
      return { kind: "card", error: failed.error }
    case "refused":
      if (failed.isOurs) parts.report("error", `the processor refuses our key: ${failed.detail}`)
      return { kind: "refused", detail: failed.detail, retryAfterMs: failed.retryAfterMs }
    case "unknown":
      return { kind: "unknown", detail: failed.detail, isOver: failed.isOver }
    case "key_mismatch":
      parts.report("error", `an idempotency key was used for two requests: ${failed.detail}`)
      return { kind: "key_useless", detail: failed.detail }
    case "invalid":
      return wrong(parts, failed.detail, id)
  }
}

/** Not in a state for this, or not a request at all: only the intent itself says which. */
const wrong = async (parts: ChargePerformer, detail: string, id: string | null): Promise<ChargeOutcome> => {
  if (id === null) {
    parts.report("error", `the processor does not take a charge: ${detail}`)
    return { kind: "failed", detail, intent: null }
  }
  const looked = await parts.processor.retrieveIntent(id)
  if ("failed" in looked) return { kind: "unknown", detail, isOver: false }
  if (looked.ok.status !== "succeeded") parts.report("warning", `the processor does not take a call: ${detail}`)
  return { kind: "failed", detail, intent: looked.ok }
}

/** Answers of a refund that say that the money is back already. */
const ALREADY = "charge_already_refunded"

const refund = async (parts: ChargePerformer, state: AskedCharge): Promise<ChargeOutcome> => {
  const { by, reason } = state.refund ?? { by: "", reason: "" }
  const metadata = { charge_id: state.chargeId, by, reason: reason.slice(0, 500) }
  const called = await parts.processor.refund(intentId(state), metadata, keyInUse(state).text)
  if ("ok" in called) {
    if (!isReturned(called.ok)) return { kind: "refunded" }
    return { kind: "failed", detail: `the processor's refund is ${called.ok.status}`, intent: null }
  }
  const { failed } = called
  switch (failed.kind) {
    case "invalid":
      if (failed.code === ALREADY) return { kind: "refunded" }
      return { kind: "failed", detail: failed.detail, intent: null }
    case "card":
    case "key_mismatch":
      return { kind: "unknown", detail: "no definite answer", isOver: true }
    case "refused":
      return undecided(failed)
    case "unknown":
      return { kind: "unknown", detail: failed.detail, isOver: failed.isOver }
  }
}
