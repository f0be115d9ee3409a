/**
 * What must be under way outside for a document: questions to payments and work for the ledger, and what their outcomes
 * change. Pure. A step's id is the idempotency key of what it asks, so asking it again after a crash is harmless.
 */
import type { ChargeKind, ChargeView } from "@credits/contracts"
import { patch, patchPaid, type Change } from "./change.ts"
import { endIfRefunded } from "./ending.ts"
import { takeChargeInFlight } from "./late-success.ts"
import { fail, forgetObligation, noMethod, takeClosed, takeMethod } from "./operation.ts"
import { finishOperation } from "./paid.ts"
import { addEvidence, type Evidence } from "./review.ts"
import type { Closing, LedgerWork, Operation, State } from "./subscription.ts"
import { nameOf } from "./terms.ts"

export type Step =
  | { readonly kind: "method"; readonly id: string; readonly account: string }
  | {
      readonly kind: "charge"
      readonly id: string
      readonly account: string
      readonly obligation: string
      readonly chargeKind: ChargeKind
      readonly attempt: number
      readonly amountCents: number
      readonly description: string
      readonly present: boolean
    }
  | { readonly kind: "close"; readonly id: string; readonly account: string; readonly obligation: string }
  | { readonly kind: "look"; readonly id: string; readonly account: string; readonly chargeId: string }
  | { readonly kind: "ledger"; readonly id: string; readonly work: LedgerWork }
  | {
      readonly kind: "evidence"
      readonly id: string
      readonly account: string
      readonly reviewId: string
      readonly chargeId: string
    }

export type RefusedCode = "payment_method_required" | "obligation_closed"

export type Outcome =
  | { readonly kind: "method"; readonly hasMethod: boolean }
  /** How the charge stands, decided or not. */
  | { readonly kind: "charge"; readonly charge: ChargeView }
  /** Definitely not charged, without a charge. */
  | { readonly kind: "refused"; readonly code: RefusedCode }
  | { readonly kind: "closed"; readonly status: "closed" | "succeeded" | "pending" }
  /** Done, perhaps by an earlier try. `seq`: the account's entry number then. */
  | { readonly kind: "ledger"; readonly lotId: string | null; readonly seq: number }
  | { readonly kind: "evidence"; readonly evidence: Evidence }

const CHARGE_KINDS: Readonly<Record<Operation["kind"], ChargeKind>> = {
  purchase: "first",
  renewal: "renewal",
  upgrade: "upgrade",
}

const DESCRIPTIONS: Readonly<Record<Operation["kind"], string>> = {
  purchase: "Subscription",
  renewal: "Renewal",
  upgrade: "Upgrade",
}

const descriptionOf = ({ kind, quote, renewal }: Operation): string => {
  const terms = quote?.terms ?? renewal?.terms
  return terms === undefined ? DESCRIPTIONS[kind] : `${DESCRIPTIONS[kind]}: ${nameOf(terms)}`
}

const closeStep = (account: string, attempt: number, { obligation, again = 0 }: Closing): Step => {
  const id = `close:${obligation}:${attempt}`
  return { kind: "close", id: again === 0 ? id : `${id}.${again}`, account, obligation }
}

const operationStep = (account: string, operation: Operation): Step | null => {
  const { phase, obligation, attempt, amountCents, present, closing, chargeId } = operation
  switch (phase) {
    case "planned":
      return { kind: "method", id: `method:${obligation}:${attempt}`, account }
    case "charging": {
      const chargeKind = CHARGE_KINDS[operation.kind]
      const description = descriptionOf(operation)
      const id = `charge:${obligation}:${attempt}`
      return { kind: "charge", id, account, obligation, chargeKind, attempt, amountCents, description, present }
    }
    case "closing":
      if (closing === null) return null
      return closeStep(account, attempt, closing)
    case "looking":
      return chargeId === null ? null : { kind: "look", id: `look:${obligation}:${attempt}`, account, chargeId }
    // Their news comes by itself, or with the ledger's work.
    case "confirming":
    case "action_required":
    case "granting":
      return null
  }
}

/** At most one question to payments about a charge and one entry group for the ledger at a time. */
export const stepsOf = (state: State): ReadonlyArray<Step> => {
  const { account, operation, work, cases } = state
  const steps: Array<Step> = []
  const step = operation === null ? null : operationStep(account, operation)
  if (step !== null) steps.push(step)
  if (work.length > 0) steps.push({ kind: "ledger", id: work[0]!.id, work: work[0]! })
  for (const { gathering, row } of cases) {
    const { reviewId, chargeId } = row
    if (gathering) steps.push({ kind: "evidence", id: `evidence:${reviewId}`, account, reviewId, chargeId })
  }
  return steps
}

const takeRefused = (change: Change, operation: Operation, code: RefusedCode): void => {
  if (code === "payment_method_required") return fail(change, operation, noMethod)
  forgetObligation(change, operation)
  fail(change, operation, {
    code: "payment_declined",
    detail: "this payment was closed before; nothing was charged",
    chargeId: null,
    isFinal: false,
  })
}

/** The ledger has the first work of the queue. */
const takeLedger = (change: Change, done: LedgerWork, lotId: string | null, seq: number): void => {
  const { work, ledgerSeq, subscription, operation } = change.state
  patch(change, { work: work.slice(1), ledgerSeq: Math.max(ledgerSeq, seq) })
  if (subscription?.kind === "paid" && done.lot !== null && subscription.lot.cause === done.lot) {
    patchPaid(change, subscription, { lot: { cause: done.lot, id: lotId } })
  }
  if (operation !== null && operation.obligation === done.obligation) finishOperation(change, operation)
  change.facts.push(...done.facts)
  endIfRefunded(change)
}

/** `step` is one that the document names; the runtime drops outcomes of any other. */
export const takeOutcome = (change: Change, step: string, outcome: Outcome): void => {
  const { operation, work } = change.state
  if (outcome.kind === "ledger") {
    if (work[0]?.id === step) takeLedger(change, work[0], outcome.lotId, outcome.seq)
    return
  }
  if (outcome.kind === "evidence") return addEvidence(change, step.slice("evidence:".length), outcome.evidence)
  if (operation === null || operationStep(change.state.account, operation)?.id !== step) return
  switch (outcome.kind) {
    case "method":
      return takeMethod(change, operation, outcome.hasMethod)
    case "charge":
      return takeChargeInFlight(change, operation, outcome.charge)
    case "refused":
      return takeRefused(change, operation, outcome.code)
    case "closed":
      return takeClosed(change, operation, outcome.status)
  }
}
