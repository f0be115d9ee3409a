/**
 * One account's auto top-up under test, driven as the saga runtime drives it: everything due first, state kept as text,
 * only declared arrows, steps from the state alone. Owns a ledger of one number and the order of events, no rule.
 */
import { assert } from "vitest"
import type { SignalKind, SubscriptionFact, SubscriptionView, TopupFact, TopupView } from "@credits/contracts"
import type { SagaAnswer } from "@credits/actor/saga"
import { NANO_PER_CENT, usd } from "@credits/kernel"
import type { ConsentRow } from "./consent.ts"
import { method, Processor } from "./processor.fixture.ts"
import type { Reading } from "./standing.ts"
import { topupMachine as machine } from "./topup.ts"
import type {
  TopupCommand,
  TopupInput,
  TopupNotice,
  TopupOutcome,
  TopupRow,
  TopupState,
  TopupStep,
} from "./topup-state.ts"
import { viewOf } from "./view.ts"

export const ACCOUNT = "acc_test"
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
/** Noon of November 26th: four and a half days before the next month. */
export const START = Date.UTC(2026, 10, 26, 12)
export const DECEMBER = Date.UTC(2026, 11, 1)

export const PLUS = { threshold: usd("5").toString(), amount: usd("10").toString() }
export const PRO = { threshold: usd("15").toString(), amount: usd("25").toString() }

export const subscriptionView = (
  account: string,
  status: SubscriptionView["status"],
  plan: string,
  asOf: number,
): SubscriptionView => ({
  account,
  subscriptionId: "sub_1",
  plan,
  interval: "monthly",
  status,
  complimentary: false,
  currentPeriodStart: null,
  currentPeriodEnd: null,
  cycleStart: null,
  cycleEnd: null,
  cancelAtPeriodEnd: status === "canceling",
  renewal: null,
  pendingChange: null,
  pendingPayment: null,
  pastDue: null,
  firstMonthOfferEligible: false,
  upgrade: null,
  asOf,
})

