/**
 * Commands of customers and support: decided at once, or waiting for the money to be decided (R4.4). Pure. Owns what
 * each is answered; what it changes is in the files named for it.
 */
import type { SagaAnswer } from "@credits/actor/saga"
import type {
  AnswerReview,
  CancelSubscription,
  ConfirmQuote,
  GiveComplimentary,
  OpenReview,
  PayNow,
  RequestQuote,
  ResumeSubscription,
  ScheduleDowngrade,
  WalletAnswer,
} from "@credits/contracts"
import { patch, type Change } from "./change.ts"
import { beginConfirmed } from "./operation.ts"
import { cycleStart } from "./period.ts"
import { makeQuote, quoteRefusal, QUOTES_KEPT, wantedTerms, type Refusal } from "./quote.ts"
import { answerCase, reportCharge } from "./review.ts"
import { cancel, giveComplimentary, payNow, resume, scheduleDowngrade, type Standing } from "./standing.ts"
import { isUndecided, type Failure, type Operation, type State } from "./subscription.ts"

export type Command =
  /** With the wallet as the ledger showed it just before (R4.4). */
  | (RequestQuote & { readonly wallet: WalletAnswer })
  | ConfirmQuote
  | CancelSubscription
  | ResumeSubscription
  | PayNow
  | OpenReview
  | AnswerReview
  | ScheduleDowngrade
  | GiveComplimentary

/** What the border makes the contract's answer of; the subscription is added there. */
export type Answer =
  | { readonly status: "done" }
  | { readonly status: "being_confirmed"; readonly chargeId: string | null }

/** The border's word for a wallet that is older than the document: read it again. Never leaves the service. */
export const WALLET_STALE = "wallet_stale"

const ok = (value: unknown): SagaAnswer => ({ ok: value })
const refused = (refusal: Refusal): SagaAnswer => ({ refused: { ...refusal } })
const done = ok({ status: "done" } satisfies Answer)
const beingConfirmed = refused({
  code: "payment_being_confirmed",
  detail: "a payment is being confirmed; wait for its result",
})

/** The instant of the wallet: credit lines are exact then. Never before the cycle began that is given up. */
const quotedAt = ({ state, now }: Change, wallet: WalletAnswer): number => {
  const { subscription } = state
  const from = subscription?.kind === "paid" ? cycleStart(subscription.period) : 0
  return Math.max(from, Math.min(now, wallet.asOf))
}

const decideQuote = (change: Change, request: Extract<Command, { op: "quote" }>): SagaAnswer => {
  const { state } = change
  if (isUndecided(state)) return beingConfirmed
  const terms = wantedTerms(change, request)
  if ("code" in terms) return refused(terms)
  const { wallet } = request
  if (state.work.length > 0 || wallet.seq < state.ledgerSeq) {
    return { refused: { code: WALLET_STALE, detail: "the wallet is older than the subscription" } }
  }
  if (state.subscription === null && state.draftId === null) patch(change, { draftId: change.newId("sub") })
  const quote = makeQuote(change, terms, wallet, quotedAt(change, wallet))
  patch(change, { quotes: [...change.state.quotes.slice(1 - QUOTES_KEPT), quote] })
  return ok(quote.view)
}

const isOf = (operation: Operation | null, quoteId: string): operation is Operation => operation?.quote?.id === quoteId

const decideConfirm = (change: Change, { quoteId }: ConfirmQuote): SagaAnswer | null => {
  const { state, now } = change
  if (isOf(state.operation, quoteId)) return replyToQuote(state, quoteId, false)
  const quote = state.quotes.find((one) => one.id === quoteId)
  if (quote === undefined) return quoteNotFound
  if (quote.result?.done === true) return done
  if (isUndecided(state)) return beingConfirmed
  const refusal = quoteRefusal(state, quote, now)
  if (refusal !== null) return { refused: { ...refusal, final: true } }
  beginConfirmed(change, quote)
  return null
}

const quoteNotFound = refused({ code: "quote_not_found", detail: "there is no such quote; ask for a new one" })

/** `final`: the same command again is answered the same; another attempt is another command. */
const failed = ({ code, detail, chargeId }: Failure): SagaAnswer => ({
  refused: { code, detail, final: true, ...(chargeId !== null && { chargeId }) },
})

const actionRequired = ({ chargeId, action }: Operation): SagaAnswer => ({
  refused: {
    code: "payment_action_required",
    detail: "the card needs your confirmation for this payment",
    ...(chargeId !== null && { chargeId }),
    clientSecret: action?.clientSecret,
    expiresAt: action?.expiresAt,
  },
})

/** Of an operation that is in flight: what its customer is told by now. */
const inFlight = (operation: Operation, final: boolean): SagaAnswer | null => {
  if (operation.phase === "action_required") return actionRequired(operation)
  if (!final) return null
  return ok({ status: "being_confirmed", chargeId: operation.chargeId } satisfies Answer)
}

const replyToQuote = (state: State, quoteId: string, final: boolean): SagaAnswer | null => {
  if (isOf(state.operation, quoteId)) return inFlight(state.operation, final)
  const quote = state.quotes.find((one) => one.id === quoteId)
  if (quote === undefined || quote.result === null) return quoteNotFound
  return quote.result.done ? done : failed(quote.result.failure)
}

const replyToPay = (state: State, final: boolean): SagaAnswer | null => {
  const { operation, subscription } = state
  if (operation?.kind === "renewal") return inFlight(operation, final)
  if (subscription?.kind !== "paid") {
    return refused({ code: "payment_declined", detail: "the payment failed and the subscription has ended" })
  }
  const { pastDue } = subscription
  return pastDue === null
    ? done
    : failed({ code: pastDue.code, detail: pastDue.reason, chargeId: null, isFinal: false })
}

const standing = (change: Change, command: Command, result: Standing): SagaAnswer | null => {
  if (result === "waiting") return replyTo(change.state, command, false)
  return result === null ? done : refused(result)
}

/** Null: the money decides. */
export const decideCommand = (change: Change, command: Command): SagaAnswer | null => {
  switch (command.op) {
    case "quote":
      return decideQuote(change, command)
    case "confirm":
      return decideConfirm(change, command)
    case "cancel":
      return standing(change, command, cancel(change, command.by ?? null, command.reason ?? null))
    case "resume":
      return standing(change, command, resume(change))
    case "pay":
      return standing(change, command, payNow(change))
    case "downgrade":
      return standing(change, command, scheduleDowngrade(change, command))
    case "complimentary":
      return standing(change, command, giveComplimentary(change, command))
    case "review-open": {
      const opened = reportCharge(change, command.chargeId, command.reason)
      if (opened !== null) return ok(opened)
      return refused({ code: "review_exists", detail: "this charge is being looked at already", field: "chargeId" })
    }
    case "review-answer": {
      const { reviewId, answer, by } = command
      const answered = answerCase(change, { reviewId, answer, by, at: change.now })
      if (answered !== null) return ok(answered)
      return refused({ code: "review_not_found", detail: "there is no such open case" })
    }
  }
}

/** Whether a command that waits can be answered now; `final`: it has waited long enough. */
export const replyTo = (state: State, command: Command, final: boolean): SagaAnswer | null => {
  switch (command.op) {
    case "confirm":
      return replyToQuote(state, command.quoteId, final)
    case "pay":
      return replyToPay(state, final)
    case "cancel":
      return state.operation?.closing?.next === "end" && !final ? null : done
    default:
      return done
  }
}
