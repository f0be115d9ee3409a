/**
 * One account's world for tests of the machine: the document driven as the runtime drives it, a ledger reduced to exact
 * lots, and a payments that does what the test says. Everything is deterministic; time moves only when told.
 */
import {
  AUTHENTICATION_EXPIRED_CODE,
  type ChargeView,
  type MethodView,
  type SubscriptionFact,
  type WalletAnswer,
} from "@credits/contracts"
import { makeId, type Instant, type Nano } from "@credits/kernel"
import type { Catalogue } from "@credits/pricebook"
import { defaultCatalogue } from "@credits/pricebook/defaults"
import type { SagaAnswer, SagaInput } from "@credits/actor/saga"
import { assert } from "vitest"
import type { Env } from "./change.ts"
import type { Command } from "./command.ts"
import { afterExpiry } from "./ledger-work.ts"
import { machine } from "./machine.ts"
import type { Notice } from "./payment-notice.ts"
import type { CaseRow } from "./review.ts"
import type { Outcome, Step } from "./step.ts"
import type { LedgerCommand, LedgerWork, State } from "./subscription.ts"

export const ACCOUNT = "acc_world"
/** A cycle of exactly 30 days: November 2026. */
export const START = Date.UTC(2026, 10, 1)

interface Lot {
  readonly id: string
  readonly cause: string
  readonly kind: string
  readonly granted: Nano
  remaining: Nano
  readonly expiresAt: Instant
  /** What was left when it expired. */
  expired: Nano
}

/** Lots without holds and debt: enough to see every credit that could be used. */
export class LotBook {
  readonly lots: Array<Lot> = []
  readonly done = new Map<string, { readonly lotId: string | null; readonly seq: number }>()
  entitlement: Extract<LedgerCommand, { op: "entitle" }> | null = null
  markUntil: Instant = 0
  seq = 0
  spent = 0n
  revoked = 0n

  /** Lots pay soonest expiry first; what has expired is gone. */
  live(now: Instant): ReadonlyArray<Lot> {
    for (const lot of this.lots) {
      if (lot.expiresAt > now) continue
      lot.expired += lot.remaining
      lot.remaining = 0n
    }
    return this.lots.filter((lot) => lot.remaining > 0n).toSorted((a, b) => a.expiresAt - b.expiresAt)
  }

  balance(now: Instant): Nano {
    return this.live(now).reduce((sum, lot) => sum + lot.remaining, 0n)
  }

  grant(cause: string, kind: string, amount: Nano, expiresAt: Instant): string {
    const id = `lot_${this.lots.length + 1}`
    this.lots.push({ id, cause, kind, granted: amount, remaining: amount, expiresAt, expired: 0n })
    return id
  }

  spend(amount: Nano, now: Instant): void {
    let left = amount
    for (const lot of this.live(now)) {
      const take = lot.remaining < left ? lot.remaining : left
      lot.remaining -= take
      left -= take
    }
    assert.strictEqual(left, 0n, "a test spends what is there")
    this.spent += amount
  }

  take(lot: Lot, amount: Nano): Nano {
    const take = lot.remaining < amount ? lot.remaining : amount
    lot.remaining -= take
    this.revoked += take
    return take
  }

  /** The same id is done once, whatever is sent under it. */
  execute(work: LedgerWork, now: Instant): Outcome {
    const before = this.done.get(work.id)
    if (before === undefined) {
      const live = this.live(now)
      const expired = this.lots.find((lot) => lot.id === work.oldLot?.id && work.oldLot.endsAt <= now)?.expired ?? 0n
      let lotId: string | null = null
      for (const command of afterExpiry(work.commands, expired)) lotId = this.#one(command, live, now) ?? lotId
      this.seq++
      this.done.set(work.id, { lotId, seq: this.seq })
    }
    return { kind: "ledger", ...this.done.get(work.id)! }
  }

  #one(command: LedgerCommand, live: ReadonlyArray<Lot>, now: Instant): string | null {
    switch (command.op) {
      case "grant":
        assert.isAbove(command.expiresAt!, now, "no lot that has expired is granted")
        return this.grant(command.cause, command.kind, BigInt(command.amount), command.expiresAt!)
      case "exchange": {
        const { grant } = command
        const dip = this.balance(now)
        let missing = BigInt(command.back)
        for (const lot of live) if (lot.cause === command.from) missing -= this.take(lot, missing)
        const amount = BigInt(grant.amount) - missing
        assert.isTrue(amount >= 0n, "credit that goes back never exceeds the new grant")
        const id = amount === 0n ? null : this.grant(grant.cause, grant.kind, amount, grant.expiresAt!)
        assert.isTrue(this.balance(now) >= dip - BigInt(command.back) + amount)
        return id
      }
      case "revoke":
        for (const lot of live) if (lot.id === command.lotId) this.take(lot, BigInt(command.amount))
        return null
      case "entitle":
        this.entitlement = command
        return null
      case "mark":
        this.markUntil = command.until
        return null
    }
  }

  wallet(now: Instant): WalletAnswer {
    const lots = this.live(now)
    const available = lots.reduce((sum, lot) => sum + lot.remaining, 0n).toString()
    return {
      account: ACCOUNT,
      plan: this.entitlement?.plan ?? "free",
      hostedModels: this.entitlement?.hostedModels ?? false,
      pastDue: this.entitlement?.pastDue ?? false,
      available,
      balance: available,
      held: "0",
      debt: "0",
      frozen: "0",
      lots: lots.map((lot) => ({
        id: lot.id,
        kind: "plan",
        granted: lot.granted.toString(),
        remaining: lot.remaining.toString(),
        grantedAt: now,
        expiresAt: lot.expiresAt,
        cause: lot.cause,
      })),
      cycle: null,
      holds: 0,
      freeze: null,
      totals: { granted: "0", spent: "0", expired: "0", revoked: "0" },
      asOf: now,
      seq: this.seq,
    }
  }
}