export class Life {
  #text = machine.encode(machine.initial(ACCOUNT))
  /** Always read back from its text, as after a restart. */
  state: TopupState = machine.decode(this.#text)
  now = START
  lastAt = 0
  readonly processor = new Processor(ACCOUNT)
  readonly facts: Array<TopupFact> = []
  readonly consents: Array<ConsentRow> = []
  capRejections = 0
  /** What the ledger holds, cents; what it was asked, by id. */
  balanceCents = 2_000
  isOpen = true
  readonly granted = new Map<string, number>()
  readonly revoked = new Map<string, number>()
  markedUntil = 0
  /** Step ids ever begun, in order. */
  readonly begun: Array<string> = []
  #facts = 0
  #commands = 0

  get view(): TopupView {
    return viewOf(this.state, this.now)
  }
  get steps(): ReadonlyArray<TopupStep> {
    return machine.steps(this.state)
  }

  /** One input, everything due before it. */
  input(input: TopupInput): SagaAnswer | null {
    this.runDue()
    const answer = this.#decide(input, this.now)
    this.runDue()
    return answer
  }

  runDue(): void {
    for (let ran = 0; ; ran++) {
      const due = machine.nextDue(this.state)
      if (due === null || due > this.now) return
      assert.isBelow(ran, 100, "due work does not end")
      const before = this.#text
      this.#decide({ type: "due" }, Math.max(due, this.lastAt))
      assert.notStrictEqual(this.#text, before, "due work changes nothing")
    }
  }

  #decide(input: TopupInput, now: number): SagaAnswer | null {
    const before = this.state
    this.lastAt = now
    const context = { now, newId: () => "id", env: undefined }
    const { state, answer, facts, rows } = machine.decide(before, input, context)
    const [from, to] = [machine.phases(before), machine.phases(state)]
    for (const drawing in to) {
      if (from[drawing] === to[drawing]) continue
      const arrows = machine.transitions[drawing]!
      const isDrawn = arrows.some((arrow) => arrow.from === from[drawing] && arrow.to === to[drawing])
      assert.isTrue(isDrawn, `${drawing}: ${from[drawing]} → ${to[drawing]}`)
    }
    if (state !== before) {
      this.#text = machine.encode(state)
      this.state = machine.decode(this.#text)
      assert.strictEqual(machine.encode(this.state), this.#text)
    }
    this.facts.push(...facts)
    for (const row of rows) this.#keep(row)
    return answer
  }

  #keep(row: TopupRow): void {
    if (row.type === "consent") this.consents.push(row)
    else if (row.type === "cap_rejection") this.capRejections++
  }

  notice(notice: TopupNotice): void {
    this.input({ type: "notice", notice })
  }

  command(command: TopupCommand): SagaAnswer {
    const answer = this.input({ type: "command", id: `cmd-${(this.#commands += 1)}`, command })
    if (answer === null) throw new Error("a command was not answered")
    return answer
  }

  reading(status: SubscriptionView["status"] = "active", card = "f1"): Reading {
    const policy = status === "free" ? null : { threshold: usd("5"), amountCents: 1_000 }
    return {
      plan: { status, policy, isPolicyTold: false, asOf: this.now, facts: [] },
      card: {
        isKnown: true,
        card: card === "" ? null : { id: `pm_${card}`, fingerprint: card, isUsable: true },
        asOf: this.now,
        facts: [],
      },
    }
  }

  /** As the border does: read only when it is off. */
  enable(capCents: number, reading: Reading = this.reading()): SagaAnswer {
    const consent = { capCents, textVersion: "v1", source: "web" }
    return this.command({ op: "enable", ...consent, reading: this.state.consent === null ? reading : null })
  }

  disable(): SagaAnswer {
    return this.command({ op: "disable", source: "web" })
  }

  suspend(reason = "looked at"): SagaAnswer {
    return this.command({ op: "suspend", by: "ann", reason })
  }

  signal(kind: SignalKind, at = this.now): void {
    this.notice({ type: "signal", kind, at })
  }

  subscriptionFact(
    kind: SubscriptionFact["kind"],
    status: SubscriptionView["status"],
    autoTopUp: SubscriptionFact["autoTopUp"] = status === "free" ? null : PLUS,
  ): SubscriptionFact {
    const id = `subs_${(this.#facts += 1)}`
    const plan = status === "free" ? "free" : "plus"
    const shown = subscriptionView(ACCOUNT, status, plan, this.now)
    return { v: 1, id, kind, account: ACCOUNT, at: this.now, subscription: shown, autoTopUp, detail: {} }
  }

  hearSubscription(...about: Parameters<Life["subscriptionFact"]>): void {
    this.notice({ type: "subscription", fact: this.subscriptionFact(...about) })
  }

  saveCard(fingerprint: string): void {
    this.processor.card = fingerprint
    this.notice({
      type: "payment",
      fact: this.processor.tell("method_saved", this.now, { method: method(fingerprint) }),
    })
  }

  /** What the world does for a step; the outcome is not told yet. */
  perform(step: TopupStep): TopupOutcome {
    this.begun.push(step.id)
    switch (step.kind) {
      case "look":
        return { kind: "looked", balance: BigInt(this.balanceCents) * NANO_PER_CENT, isOpen: this.isOpen }
      case "mark":
        this.markedUntil = step.until
        return { kind: "marked" }
      case "close": {
        const isClosed = this.processor.close(step.obligation)
        if (isClosed) return { kind: "closed" }
        return { kind: "charged", answer: this.processor.charge(step.obligation, step.amountCents, this.now) }
      }
      case "clear":
        this.markedUntil = 0
        return { kind: "cleared" }
      case "charge":
        return { kind: "charged", answer: this.processor.charge(step.obligation, step.amountCents, this.now) }
      case "grant":
        this.#grant(step.id, step.amountCents)
        return { kind: "granted" }
      case "revoke":
        this.#revoke(step.id, step.amountCents)
        return { kind: "revoked" }
    }
  }

  /** Once for ever by its id, as the ledger does. */
  #grant(id: string, cents: number): void {
    if (this.granted.has(id)) return
    this.granted.set(id, cents)
    this.balanceCents += cents
    this.markedUntil = 0
  }

  /** What is left of it, in a ledger of one number. */
  #revoke(id: string, cents: number): void {
    if (this.revoked.has(id)) return
    const taken = Math.min(cents, Math.max(0, this.balanceCents))
    this.revoked.set(id, taken)
    this.balanceCents -= taken
  }

  tell(step: TopupStep, outcome: TopupOutcome): void {
    // The runtime drops what is no longer asked for.
    if (this.steps.some(({ id }) => id === step.id)) this.input({ type: "outcome", step: step.id, outcome })
  }

  /** Does the first step that is under way; false when there is none. */
  one(): boolean {
    const [step] = this.steps
    if (step === undefined) return false
    this.tell(step, this.perform(step))
    return true
  }

  /** Does everything that is under way, until nothing is. */
  settle(): this {
    for (let i = 0; this.one(); i++) assert.isBelow(i, 500, "it does not come to rest")
    return this
  }

  /** Until this step is the one to be done. */
  until(kind: TopupStep["kind"]): TopupStep {
    for (let i = 0; i < 50; i++) {
      const step = this.steps.find((each) => each.kind === kind)
      if (step !== undefined) return step
      assert.isTrue(this.one(), `no step ${kind}`)
    }
    throw new Error(`no step ${kind}`)
  }

  at(now: number): this {
    this.now = now
    this.runDue()
    return this
  }

  /** Gives every fact of payments that was not given yet. */
  hearPayments(from = 0): void {
    for (const fact of this.processor.facts.slice(from)) this.notice({ type: "payment", fact })
  }

  told(kind: TopupFact["kind"]): ReadonlyArray<TopupFact> {
    return this.facts.filter((fact) => fact.kind === kind)
  }

  /** Kinds of facts, in order. */
  get tale(): ReadonlyArray<string> {
    return this.facts.map(({ kind }) => kind)
  }
}

/** On, with a cap, at rest. */
export const on = (capCents = 10_000, balanceCents = 2_000): Life => {
  const life = new Life()
  life.balanceCents = balanceCents
  life.enable(capCents)
  return life.settle()
}

export const refusedCode = (answer: SagaAnswer): string => ("refused" in answer ? answer.refused.code : "answered")
