/**
 * A charge driven as the saga runtime drives it, against the processor's model: decisions one at a time, the state kept
 * as text between them, steps performed with any fault, outcomes lost by kills, due work at its own instants. Checks
 * after every decision what must always hold.
 */
import assert from "node:assert/strict"
import type { SagaAnswer } from "@credits/actor/saga"
import type { MethodView, PaymentFact } from "@credits/contracts"
import { chargeMachine } from "./charge.ts"
import { isAsked, type AskedCharge, type ChargeCommand, type ChargeOutcome, type ChargeState } from "./charge-state.ts"
import type { IntentSnapshot } from "./intent.ts"
import { ProcessorModel, type Call, type ModelAnswer, type Params } from "./processor.fixture.ts"
import { KEY_USABLE_MS, keyInUse } from "./work.ts"

export type Fault =
  | "none"
  /** The request never arrives, the connection breaks. */
  | "lost_before"
  /** Executed, the answer is lost. */
  | "lost_after"
  /** Executed some time later; the caller has given up. */
  | "hang"
  | "500_executed"
  | "500_unexecuted"
  | "409"
  | "429"
  /** The process dies after the call and before its outcome is kept. */
  | "killed_after"

/** No request runs longer at the processor. */
const HOUR_MS = 3_600_000

export const START = Date.UTC(2027, 0, 1)
export const OBLIGATION = "renewal:sub_1:7"
export const ACCOUNT = "acc_one"

type Input = Parameters<typeof chargeMachine.decide>[1]

const UNKNOWN: ChargeOutcome = { kind: "unknown", detail: "the connection broke", isOver: false }
const REFUSED: ChargeOutcome = { kind: "refused", detail: "too many requests", retryAfterMs: 0 }

export class DrivenCharge {
  readonly processor = new ProcessorModel()
  readonly facts: Array<PaymentFact> = []
  readonly #waiting: Array<ChargeCommand> = []
  readonly answers: Array<SagaAnswer> = []
  /** Requests the processor has not ended yet. */
  readonly zombies: Array<{ readonly call: Call; readonly since: number; readonly end: () => void }> = []
  /** Attempt → what it was accepted with. */
  readonly asked = new Map<number, number>()
  /** Snapshots fetched for an event and not delivered yet. */
  readonly notices: Array<IntentSnapshot> = []
  #text = chargeMachine.encode(chargeMachine.initial(OBLIGATION))
  #now = START
  #ids = 0
  /** A success may come that we could not have known of when we told a failure. */
  isLateAllowed = false

  get state(): ChargeState {
    return chargeMachine.decode(this.#text)
  }

  get now(): number {
    return this.#now
  }

  get steps(): ReadonlyArray<{ readonly id: string; readonly kind: string }> {
    return chargeMachine.steps(this.state)
  }

  command(command: ChargeCommand): SagaAnswer | null {
    const answer = this.#decide({ type: "command", id: "", command }, this.#now)
    if (answer === null) this.#waiting.push(command)
    else this.answers.push(answer)
    return answer
  }

  #decide(input: Input, now: number): SagaAnswer | null {
    const before = this.state
    const decision = chargeMachine.decide(before, input, {
      now,
      newId: (prefix) => `${prefix}_${++this.#ids}`,
      env: null,
    })
    this.#checkPhase(before, decision.state)
    this.#text = chargeMachine.encode(decision.state)
    assert.deepEqual(this.state, decision.state, "the text form keeps everything")
    const { terms } = decision.state
    if (terms !== null) this.asked.set(terms.attempt, terms.amountCents)
    for (const fact of decision.facts) this.#told(fact)
    for (const command of this.#waiting.splice(0)) {
      const answer = chargeMachine.reply(this.state, command, false)
      if (answer === null) this.#waiting.push(command)
      else this.answers.push(answer)
    }
    return decision.answer
  }

