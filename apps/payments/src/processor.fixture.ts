/**
 * A card processor of a few lines for the property tests: intents, idempotency keys that are forgotten after a day,
 * and everything that goes wrong with a call. Independent of the sandbox processor on purpose: two doubles, one truth.
 */
import type { CardError } from "./decline.ts"
import type { IntentSnapshot } from "./intent.ts"

export const KEY_LIFE_MS = 24 * 3_600_000

/** What cards say no to, by the id of the method. */
const NO: Readonly<Record<string, CardError>> = {
  pm_poor: { code: "card_declined", declineCode: "insufficient_funds", adviceCode: null, networkAdviceCode: null },
  pm_stolen: { code: "card_declined", declineCode: "stolen_card", adviceCode: null, networkAdviceCode: null },
  pm_strange: { code: "card_declined", declineCode: "a_word_of_2031", adviceCode: null, networkAdviceCode: null },
}
const ASKS: CardError = {
  code: "authentication_required",
  declineCode: "authentication_required",
  adviceCode: null,
  networkAdviceCode: null,
}
const FAILED: CardError = {
  code: "payment_intent_authentication_failure",
  declineCode: null,
  adviceCode: null,
  networkAdviceCode: null,
}

interface ModelIntent {
  readonly id: string
  status: string
  amountCents: number
  receivedCents: number
  chargeId: string
  obligation: string
  attempt: number
  method: string | null
  lastMethod: string | null
  error: CardError | null
  refunded: boolean
}

export interface Params {
  readonly intent?: string
  readonly chargeId: string
  readonly obligation: string
  readonly attempt: number
  readonly amountCents: number
  readonly method: string
  readonly present: boolean
}

export type Call = "create" | "update" | "confirm" | "cancel" | "refund"

export type ModelAnswer =
  | { readonly kind: "intent"; readonly intent: IntentSnapshot }
  | { readonly kind: "card"; readonly error: CardError }
  /** 400: not in a state for this. */
  | { readonly kind: "wrong_state" }
  | { readonly kind: "error_500"; readonly isReplayed: boolean }
  | { readonly kind: "in_use" }
  | { readonly kind: "key_mismatch" }
  | { readonly kind: "refunded" }

interface StoredAnswer {
  readonly at: number
  readonly text: string
  readonly answer: ModelAnswer
}

export class ProcessorModel {
  readonly intents: Array<ModelIntent> = []
  readonly #keys = new Map<string, StoredAnswer>()
  readonly #running = new Map<string, string>()
  now = 0

  /** Money that was really taken, for an obligation. */
  takenFor(obligation: string): ReadonlyArray<{ readonly id: string; readonly amountCents: number }> {
    return this.intents
      .filter((each) => each.obligation === obligation && each.receivedCents > 0)
      .map(({ id, receivedCents }) => ({ id, amountCents: receivedCents }))
  }

  snapshot(id: string): IntentSnapshot {
    const found = this.#intent(id)
    const { status, amountCents, receivedCents, chargeId, obligation, attempt, error, refunded } = found
    const secret = `${id}_secret`
    return {
      id,
      clientSecret: secret,
      status,
      amountCents,
      receivedCents,
      chargeId,
      obligation,
      attempt,
      error,
      refunded,
      disputed: false,
    }
  }

  findByCharge(chargeId: string): IntentSnapshot | null {
    const found = this.intents.find((each) => each.chargeId === chargeId)
    return found === undefined ? null : this.snapshot(found.id)
  }

  /** A request under a key. `stored500`: what is kept under the key is a server error, executed or not. */
  request(key: string, call: Call, params: Params, stored500?: "executed" | "unexecuted"): ModelAnswer {
    const text = JSON.stringify([call, params])
    const known = this.#keys.get(key)
    if (known !== undefined && this.now - known.at < KEY_LIFE_MS) {
      if (known.text !== text) return { kind: "key_mismatch" }
      return known.answer.kind === "error_500" ? { kind: "error_500", isReplayed: true } : known.answer
    }
    const running = this.#running.get(key)
    if (running !== undefined) return running === text ? { kind: "in_use" } : { kind: "key_mismatch" }
    const executed = stored500 === "unexecuted" ? null : this.#execute(call, params)
    const answer: ModelAnswer =
      stored500 === undefined && executed !== null ? executed : { kind: "error_500", isReplayed: false }
    this.#keys.set(key, { at: this.now, text, answer })
    return answer
  }