/** What the card does when it is charged next. */
export type CardPlan = "ok" | "soft" | "final" | "unknown" | "action" | "expired" | "not_executed" | "pending"

/** One successful charge an obligation, and whatever outcome the test wants. */
export class ScriptedPayments {
  hasMethod = true
  plan: CardPlan = "ok"
  method: MethodView | null = null
  readonly charges: Array<ChargeView> = []
  readonly closed = new Set<string>()
  /** Definite successes by obligation: the money that was really taken, cents. */
  readonly taken = new Map<string, number>()

  of(obligation: string, attempt: number): ChargeView | undefined {
    return this.charges.find((charge) => charge.obligation === obligation && charge.attempt === attempt)
  }

  last(): ChargeView {
    return this.charges.at(-1)!
  }

  charge(step: Extract<Step, { kind: "charge" }>, now: Instant): Outcome {
    const { obligation, attempt, amountCents, account, description, chargeKind } = step
    if (!this.hasMethod) return { kind: "refused", code: "payment_method_required" }
    if (this.closed.has(obligation)) return { kind: "refused", code: "obligation_closed" }
    const known =
      this.charges.find((charge) => charge.obligation === obligation && charge.status === "succeeded") ??
      this.of(obligation, attempt)
    if (known !== undefined) {
      if (known.attempt === attempt) assert.strictEqual(known.amountCents, amountCents, "one amount an attempt")
      return { kind: "charge", charge: known }
    }
    const charge: ChargeView = {
      chargeId: `chg_${this.charges.length + 1}`,
      account,
      obligation,
      kind: chargeKind,
      attempt,
      amountCents,
      description,
      status: "submitting",
      decline: null,
      clientSecret: null,
      expiresAt: null,
      method: this.method,
      refunded: false,
      disputed: false,
      at: now,
      decidedAt: null,
      processorId: null,
    }
    this.charges.push(charge)
    return { kind: "charge", charge: this.decide(charge, this.plan, now) }
  }

  /** Decides a charge, or leaves it open; answers it as it is then. */
  decide(charge: ChargeView, plan: CardPlan, now: Instant): ChargeView {
    const next = { ...charge, ...outcomeOf(plan, now) }
    if (next.status === "succeeded") {
      assert.isFalse(this.taken.has(charge.obligation), "I6 one successful charge an obligation")
      this.taken.set(charge.obligation, charge.amountCents)
    }
    const index = this.charges.findIndex((one) => one.chargeId === charge.chargeId)
    this.charges[index] = next
    return next
  }

  close(obligation: string): Outcome {
    const of = this.charges.filter((charge) => charge.obligation === obligation)
    if (of.some((charge) => charge.status === "succeeded")) return { kind: "closed", status: "succeeded" }
    if (of.some((charge) => charge.status === "submitting" || charge.status === "unknown")) {
      return { kind: "closed", status: "pending" }
    }
    this.closed.add(obligation)
    for (const [index, charge] of this.charges.entries()) {
      if (charge.obligation === obligation && charge.status === "action_required") {
        this.charges[index] = { ...charge, status: "canceled", clientSecret: null }
      }
    }
    return { kind: "closed", status: "closed" }
  }
}

const HOUR_MS = 3_600_000

const outcomeOf = (plan: CardPlan, now: Instant): Partial<ChargeView> => {
  const decidedAt = now
  switch (plan) {
    case "ok":
      return { status: "succeeded", decidedAt, clientSecret: null, decline: null }
    case "soft":
      return { status: "declined", decidedAt, decline: { class: "soft", code: "funds", detail: "Not enough funds." } }
    case "final":
      return { status: "declined", decidedAt, decline: { class: "final", code: "generic", detail: "Refused." } }
    case "unknown":
      return { status: "unknown" }
    case "action":
      return { status: "action_required", clientSecret: "secret_1", expiresAt: now + HOUR_MS }
    case "expired": {
      const decline = { class: "soft" as const, code: AUTHENTICATION_EXPIRED_CODE, detail: "Not in time." }
      return { status: "declined", decidedAt, decline, clientSecret: null, expiresAt: null }
    }
    case "not_executed":
      return { status: "not_executed", decidedAt }
    case "pending":
      return { status: "submitting" }
  }
}

