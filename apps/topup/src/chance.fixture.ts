/**
 * Random lives of one account's auto top-up: everything that can happen, in any order, with answers and facts late,
 * repeated or lost. Owns the events and what must hold after each of them; what top-ups mean is not known here.
 */
import * as fc from "fast-check"
import { assert } from "vitest"
import type { SignalKind, SubscriptionView } from "@credits/contracts"
import { CAP_MAX_CENTS, CAP_MIN_CENTS, monthEnd, monthOf } from "./cap.ts"
import { FATES, type Fate } from "./processor.fixture.ts"
import { HOUR, Life, MINUTE, PRO } from "./topup.fixture.ts"
import { obstacle, type Pause, type TopupOutcome, type TopupStep } from "./topup-state.ts"

export type Chance =
  /** A step is done; its outcome is told at once, later, or never (the process was killed in between). */
  | { readonly on: "step"; readonly pick: number; readonly told: "now" | "later" | "never" }
  | { readonly on: "outcome"; readonly pick: number }
  /** The next fact of payments, or one from before again. */
  | { readonly on: "fact"; readonly again: number | null }
  | { readonly on: "signal"; readonly again: number | null }
  | { readonly on: "resolve" }
  /** The customer authenticates what waits for them. */
  | { readonly on: "authenticate" }
  | { readonly on: "restart" }
  | { readonly on: "spend"; readonly cents: number }
  | { readonly on: "refused" }
  | { readonly on: "enable"; readonly capCents: number }
  | { readonly on: "disable" | "suspend" | "upgrade" | "card removed" }
  | { readonly on: "plan"; readonly status: SubscriptionView["status"] }
  | { readonly on: "card"; readonly fingerprint: string }
  | { readonly on: "fate"; readonly fate: Fate }
  | { readonly on: "time"; readonly ms: number }
  /** To the last millisecond of the month, or to the first of the next. */
  | { readonly on: "month"; readonly over: boolean }

const cap = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: CAP_MIN_CENTS, max: 4_000 }) },
  { weight: 1, arbitrary: fc.constant(CAP_MAX_CENTS) },
)
const pick = fc.nat({ max: 7 })
const again = fc.option(fc.nat({ max: 20 }), { freq: 3 })

const of = <K extends Chance["on"], R extends Record<string, fc.Arbitrary<unknown>>>(on: K, parts: R) =>
  fc.record({ on: fc.constant(on), ...parts })

const chance = fc.oneof(
  { weight: 22, arbitrary: of("step", { pick, told: fc.constantFrom("now", "now", "later", "never") }) },
  { weight: 4, arbitrary: of("outcome", { pick }) },
  { weight: 8, arbitrary: of("fact", { again }) },
  { weight: 8, arbitrary: of("signal", { again }) },
  { weight: 4, arbitrary: of("resolve", {}) },
  { weight: 3, arbitrary: of("authenticate", {}) },
  { weight: 2, arbitrary: of("restart", {}) },
  { weight: 10, arbitrary: of("spend", { cents: fc.integer({ min: 1, max: 1_500 }) }) },
  { weight: 2, arbitrary: of("refused", {}) },
  { weight: 4, arbitrary: of("enable", { capCents: cap }) },
  { weight: 1, arbitrary: of("disable", {}) },
  { weight: 1, arbitrary: of("suspend", {}) },
  { weight: 1, arbitrary: of("upgrade", {}) },
  { weight: 1, arbitrary: of("card removed", {}) },
  {
    weight: 2,
    arbitrary: of("plan", { status: fc.constantFrom("active", "active", "canceling", "past_due", "free") }),
  },
  { weight: 2, arbitrary: of("card", { fingerprint: fc.constantFrom("f1", "f2") }) },
  { weight: 5, arbitrary: of("fate", { fate: fc.constantFrom(...FATES) }) },
  { weight: 4, arbitrary: of("time", { ms: fc.constantFrom(1, 1_000, 10 * MINUTE, HOUR - 1, HOUR, 26 * HOUR) }) },
  { weight: 2, arbitrary: of("month", { over: fc.boolean() }) },
) as fc.Arbitrary<Chance>

/** A life begins with a customer who has it on, more often than not. */
export const chances = (maxLength: number): fc.Arbitrary<ReadonlyArray<Chance>> =>
  fc
    .tuple(fc.integer({ min: 0, max: 4 }), cap, fc.array(chance, { minLength: 1, maxLength, size: "max" }))
    .map(([first, capCents, rest]) => (first === 0 ? rest : [{ on: "enable", capCents } as const, ...rest]))

