/**
 * Payments and the card behind it, as auto top-up sees them: an obligation is decided once and answered the same for
 * ever, and every decision is also told as a fact. Owns what was really taken, which is what the cap is measured by.
 */
import type { ChargeAnswer, ChargeStatus, ChargeView, Decline, MethodView, PaymentFact } from "@credits/contracts"

/** What will become of a charge. `unknown_…`: nobody knows for a while, then it is that. */
export type Fate = "ok" | "soft" | "final" | "fix" | "action" | "not_executed" | "unknown_ok" | "unknown_soft"

export const FATES: ReadonlyArray<Fate> = [
  "ok",
  "soft",
  "final",
  "fix",
  "action",
  "not_executed",
  "unknown_ok",
  "unknown_soft",
]

const declines: Readonly<Record<"soft" | "final" | "fix", Decline>> = {
  soft: { class: "soft", code: "insufficient_funds", detail: "The card has not enough money on it." },
  final: { class: "final", code: "generic", detail: "The card was declined." },
  fix: { class: "fix", code: "expired_card", detail: "The card has expired." },
}

const STATUS: Readonly<Record<Exclude<Fate, "unknown_ok" | "unknown_soft">, ChargeStatus>> = {
  ok: "succeeded",
  soft: "declined",
  final: "declined",
  fix: "declined",
  action: "action_required",
  not_executed: "not_executed",
}

const FACT_OF: Readonly<Partial<Record<ChargeStatus, PaymentFact["kind"]>>> = {
  succeeded: "charge_succeeded",
  declined: "charge_declined",
  action_required: "charge_action_required",
  not_executed: "charge_not_executed",
  unknown: "charge_unknown",
}

export const method = (fingerprint: string, status: MethodView["status"] = "usable"): MethodView => ({
  id: `pm_${fingerprint}`,
  brand: "visa",
  last4: "4242",
  expMonth: 12,
  expYear: 2030,
  fingerprint,
  status,
})

interface Charge {
  view: ChargeView
  readonly fate: Fate
}

export class Processor {
  readonly #account: string
  /** Fates of the charges to come; then every one is "ok". */
  readonly fates: Array<Fate> = []
  readonly charges = new Map<string, Charge>()
  readonly facts: Array<PaymentFact> = []
  /** Fingerprint of the card that is charged. */
  card = "f1"
  #facts = 0

  constructor(account: string) {
    this.#account = account
  }

  /** Money really taken. */
  get taken(): ReadonlyArray<ChargeView> {
    return [...this.charges.values()].map(({ view }) => view).filter(({ status }) => status === "succeeded")
  }

  /** Asked to charge: the first time it is authorized now; then the same charge answers. */
  charge(obligation: string, amountCents: number, now: number): ChargeAnswer {
    const known = this.charges.get(obligation)
    if (known !== undefined) {
      if (known.view.amountCents !== amountCents) throw new Error(`${obligation} with another amount`)
      return this.#answer(known)
    }
    const fate = this.fates.shift() ?? "ok"
    const view: ChargeView = {
      chargeId: `chg_${this.charges.size + 1}`,
      account: this.#account,
      obligation,
      kind: "topup",
      attempt: 1,
      amountCents,
      description: "Auto top-up",
      status: "submitting",
      decline: null,
      clientSecret: null,
      expiresAt: null,
      method: method(this.card),
      refunded: false,
      disputed: false,
      at: now,
      decidedAt: null,
      processorId: "pi_1",
    }
    const charge: Charge = { view, fate }
    this.charges.set(obligation, charge)
    if (fate === "unknown_ok" || fate === "unknown_soft") this.#become(charge, "unknown", now)
    else this.#become(charge, STATUS[fate], now, fate)
    return this.#answer(charge)
  }

  /** What was not known becomes known. */
  resolve(obligation: string, now: number): void {
    const charge = this.charges.get(obligation)
    if (charge === undefined || charge.view.status !== "unknown") return
    if (charge.fate === "unknown_ok") this.#become(charge, "succeeded", now)
    else this.#become(charge, "declined", now, "soft")
  }

  get unresolved(): ReadonlyArray<string> {
    return [...this.charges].filter(([, { view }]) => view.status === "unknown").map(([obligation]) => obligation)
  }

  /** A success after a failure was told: rare, and to be believed (R10.2). */
  succeedAfterAll(obligation: string, now: number): void {
    this.#become(this.charges.get(obligation)!, "succeeded", now)
  }

  readonly #closed = new Set<string>()

  /** Canceled for ever, or paid before. */
  close(obligation: string): boolean {
    const isPaid = this.charges.get(obligation)?.view.status === "succeeded"
    if (!isPaid) this.#closed.add(obligation)
    return !isPaid
  }

  /** Charges that wait for a customer who may still come. */
  get awaiting(): ReadonlyArray<string> {
    const isOpen = (obligation: string, view: ChargeView): boolean =>
      view.status === "action_required" && !this.#closed.has(obligation)
    return [...this.charges].flatMap(([obligation, { view }]) => (isOpen(obligation, view) ? [obligation] : []))
  }

  /** Support gives the money back. */
  refund(obligation: string, now: number): void {
    const charge = this.charges.get(obligation)!
    charge.view = { ...charge.view, refunded: true }
    this.tell("charge_refunded", now, { charge: charge.view })
  }

  tell(
    kind: PaymentFact["kind"],
    now: number,
    more: Partial<Pick<PaymentFact, "charge" | "method">> = {},
  ): PaymentFact {
    const id = `pay_${(this.#facts += 1)}`
    const fact: PaymentFact = { v: 1, id, kind, account: this.#account, at: now, charge: null, method: null, ...more }
    this.facts.push(fact)
    return fact
  }

  #become(charge: Charge, status: ChargeStatus, now: number, fate?: Fate): void {
    const decline = fate === "soft" || fate === "final" || fate === "fix" ? declines[fate] : null
    charge.view = { ...charge.view, status, decline, decidedAt: status === "unknown" ? null : now }
    this.tell(FACT_OF[status]!, now, { charge: charge.view })
  }

  #answer({ view }: Charge): ChargeAnswer {
    return { status: view.status === "unknown" ? "pending" : "decided", charge: view }
  }
}
