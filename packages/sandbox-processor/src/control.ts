/**
 * `/__sandbox/…`: the book, a copy of the database, the fault plan, the clock, and what happens outside of the API:
 * customers prove who they are, banks take a charge back. JSON, without a key: loopback only.
 */
import { Schema } from "effect"
import type Stripe from "stripe"
import type { Api } from "./api.ts"
import type { SandboxClock } from "./clock.ts"
import { openDispute } from "./dispute.ts"
import { type FaultPlan, FaultPlanBody } from "./fault.ts"
import { type BookEntry, idOf, PREFIX } from "./object.ts"
import { authenticatePaymentIntent } from "./payment-intent.ts"
import { invalidValue, Refusal, resourceMissing } from "./refusal.ts"
import { authenticateSetupIntent } from "./setup-intent.ts"
import type { Store } from "./store.ts"
import type { Work } from "./work.ts"

export interface Book {
  readonly items: ReadonlyArray<BookEntry>
  readonly totals: {
    readonly count: number
    /** All that was ever charged, cents. */
    readonly chargedCents: number
    readonly refundedCents: number
    /** Of charges under dispute. */
    readonly disputedCents: number
  }
}

export const bookOf = (entries: ReadonlyArray<BookEntry>): Book => {
  let chargedCents = 0
  let refundedCents = 0
  let disputedCents = 0
  for (const entry of entries) {
    chargedCents += entry.amountCents
    refundedCents += entry.refundedCents
    if (entry.status === "disputed") disputedCents += entry.amountCents
  }
  return { items: entries, totals: { count: entries.length, chargedCents, refundedCents, disputedCents } }
}

export interface ControlParts {
  readonly api: Api
  readonly store: Store
  readonly clock: SandboxClock
  readonly faults: FaultPlan
}

export interface ControlAnswer {
  readonly status: number
  readonly body: unknown
}

const ClockBody = Schema.Struct({ now: Schema.Union([Schema.String, Schema.Finite]) })
const AuthenticateBody = Schema.Struct({ outcome: Schema.optionalKey(Schema.Literals(["succeeded", "failed"])) })
const DisputeBody = Schema.Struct({
  /** A charge (`ch_…`), an intent (`pi_…`) or our charge id. */
  charge: Schema.String,
  reason: Schema.optionalKey(Schema.Literals(["duplicate", "fraudulent", "general", "product_not_received"])),
})

const strict = { onExcessProperty: "error" } as const
const decodeFaults = Schema.decodeUnknownSync(FaultPlanBody)
const decodeClock = Schema.decodeUnknownSync(ClockBody)
const decodeAuthenticate = Schema.decodeUnknownSync(AuthenticateBody)
const decodeDispute = Schema.decodeUnknownSync(DisputeBody)

const read = <A>(decode: (input: unknown, options: typeof strict) => A, text: string): A => {
  try {
    return decode(text === "" ? {} : JSON.parse(text), strict)
  } catch (error) {
    throw invalidValue(error instanceof Error ? error.message : String(error))
  }
}

/** The intent that an id means: its own, or the newest one made for our charge id that fits. */
const intentFor = (work: Work, id: string, fits: (intent: Stripe.PaymentIntent) => boolean): Stripe.PaymentIntent => {
  if (id.startsWith(PREFIX.payment_intent)) return work.get("payment_intent", id, "id", true)
  const made = work.linked("payment_intent", id)
  const found = made.find(fits) ?? made[0]
  if (found === undefined) throw resourceMissing("payment_intent", id, "id", true)
  return found
}

const waits = ({ status, last_payment_error: error }: Stripe.PaymentIntent): boolean =>
  status === "requires_action" || (status === "requires_payment_method" && error?.code === "authentication_required")

const authenticate = (work: Work, id: string, succeeded: boolean): Stripe.PaymentIntent | Stripe.SetupIntent =>
  id.startsWith(PREFIX.setup_intent)
    ? authenticateSetupIntent(work, id, succeeded)
    : authenticatePaymentIntent(work, intentFor(work, id, waits).id, succeeded)

const dispute = (work: Work, id: string, reason: string): Stripe.Dispute => {
  const chargeId = id.startsWith(PREFIX.charge)
    ? id
    : idOf(intentFor(work, id, ({ status }) => status === "succeeded").latest_charge)
  if (chargeId === null) throw resourceMissing("charge", id, "charge", false)
  return openDispute(work, work.get("charge", chargeId, "charge"), reason)
}

const instantOf = (now: string | number): number => {
  const ms = typeof now === "number" ? now : Date.parse(now)
  if (!Number.isSafeInteger(ms) || ms < 0) throw invalidValue("now must be an ISO 8601 instant or milliseconds", "now")
  return ms
}

export class Control {
  readonly #parts: ControlParts

  constructor(parts: ControlParts) {
    this.#parts = parts
  }

  /** @param path what follows `/__sandbox/` */
  handle(method: string, path: string, body: string, answered: (answer: ControlAnswer) => void): void {
    const done = (result: unknown): void =>
      result instanceof Refusal
        ? answered({ status: result.status, body: { error: result.body } })
        : answered({ status: 200, body: result })
    try {
      this.#perform(`${method} ${path}`, body, done)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      done(error)
    }
  }

  #perform(call: string, body: string, done: (result: unknown) => void): void {
    const { api, store, clock, faults } = this.#parts
    const id = /^POST authenticate\/([\w-]{1,200})$/.exec(call)?.[1]
    if (id !== undefined) {
      const { outcome } = read(decodeAuthenticate, body)
      return api.act((work) => authenticate(work, id, outcome !== "failed"), done)
    }
    switch (call) {
      case "GET charges":
        return store.afterCommit(() => done(bookOf(store.book())))
      case "GET charges/count":
        return store.afterCommit(() => done({ count: store.bookCount() }))
      case "GET database":
        return store.afterCommit(() => done({ sqliteBase64: store.copy().toString("base64") }))
      case "GET faults":
        return done({ rules: faults.list() })
      case "POST faults":
        faults.set(read(decodeFaults, body).rules)
        return done({ rules: faults.list() })
      case "DELETE faults":
        faults.clear()
        return done({ rules: [] })
      case "GET clock":
        return done({ now: new Date(clock.now()).toISOString() })
      case "POST clock":
        clock.set(instantOf(read(decodeClock, body).now))
        api.sweepKeys()
        return store.afterCommit(() => done({ now: new Date(clock.now()).toISOString() }))
      case "POST disputes": {
        const { charge, reason } = read(decodeDispute, body)
        return api.act((work) => dispute(work, charge, reason ?? "fraudulent"), done)
      }
      default:
        throw new Refusal(404, { type: "invalid_request_error", message: `No such control call: ${call}` })
    }
  }
}
