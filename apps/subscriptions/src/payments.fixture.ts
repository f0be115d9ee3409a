/**
 * Payments as subscriptions sees it on the bus, scripted: one charge an obligation with its attempts, decided once,
 * told as facts. Owns what was really taken; decides nothing that the test did not say.
 */
import type {
  ChargeAnswer,
  ChargeStatus,
  ChargeView,
  CloseAnswer,
  MethodView,
  PaymentFact,
  PaymentsRequest,
  RequestCharge,
} from "@credits/contracts"

/** What becomes of the charges to come. `unknown`: nobody knows until the test decides. */
export type Fate = "ok" | "soft" | "action" | "unknown"

const STATUS: Readonly<Record<Fate, ChargeStatus>> = {
  ok: "succeeded",
  soft: "declined",
  action: "action_required",
  unknown: "unknown",
}
const HOUR_MS = 3_600_000

const CARD: MethodView = {
  id: "pm_1",
  brand: "visa",
  last4: "4242",
  expMonth: 12,
  expYear: 2099,
  fingerprint: "f1",
  status: "usable",
}

export class PaymentsScript {
  readonly #account: string
  readonly #tell: (fact: PaymentFact) => Promise<void>
  readonly #now: () => number
  readonly charges = new Map<string, ChargeView>()
  readonly #closed = new Set<string>()
  /** Questions for a charge, repeats included. */
  asked = 0
  fate: Fate = "ok"
  hasCard = true
  #facts = 0

  constructor(account: string, now: () => number, tell: (fact: PaymentFact) => Promise<void>) {
    this.#account = account
    this.#now = now
    this.#tell = tell
  }

  /** Money taken: obligation without ids → cents. */
  get taken(): ReadonlyArray<string> {
    return [...this.charges.values()]
      .filter(({ status }) => status === "succeeded")
      .map(({ kind, amountCents }) => `${kind} ${amountCents}`)
  }

  async answer(request: PaymentsRequest): Promise<unknown> {
    switch (request.op) {
      case "method":
        return { ok: this.hasCard ? CARD : null }
      case "charge":
        return this.#charge(request)
      case "charge-close":
        return { ok: this.#close(request.obligation) }
      case "charge-show": {
        const charge = [...this.charges.values()].find(({ chargeId }) => chargeId === request.chargeId)
        return charge === undefined ? { refused: { code: "not_found", detail: "no such charge" } } : { ok: charge }
      }
      case "charge-list":
        return { ok: { items: [...this.charges.values()], nextCursor: null } }
      default:
        return { refused: { code: "unknown_op", detail: "not scripted" } }
    }
  }

  async #charge(request: RequestCharge): Promise<unknown> {
    this.asked++
    const { obligation, attempt, amountCents, kind, description } = request
    if (!this.hasCard) return { refused: { code: "payment_method_required", detail: "no card" } }
    if (this.#closed.has(obligation)) return { refused: { code: "obligation_closed", detail: "closed" } }
    const known = this.charges.get(obligation)
    if (known !== undefined && (known.status === "succeeded" || known.attempt >= attempt)) return this.#answerOf(known)
    const now = this.#now()
    return this.#answerOf(
      await this.#keep({
        chargeId: known?.chargeId ?? `chg_${this.#account.slice(4).toLowerCase()}${this.charges.size + 1}`,
        account: this.#account,
        obligation,
        kind,
        attempt,
        amountCents,
        description,
        status: STATUS[this.fate],
        decline: this.fate === "soft" ? { class: "soft", code: "funds", detail: "Not enough funds." } : null,
        clientSecret: this.fate === "action" ? "pi_secret" : null,
        expiresAt: this.fate === "action" ? now + HOUR_MS : null,
        method: CARD,
        refunded: false,
        disputed: false,
        at: now,
        decidedAt: this.fate === "unknown" ? null : now,
        processorId: "pi_1",
      }),
    )
  }

  #answerOf(charge: ChargeView): { readonly ok: ChargeAnswer } {
    return { ok: { status: charge.status === "unknown" ? "pending" : "decided", charge } }
  }

  #close(obligation: string): CloseAnswer {
    const charge = this.charges.get(obligation)
    if (charge?.status === "succeeded") return { status: "succeeded" }
    if (charge?.status === "unknown") return { status: "pending" }
    this.#closed.add(obligation)
    return { status: "closed" }
  }

  /** Stored, then told. */
  async #keep(charge: ChargeView): Promise<ChargeView> {
    this.charges.set(charge.obligation, charge)
    await this.#say(`charge_${charge.status}` as PaymentFact["kind"], charge)
    return charge
  }

  async #say(kind: PaymentFact["kind"], charge: ChargeView | null): Promise<void> {
    const id = `${this.#account}.${++this.#facts}`
    await this.#tell({ v: 1, id, kind, account: this.#account, at: this.#now(), charge, method: null })
  }

  /** What was open is decided: by the customer, or by a look at the processor. */
  async decide(fate: "ok" | "soft"): Promise<void> {
    for (const charge of this.charges.values()) {
      if (charge.status !== "unknown" && charge.status !== "action_required") continue
      await this.#keep({ ...charge, status: STATUS[fate], clientSecret: null, expiresAt: null })
    }
  }

  async dispute(): Promise<void> {
    await this.#say("charge_disputed", { ...[...this.charges.values()].at(-1)!, disputed: true })
  }

  async saveCard(): Promise<void> {
    this.hasCard = true
    await this.#say("method_saved", null)
  }
}