  #checkPhase(before: ChargeState, after: ChargeState): void {
    const from = chargeMachine.phases(before)["charge"]!
    const to = chargeMachine.phases(after)["charge"]!
    const isDrawn = chargeMachine.transitions["charge"]!.some((arrow) => arrow.from === from && arrow.to === to)
    assert.ok(from === to || isDrawn, `no arrow from ${from} to ${to}`)
  }

  #told(fact: PaymentFact): void {
    assert.ok(!this.facts.some(({ id }) => id === fact.id), `fact ${fact.id} twice`)
    this.facts.push(fact)
    const isFailure = /declined|not_executed|canceled|action_required/.test(fact.kind)
    if (isFailure && !this.isLateAllowed) {
      assert.deepEqual(this.processor.takenFor(OBLIGATION), [], `${fact.kind} was told with the money taken`)
    }
    if (/declined|not_executed/.test(fact.kind)) {
      const open = this.zombies.filter(({ call, since }) => call === "confirm" && this.#now - since < HOUR_MS)
      assert.deepEqual(open, [], `${fact.kind} was told while a confirmation may still be executed`)
    }
    if (fact.kind === "charge_succeeded") assert.equal(this.processor.takenFor(OBLIGATION).length, 1)
  }

  /** Business time passes; what falls due runs at its own instant, in order. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const due = chargeMachine.nextDue(this.state)
      if (due === null || due > end) break
      this.#now = Math.max(this.#now, due)
      this.#decide({ type: "due" }, due)
    }
    this.#now = end
    this.processor.now = end
  }

  /** Performs one of the named steps; false when there is none. */
  perform(which: number, fault: Fault, slotDelayMs = 0): boolean {
    const { steps, state } = this
    const step = steps[which % Math.max(1, steps.length)]
    if (step === undefined || !isAsked(state)) return false
    this.processor.now = this.#now
    const outcome = this.#outcomeOf(step.kind, state, fault, slotDelayMs)
    if (fault !== "killed_after") this.#decide({ type: "outcome", step: step.id, outcome }, this.#now)
    return true
  }

  deliver(index: number, keep: boolean): void {
    if (this.notices.length === 0) return
    const at = index % this.notices.length
    const intent = this.notices[at]!
    if (!keep) this.notices.splice(at, 1)
    this.#decide({ type: "notice", notice: { type: "intent", intent } }, this.#now)
  }

  /** A person has the processor asked now. */
  lookUp(): SagaAnswer | null {
    const { state } = this
    if (!isAsked(state)) return null
    return this.command({ op: "charge-look-up", shown: this.#shownOf(state), by: "ana", reason: "a ticket" })
  }

  /** The customer's bank sends the refund back, and the processor tells of it. */
  refundComesBack(refund: string): void {
    const [intent] = this.processor.intents
    intent!.refunded = false
    const snapshot = this.processor.snapshot(intent!.id)
    this.#decide({ type: "notice", notice: { type: "refund_failed", refund, intent: snapshot } }, this.#now)
  }

  fetchNotices(): void {
    for (const { id } of this.processor.intents) this.notices.push(this.processor.snapshot(id))
  }

  #outcomeOf(kind: string, state: AskedCharge, fault: Fault, slotDelayMs: number): ChargeOutcome {
    if (kind === "slot") return { kind: "slot", at: this.#now + slotDelayMs }
    if (kind === "tell") return { kind: "told" }
    if (kind === "lookup") return this.#lookUp(state, fault)
    const call = kind as Call
    if (call !== "cancel" && call !== "refund" && this.#now - keyInUse(state).since > KEY_USABLE_MS) {
      return { kind: "key_useless", detail: "too old" }
    }
    return this.#call(call, state, fault)
  }

  #shownOf({ intent, chargeId }: AskedCharge): IntentSnapshot | null {
    return intent === null ? this.processor.findByCharge(chargeId) : this.processor.snapshot(intent.id)
  }

  #lookUp(state: AskedCharge, fault: Fault): ChargeOutcome {
    if (fault !== "none" && fault !== "killed_after") return UNKNOWN
    const found = this.#shownOf(state)
    return found === null ? { kind: "none" } : { kind: "intent", intent: found }
  }

  #call(call: Call, state: AskedCharge, fault: Fault): ChargeOutcome {
    const { terms } = state
    const params: Params = {
      ...(state.intent === null ? {} : { intent: state.intent.id }),
      chargeId: state.chargeId,
      obligation: state.obligation,
      attempt: terms.attempt,
      amountCents: terms.amountCents,
      method: terms.method.id,
      present: terms.present,
    }
    const key = keyInUse(state).text
    switch (fault) {
      case "429":
        return REFUSED
      case "409":
      case "lost_before":
        return UNKNOWN
      case "hang": {
        const end = this.processor.begin(key, call, params)
        if (end !== null) this.zombies.push({ call, since: this.#now, end })
        return UNKNOWN
      }
      case "lost_after":
        this.processor.request(key, call, params)
        return UNKNOWN
      case "500_executed":
      case "500_unexecuted":
        return this.#read(
          this.processor.request(key, call, params, fault === "500_executed" ? "executed" : "unexecuted"),
          state,
        )
      case "none":
      case "killed_after":
        return this.#read(this.processor.request(key, call, params), state)
    }
  }

  /** As the adapter reads answers. */
  #read(answer: ModelAnswer, state: AskedCharge): ChargeOutcome {
    switch (answer.kind) {
      case "intent":
      case "card":
        return answer
      case "wrong_state":
        return {
          kind: "failed",
          detail: "not in a state for this",
          intent: state.intent === null ? null : this.processor.snapshot(state.intent.id),
        }
      case "error_500":
        return { kind: "unknown", detail: "server error", isOver: answer.isReplayed }
      case "in_use":
        return UNKNOWN
      case "key_mismatch":
        throw new Error("a key was used for two requests")
      case "refunded":
        return { kind: "refunded" }
    }
  }
}

export const card = (id: string): MethodView => ({
  id,
  brand: "visa",
  last4: "4242",
  expMonth: 12,
  expYear: 2031,
  fingerprint: `fp_${id}`,
  status: "usable",
})

export type Ask = Extract<ChargeCommand, { op: "charge" }>

/** A request as the tests make it: a renewal of 20.00 with a saved card. */
export const ask = (attempt: number, method: string, change: Partial<Ask> = {}): Ask => ({
  op: "charge",
  account: ACCOUNT,
  kind: "renewal",
  attempt,
  amountCents: 2_000,
  present: false,
  description: "Plus, July",
  saved: { customer: "cus_1", method: card(method), refusal: null },
  ...change,
})

export const statusOf = (charge: DrivenCharge) => charge.state.status

/** Nothing goes wrong any more: everything under way comes to its end. */
export const settle = (charge: DrivenCharge): void => {
  for (let turn = 0; turn < 2_000; turn++) {
    if (charge.perform(0, "none")) continue
    const due = charge.state.work?.at
    if (charge.state.work === null || due === undefined) return
    charge.advance(Math.max(0, due - charge.now))
  }
  throw new Error(`no end: ${JSON.stringify(charge.state)}`)
}