export class ChanceLife {
  readonly life = new Life()
  /** Signals the ledger has sent, the first `#heardSignals` of them heard. */
  readonly #signals: Array<{ readonly kind: SignalKind; readonly at: number }> = []
  #heardSignals = 0
  #heardFacts = 0
  #threshold = 500
  #status: SubscriptionView["status"] = "active"
  #isLow = false
  #held: Array<{ readonly step: TopupStep; readonly outcome: TopupOutcome }> = []
  /** Obligation → the cap in force when it was reserved. */
  readonly #caps = new Map<string, number>()
  readonly #pauses: Array<Pause> = []
  readonly #known = new Set<number>()
  readonly #decided = new Set<string>()
  readonly situations = new Set<string>()

  take(chance: Chance): void {
    const { life } = this
    switch (chance.on) {
      case "step":
        this.#step(chance.pick, chance.told)
        break
      case "outcome": {
        const [held] = this.#held.splice(chance.pick % Math.max(1, this.#held.length), 1)
        if (held !== undefined) life.tell(held.step, held.outcome)
        break
      }
      case "fact":
        this.#hearFact(chance.again)
        break
      case "signal":
        this.#hearSignal(chance.again)
        break
      case "resolve":
        for (const obligation of life.processor.unresolved) life.processor.resolve(obligation, life.now)
        break
      case "authenticate":
        for (const obligation of life.processor.awaiting) life.processor.succeedAfterAll(obligation, life.now)
        break
      case "restart":
        this.#held = []
        life.notice({ type: "start" })
        break
      case "spend":
        life.balanceCents -= chance.cents
        break
      case "refused":
        this.#signals.push({ kind: "credit_refused", at: life.now })
        break
      case "time":
        life.at(life.now + chance.ms)
        break
      case "month":
        life.at(monthEnd(monthOf(life.now)) - (chance.over ? 0 : 1))
        break
      default:
        this.#command(chance)
    }
    this.check()
  }