/** A command that waits: its answer comes with a later commit. */
export interface Asked {
  answer: SagaAnswer | null
  readonly command: Command
}

export class World {
  now: Instant
  env: Env
  state: State
  readonly book = new LotBook()
  readonly payments = new ScriptedPayments()
  readonly facts: Array<SubscriptionFact> = []
  readonly rows: Array<CaseRow> = []
  readonly waiting: Array<Asked> = []
  readonly #told = new Set<string>()
  #ids = 0

  constructor(now: Instant = START, catalogues: ReadonlyArray<Catalogue> = [defaultCatalogue()]) {
    this.now = now
    this.env = { catalogues }
    this.state = machine.initial(ACCOUNT)
  }

  /** One commit; the document goes through its text, as after a restart. */
  decide(input: SagaInput<Command, Outcome, Notice>): SagaAnswer | null {
    const { now } = this
    const before = machine.phases(this.state)
    const decision = machine.decide(this.state, input, {
      now,
      env: this.env,
      newId: (prefix) => makeId(prefix, now, Buffer.from(String(this.#ids++).padStart(10, "0"))),
    })
    const text = machine.encode(decision.state)
    this.state = machine.decode(text)
    assert.strictEqual(machine.encode(this.state), text, "the text says the same twice")
    for (const [drawing, phase] of Object.entries(machine.phases(this.state))) {
      const arrow = machine.transitions[drawing]!.some(({ from, to }) => from === before[drawing] && to === phase)
      if (phase !== before[drawing]) assert.isTrue(arrow, `${drawing}: ${before[drawing]} → ${phase} is drawn`)
    }
    for (const fact of decision.facts) {
      assert.isFalse(this.#told.has(fact.id), `${fact.id} is told once`)
      this.#told.add(fact.id)
    }
    this.facts.push(...decision.facts)
    this.rows.push(...decision.rows)
    for (const asked of this.waiting.slice()) {
      asked.answer = machine.reply(this.state, asked.command, false)
      if (asked.answer !== null) this.waiting.splice(this.waiting.indexOf(asked), 1)
    }
    return decision.answer
  }

  /** Everything due ≤ now, the earliest first. What an undecided charge held back runs when it may. */
  runDue(): void {
    for (let at = machine.nextDue(this.state); at !== null && at <= this.now; at = machine.nextDue(this.state)) {
      this.decide({ type: "due" })
      this.settle()
    }
  }

  ask(command: Command): Asked {
    this.runDue()
    const asked: Asked = { command, answer: null }
    asked.answer = this.decide({ type: "command", id: "x", command })
    if (asked.answer === null) this.waiting.push(asked)
    return asked
  }

  /** Asks, lets everything happen that can, and gives the answer; one that still waits is final. */
  request(command: Command): SagaAnswer {
    const asked = this.ask(command)
    this.settle()
    return asked.answer ?? machine.reply(this.state, command, true)!
  }

  perform(step: Step): Outcome {
    const { now } = this
    switch (step.kind) {
      case "method":
        return { kind: "method", hasMethod: this.payments.hasMethod }
      case "charge":
        return this.payments.charge(step, now)
      case "close":
        return this.payments.close(step.obligation)
      case "look":
        return { kind: "charge", charge: this.payments.charges.find((one) => one.chargeId === step.chargeId)! }
      case "ledger":
        return this.book.execute(step.work, now)
      case "evidence":
        return { kind: "evidence", evidence: { sameObligation: [], sameAmountWithin10Minutes: [] } }
    }
  }

  /** Does every step until nothing is under way. */
  settle(): void {
    for (let rounds = 0; rounds < 100; rounds++) {
      const [step] = machine.steps(this.state)
      if (step === undefined) return
      this.decide({ type: "outcome", step: step.id, outcome: this.perform(step) })
    }
    throw new Error("the steps never end")
  }

  /** Moves the clock; what falls due on the way runs at its own instant, and what it begins is done before the next. */
  to(target: Instant): void {
    for (let at = machine.nextDue(this.state); at !== null && at <= target; at = machine.nextDue(this.state)) {
      this.now = Math.max(this.now, at)
      this.runDue()
    }
    this.now = target
  }

  /** A fact of payments. */
  tell(charge: ChargeView): void {
    this.runDue()
    this.decide({ type: "notice", notice: { type: "charge", charge } })
    this.settle()
  }

  /** The customer's next look decides a charge and payments tells it. */
  resolve(plan: CardPlan, charge: ChargeView = this.payments.last()): void {
    this.tell(this.payments.decide(charge, plan, this.now))
  }
}