  /** A request that is still being executed; the returned function ends it, long after the caller has gone. */
  begin(key: string, call: Call, params: Params): (() => void) | null {
    const known = this.#keys.get(key)
    const isKnown = known !== undefined && this.now - known.at < KEY_LIFE_MS
    if (isKnown || this.#running.has(key)) return null
    this.#running.set(key, JSON.stringify([call, params]))
    return () => {
      this.#running.delete(key)
      this.request(key, call, params)
    }
  }

  /** What the customer does on the bank's page, or what the bank decides in the end. */
  authenticate(id: string, succeeds: boolean): void {
    const intent = this.#intent(id)
    const isAsked = intent.status === "requires_payment_method" && intent.error === ASKS
    if (intent.status !== "requires_action" && intent.status !== "processing" && !isAsked) return
    if (succeeds) return this.#take(intent)
    Object.assign(intent, { status: "requires_payment_method", error: FAILED, method: null })
  }

  #intent(id: string): ModelIntent {
    const found = this.intents.find((each) => each.id === id)
    if (found === undefined) throw new Error(`the model has no ${id}`)
    return found
  }

  #take(intent: ModelIntent): void {
    if (intent.receivedCents > 0) throw new Error("the model charged an intent twice")
    Object.assign(intent, { status: "succeeded", receivedCents: intent.amountCents, error: null })
  }

  #execute(call: Call, params: Params): ModelAnswer {
    if (call === "create") {
      const { chargeId, obligation, attempt, amountCents, method } = params
      const id = `pi_${this.intents.length + 1}`
      const terms = { id, chargeId, obligation, attempt, amountCents, method, lastMethod: method }
      this.intents.push({ ...terms, status: "requires_confirmation", receivedCents: 0, error: null, refunded: false })
      return { kind: "intent", intent: this.snapshot(id) }
    }
    const intent = this.#intent(params.intent!)
    if (call === "refund") return this.#refund(intent)
    if (!["requires_confirmation", "requires_payment_method", "requires_action"].includes(intent.status)) {
      return { kind: "wrong_state" }
    }
    if (call === "cancel") intent.status = "canceled"
    else if (call === "update") this.#update(intent, params)
    else return this.#confirm(intent, params)
    return { kind: "intent", intent: this.snapshot(intent.id) }
  }

  #refund(intent: ModelIntent): ModelAnswer {
    if (intent.receivedCents === 0 || intent.refunded) return { kind: "wrong_state" }
    intent.refunded = true
    return { kind: "refunded" }
  }

  #update(intent: ModelIntent, params: Params): void {
    const { amountCents, attempt, method } = params
    Object.assign(intent, { amountCents, attempt, method, lastMethod: method, error: null })
    intent.status = "requires_confirmation"
  }

  #confirm(intent: ModelIntent, params: Params): ModelAnswer {
    if (intent.method === null) return { kind: "wrong_state" }
    const no = NO[intent.method]
    if (no !== undefined) return this.#decline(intent, no)
    if (intent.method === "pm_later") intent.status = "processing"
    else if (intent.method === "pm_authenticate") {
      if (!params.present) return this.#decline(intent, ASKS)
      intent.status = "requires_action"
    } else this.#take(intent)
    return { kind: "intent", intent: this.snapshot(intent.id) }
  }

  #decline(intent: ModelIntent, error: CardError): ModelAnswer {
    Object.assign(intent, { status: "requires_payment_method", error, method: null })
    return { kind: "card", error }
  }
}