  #command(
    chance: Extract<
      Chance,
      { on: "enable" | "disable" | "suspend" | "upgrade" | "card removed" | "plan" | "card" | "fate" }
    >,
  ) {
    const { life } = this
    switch (chance.on) {
      case "enable":
        life.enable(chance.capCents, life.reading(this.#status, life.processor.card))
        return
      case "disable":
        life.disable()
        return
      case "suspend":
        life.suspend()
        return
      case "upgrade":
        this.#threshold = 1_500
        this.#status = "active"
        life.hearSubscription("upgraded", "active", PRO)
        return
      case "card removed":
        life.processor.card = ""
        life.notice({ type: "payment", fact: life.processor.tell("method_removed", life.now) })
        return
      case "plan":
        if (chance.status === "active") this.#threshold = 500
        this.#status = chance.status
        life.hearSubscription("resumed", chance.status)
        return
      case "card":
        life.saveCard(chance.fingerprint)
        return
      case "fate":
        life.processor.fates.push(chance.fate)
    }
  }

  #step(pick: number, told: "now" | "later" | "never"): void {
    const { life } = this
    const step = life.steps[pick % Math.max(1, life.steps.length)]
    if (step === undefined) return
    if (step.kind === "charge") this.#asked(step)
    const outcome = life.perform(step)
    if (told === "now") life.tell(step, outcome)
    else if (told === "later") this.#held.push({ step, outcome })
    else this.situations.add(`${step.kind} whose answer was lost`)
  }

  /** I7, at the moment of truth: what the processor has taken, may yet take, and is about to take. */
  #asked({ obligation, amountCents }: Extract<TopupStep, { kind: "charge" }>): void {
    const { life } = this
    const { processor, now } = life
    if (processor.charges.has(obligation)) return
    const month = monthOf(now)
    const counted = [...processor.charges.values()]
      .map(({ view }) => view)
      .filter(({ status, at, obligation: of }) => {
        const isCounted = status === "succeeded" || status === "unknown" || processor.awaiting.includes(of)
        return isCounted && monthOf(at) === month
      })
    const sum = counted.reduce((cents, view) => cents + view.amountCents, 0) + amountCents
    assert.isAtMost(sum, this.#caps.get(obligation)!, `I7 in ${month}`)
    assert.deepStrictEqual(processor.unresolved, [], "one at a time (R9.4)")
    if (!obligation.includes(`:${month}:`)) this.situations.add("a charge asked for after its month")
    if (amountCents < 1_000) this.situations.add("a last top-up cut by the cap")
  }

  #hearFact(again: number | null): void {
    const { life } = this
    const { facts } = life.processor
    if (again !== null && this.#heardFacts > 0) {
      const fact = facts[again % this.#heardFacts]!
      return life.notice({ type: "payment", fact })
    }
    const fact = facts[this.#heardFacts]
    if (fact === undefined) return
    this.#heardFacts += 1
    life.notice({ type: "payment", fact })
  }

  #hearSignal(again: number | null): void {
    const repeated = again !== null && this.#heardSignals > 0
    const signal = this.#signals[repeated ? again % this.#heardSignals : this.#heardSignals]
    if (signal === undefined) return
    if (!repeated) this.#heardSignals += 1
    this.life.signal(signal.kind, signal.at)
  }

  /** The ledger tells a crossing once, when it happens. */
  #crossings(): void {
    const { life } = this
    const isLow = life.balanceCents < this.#threshold
    if (isLow && !this.#isLow) this.#signals.push({ kind: "low_began", at: life.now })
    this.#isLow = isLow
  }

  /** R9.6, when it is decided to ask: the card of that moment has had its hour. */
  #leftInPeace(): void {
    const { flight, card } = this.life.state
    if (flight?.stage !== "charging" || this.#decided.has(flight.obligation)) return
    this.#decided.add(flight.obligation)
    const asked = card.card?.fingerprint
    const isPausing = this.#pauses.some(({ card, until }) => until > this.life.now && (card ?? asked) === asked)
    assert.isFalse(isPausing, "R9.6")
  }

  /** What must hold at any time. */
  check(): void {
    const { life } = this
    const { flight, consent, pauses } = life.state
    this.#crossings()
    if (flight !== null && !this.#caps.has(flight.obligation)) this.#caps.set(flight.obligation, consent!.capCents)
    this.#leftInPeace()
    for (const pause of pauses) {
      if (this.#known.has(pause.until)) continue
      this.#known.add(pause.until)
      this.#pauses.push({ card: pause.card, until: life.now + HOUR })
    }
    assert.isAtMost(life.steps.filter(({ kind }) => kind === "charge").length, 1)
    for (const [id, cents] of life.granted) {
      const charge = life.processor.charges.get(id.slice("grant:".length))
      assert.strictEqual(charge?.view.status, "succeeded", `I8 ${id} before proof`)
      assert.strictEqual(charge?.view.amountCents, cents)
    }
    const { view } = life
    assert.isAtLeast(view.remainingCents, 0)
    if (flight?.stage === "being_confirmed" && consent === null) this.situations.add("unknown when turned off")
    this.situations.add(`state ${view.state}`)
  }

  /** Everything late arrives, everything unknown becomes known: then the books must agree. */
  end(): void {
    const { life } = this
    for (let quiet = false; !quiet;) {
      life.settle()
      this.#crossings()
      for (const obligation of life.processor.unresolved) life.processor.resolve(obligation, life.now)
      quiet = this.#heardFacts === life.processor.facts.length && this.#heardSignals === this.#signals.length
      while (this.#heardFacts < life.processor.facts.length) this.#hearFact(null)
      while (this.#heardSignals < this.#signals.length) this.#hearSignal(null)
      this.check()
    }
    const { taken } = life.processor
    assert.deepStrictEqual(
      [...life.granted.keys()].toSorted(),
      taken.map(({ obligation }) => `grant:${obligation}`).toSorted(),
      "I8: exactly one grant a success",
    )
    assert.strictEqual(life.told("succeeded").length, taken.length)
    const spent = taken.filter(({ at }) => monthOf(at) === monthOf(life.now))
    assert.strictEqual(
      life.view.spentThisMonthCents,
      spent.reduce((cents, view) => cents + view.amountCents, 0),
    )
    assert.strictEqual(life.view.pendingCents, 0)
    // R9.4, level-triggered: whoever is below the threshold at rest is there because something other stands in the way.
    const { plan } = life.state
    const isLow = plan.policy !== null && life.balanceCents * 10_000_000 < Number(plan.policy.threshold)
    assert.isTrue(!isLow || obstacle(life.state, life.now) !== null, "low, at rest, and nothing in the way")
    this.#toldOnce()
  }

  #toldOnce(): void {
    const ids = this.life.facts.map(({ id }) => id)
    assert.strictEqual(new Set(ids).size, ids.length)
    const shares = this.life.facts
      .filter(({ kind }) => kind === "cap_80" || kind === "cap_100")
      .map(({ kind, detail }) => `${kind} ${String(detail["month"])}`)
    assert.strictEqual(new Set(shares).size, shares.length, "R11 once a month each")
    const failed = this.life.told("failed").map(({ detail }) => detail["obligation"])
    assert.strictEqual(new Set(failed).size, failed.length)
  }
}
