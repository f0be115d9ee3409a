/**
 * Doing what the method machine wants done at the processor: customers, set-ups, cards. Owns the one way a card is
 * saved
 * (decision 18): whatever the card element returned is brought to a method that a SetupIntent makes the customer's for
 * charges without them. Decides nothing.
 */
import type { Stripe } from "stripe"
import type { Report } from "./report.ts"
import type { Failure } from "./failure.ts"
import { customerKey, taskKey, taskUnderWay } from "./method.ts"
import type { MethodOutcome, MethodState, MethodStep } from "./method-state.ts"
import { cardOf, customerOf, type Called, type Processor } from "./processor.ts"

export interface MethodPerformer {
  readonly processor: Processor
  readonly report: Report
}

export const performMethod = (parts: MethodPerformer, step: MethodStep, state: MethodState): Promise<MethodOutcome> => {
  switch (step.kind) {
    case "customer":
      return createCustomer(parts, state)
    case "setup":
      return createSetup(parts, state)
    case "save":
      return save(parts, state)
    case "detach":
      return detach(parts, state)
  }
}

const again = (failure: Failure): MethodOutcome => ({
  kind: "again",
  detail: "detail" in failure ? failure.detail : "the processor refused",
  // A mistake of ours is stored under its key as well.
  isOver: failure.kind === "unknown" ? failure.isOver : failure.kind !== "refused",
})

const customerIn = (state: MethodState): string => {
  if (state.customer === null) throw new Error(`${state.account}: no customer to call about`)
  return state.customer
}

const createCustomer = async ({ processor }: MethodPerformer, state: MethodState): Promise<MethodOutcome> => {
  const called = await processor.createCustomer(state.account, customerKey(state))
  return "ok" in called ? { kind: "customer", id: called.ok.id } : again(called.failed)
}

const createSetup = async ({ processor }: MethodPerformer, state: MethodState): Promise<MethodOutcome> => {
  const key = `${taskKey(state, taskUnderWay(state))}:setup`
  const called = await processor.createSetup(customerIn(state), state.account, key)
  if ("failed" in called) return again(called.failed)
  const { id, client_secret: clientSecret } = called.ok
  return clientSecret === null
    ? { kind: "again", detail: "a set-up without its secret", isOver: true }
    : { kind: "setup", id, clientSecret }
}

const invalidToken: MethodOutcome = {
  kind: "refused",
  code: "setup_token_invalid",
  detail: "the card processor does not know this card set-up, or it was used already",
}
const refusedCard = (detail: string): MethodOutcome => ({ kind: "refused", code: "card_refused", detail })

/** A failure of a call about what the customer sent. */
const ofCard = (failure: Failure): MethodOutcome => {
  if (failure.kind === "card") return refusedCard("The card was refused by its bank. Please use another card.")
  return failure.kind === "invalid" ? invalidToken : again(failure)
}

const save = async (parts: MethodPerformer, state: MethodState): Promise<MethodOutcome> => {
  const task = taskUnderWay(state)
  const customer = customerIn(state)
  const key = taskKey(state, task)
  const called = await setUp(parts.processor, task.subject, customer, state.account, key)
  if ("kind" in called) return called
  if ("failed" in called) return ofCard(called.failed)
  return cardIn(called.ok, customer)
}

const setUp = async (
  processor: Processor,
  token: string,
  customer: string,
  account: string,
  key: string,
): Promise<Called<Stripe.SetupIntent> | MethodOutcome> => {
  // The element has confirmed it already.
  if (token.startsWith("seti_")) return processor.retrieveSetup(token.replace(/_secret_.*$/, ""))
  if (token.startsWith("pm_")) return processor.setUpMethod(customer, account, token, `${key}:setup`)
  if (!token.startsWith("tok_")) return invalidToken
  const method = await processor.createMethod(token, `${key}:method`)
  return "failed" in method ? method : processor.setUpMethod(customer, account, method.ok.id, `${key}:setup`)
}

const cardIn = (setup: Stripe.SetupIntent, customer: string): MethodOutcome => {
  // Somebody else's set-up is none of this account's.
  if (customerOf(setup) !== customer) return invalidToken
  if (setup.status === "requires_action") {
    return refusedCard("The bank wants to confirm this card with you. Please enter it in the card form.")
  }
  const method = setup.payment_method
  if (setup.status !== "succeeded" || method === null || typeof method === "string") return invalidToken
  const card = cardOf(method)
  return card === null ? refusedCard("Only cards can be saved.") : { kind: "saved", card }
}

const detach = async ({ processor, report }: MethodPerformer, state: MethodState): Promise<MethodOutcome> => {
  const task = taskUnderWay(state)
  const called = await processor.detachMethod(task.subject, `${taskKey(state, task)}:detach`)
  if ("ok" in called) return { kind: "detached" }
  const { failed } = called
  if (failed.kind !== "invalid") return again(failed)
  // It is nobody's already.
  report("info", `detaching ${task.subject}: ${failed.detail}`)
  return { kind: "detached" }
}
