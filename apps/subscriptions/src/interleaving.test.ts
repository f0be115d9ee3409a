/**
 * Goal: I6 I8 I11, one charge, one grant and one offer, whatever is asked at once, lost, told twice or in another
 * order, and wherever the process ends. Method: schedules chosen by fast-check over one account: every commit is a
 * boundary, answers may be lost, facts come any number of times in any order; the document goes through its text at
 * each. In the end everything is decided and told once more, and the books are compared.
 */
import { AUTHENTICATION_EXPIRED_CODE, type ChargeView } from "@credits/contracts"
import { usd, type Nano } from "@credits/kernel"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { quoted, view } from "./life.fixture.ts"
import { machine } from "./machine.ts"
import type { Outcome } from "./step.ts"
import { ACCOUNT, START, World, type CardPlan } from "./world.fixture.ts"

interface Mail {
  readonly step: string
  readonly outcome: Outcome
}

const CARDS: ReadonlyArray<CardPlan> = ["ok", "soft", "unknown", "action", "pending", "not_executed", "final"]
/** What may become of a charge that is open: a customer who is at the bank's page may stay there for too long. */
const ENDS: ReadonlyArray<CardPlan> = [...CARDS, "expired"]

/** What payments published so far, in its order. */
class Chaos {
  readonly world = new World()
  readonly mail: Array<Mail> = []
  readonly published: Array<ChargeView> = []
  readonly quotes: Array<string> = []
  /** What was told as declined, of these codes, may be paid after all, before anything else is asked of it. */
  readonly #paidLate: ReadonlyArray<string>
  #asked = 0

  constructor(offerings: ReadonlyArray<readonly [string, string]>, paidLate: ReadonlyArray<string> = []) {
    this.#paidLate = paidLate
    for (const [plan, interval] of offerings) this.quotes.push(quoted(this.world, plan, interval).quoteId)
  }

  /** Every change of a charge is a fact. */
  publish(): void {
    for (const charge of this.world.payments.charges) {
      const last = this.published.findLast((one) => one.chargeId === charge.chargeId)
      if (last?.status !== charge.status) this.published.push(charge)
    }
  }

  /** One event of the world; `pick` chooses among those of its kind. */
  happen(kind: number, pick: number): void {
    const { world } = this
    const steps = machine.steps(world.state)
    const id = `i${++this.#asked}`
    switch (kind) {
      case 0:
        world.ask({ op: "confirm", id, account: ACCOUNT, quoteId: this.quotes[pick % this.quotes.length]! })
        break
      case 1:
      case 2: {
        // What is asked happens there, whether or not its answer arrives.
        const step = steps[pick % Math.max(1, steps.length)]
        if (step !== undefined) this.mail.push({ step: step.id, outcome: world.perform(step) })
        break
      }
      case 3: {
        const [mail] = this.mail.splice(pick % Math.max(1, this.mail.length), 1)
        if (mail !== undefined && steps.some((step) => step.id === mail.step)) {
          world.decide({ type: "outcome", ...mail })
        }
        break
      }
      case 4:
        // The process ends: no answer that was under way arrives.
        this.mail.length = 0
        break
      case 5: {
        const charge = this.published[pick % Math.max(1, this.published.length)]
        if (charge !== undefined) world.decide({ type: "notice", notice: { type: "charge", charge } })
        break
      }
      case 6:
        this.#decideOne(ENDS[pick % ENDS.length]!)
        break
      case 7:
        world.payments.plan = CARDS[pick % CARDS.length]!
        break
      case 8:
        this.#command(pick, id)
        break
      case 9:
        world.now += (pick % 40) * 20 * 60_000
        while ((machine.nextDue(world.state) ?? Number.POSITIVE_INFINITY) <= world.now) world.decide({ type: "due" })
    }
    this.publish()
  }

  #command(pick: number, id: string): void {
    const ops = ["cancel", "resume", "pay", "quote", "method"] as const
    const op = ops[pick % ops.length]!
    const { world } = this
    if (op === "method") world.decide({ type: "notice", notice: { type: "method_saved", methodId: null } })
    else if (op === "quote") {
      const wallet = world.book.wallet(world.now)
      const asked = world.ask({
        op,
        id,
        account: ACCOUNT,
        plan: pick % 2 === 0 ? "pro" : "max",
        interval: "monthly",
        wallet,
      })
      const { answer } = asked
      if (answer !== null && "ok" in answer) this.quotes.push((answer.ok as { quoteId: string }).quoteId)
    } else world.ask({ op, id, account: ACCOUNT })
  }

  /** The processor decides what is open; of an obligation only its newest attempt can still be. */
  #decideOne(plan: CardPlan): void {
    const undecided = ["submitting", "unknown", "action_required"]
    const isLate = ({ status, decline }: ChargeView): boolean =>
      plan === "ok" && status === "declined" && this.#paidLate.includes(decline!.code)
    const open = this.world.payments.charges.filter(
      (charge, index, all) =>
        (undecided.includes(charge.status) || isLate(charge)) &&
        !this.world.payments.closed.has(charge.obligation) &&
        !all.some((other, at) => at > index && other.obligation === charge.obligation) &&
        !this.world.payments.taken.has(charge.obligation),
    )
    const charge = open[0]
    const isAtTheBank = charge?.status === "action_required" && charge.kind !== "renewal"
    if (charge !== undefined && plan !== "pending" && (plan !== "expired" || isAtTheBank))
      this.world.payments.decide(charge, plan, this.world.now)
  }

  /** Everything open is decided, everything is told once more, nothing is lost any more. */
  end(): void {
    const { world } = this
    this.mail.length = 0
    for (let round = 0; round < 6; round++) {
      world.payments.plan = "ok"
      world.settle()
      this.#decideOne("ok")
      this.publish()
      for (const charge of this.published) world.decide({ type: "notice", notice: { type: "charge", charge } })
      world.settle()
      world.runDue()
    }
  }
}

const checkBooks = ({ world }: Chaos): void => {
  const { taken } = world.payments
  const { state, book } = world
  for (const [obligation] of taken) {
    const grants = book.lots.filter((lot) => lot.cause === `grant:${obligation}`).length
    assert.isTrue(book.done.has(`grant:${obligation}`), `${obligation} was paid and is granted`)
    assert.isAtMost(grants, 1, `${obligation} is granted once`)
  }
  for (const id of book.done.keys()) {
    if (id.startsWith("grant:")) assert.isTrue(taken.has(id.slice("grant:".length)), `${id} was paid`)
  }
  const offers = [...taken].filter(([obligation, cents]) => obligation.startsWith("first:") && cents === 1600)
  assert.isAtMost(offers.length, 1, "I11")
  assert.strictEqual(state.operation, null, "nothing is left in flight")
  assert.strictEqual(state.work.length, 0)
  assert.deepStrictEqual(world.rows, [], "no payment needs a person")
  assert.isTrue(world.waiting.every(({ answer }) => answer !== null) && world.waiting.length === 0, "all are answered")
  const { status, plan } = view(world)
  assert.strictEqual(book.entitlement?.plan ?? "free", status === "free" ? "free" : plan, "the ledger knows the plan")
}

/** Credit of a first month by what is charged for it, at the offer and without. */
const FIRST_MONTHS: Readonly<Record<number, Nano>> = {
  1600: usd("20"),
  2000: usd("20"),
  7000: usd("120"),
  10000: usd("120"),
  12000: usd("300"),
  20000: usd("300"),
}

const checkFirstMonths = ({ world }: Chaos): void => {
  for (const { cause, granted } of world.book.lots) {
    const obligation = cause.slice("grant:".length)
    if (!obligation.startsWith("first:")) continue
    assert.strictEqual(
      granted,
      FIRST_MONTHS[world.payments.taken.get(obligation)!],
      "what was paid is what was granted",
    )
  }
  for (const [obligation] of world.payments.taken) {
    const { chargeId } = world.payments.charges.find((one) => one.obligation === obligation)!
    const isForAPerson = world.rows.some((row) => row.chargeId === chargeId)
    assert.isTrue(isForAPerson || world.book.done.has(`grant:${obligation}`), `${obligation} was paid and is not lost`)
  }
}

const events = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.nat({ max: 1000 })), {
  minLength: 5,
  maxLength: 120,
})

/** Seconds of work; a busy machine may take a minute. */
const PATIENCE_MS = 60_000

describe("any order of events", () => {
  it(
    "R4.6 I6 I8 I11 a purchase: two quotes confirmed any number of times, answers lost, facts repeated and reordered",
    () => {
      fc.assert(
        fc.property(events, (schedule) => {
          const chaos = new Chaos([
            ["plus", "monthly"],
            ["pro", "monthly"],
          ])
          for (const [kind, pick] of schedule) chaos.happen(kind, pick)
          chaos.end()
          checkBooks(chaos)
        }),
        { numRuns: 250 },
      )
    },
    PATIENCE_MS,
  )

  it(
    "R4.4 R10.2 a purchase whose attempts are paid after they were told as failed: each buys what it was asked for",
    () => {
      fc.assert(
        fc.property(events, (schedule) => {
          const chaos = new Chaos(
            [
              ["plus", "monthly"],
              ["pro", "monthly"],
            ],
            ["funds", "generic", AUTHENTICATION_EXPIRED_CODE],
          )
          chaos.world.payments.plan = "soft"
          chaos.world.ask({ op: "confirm", id: "first", account: ACCOUNT, quoteId: chaos.quotes[0]! })
          chaos.world.settle()
          chaos.publish()
          for (const [kind, pick] of schedule) chaos.happen(kind, pick)
          chaos.end()
          checkFirstMonths(chaos)
        }),
        { numRuns: 500 },
      )
    },
    PATIENCE_MS,
  )

  it(
    "R4.6 R5.2 I6 I8 an upgrade around its renewal: one charge each, also with the bank's page open; the right plan",
    () => {
      fc.assert(
        fc.property(events, (schedule) => {
          const chaos = new Chaos([["plus", "monthly"]], [AUTHENTICATION_EXPIRED_CODE])
          chaos.world.ask({ op: "confirm", id: "first", account: ACCOUNT, quoteId: chaos.quotes[0]! })
          chaos.world.settle()
          chaos.publish()
          chaos.world.to(START + 30 * 86_400_000 - 300_000)
          chaos.quotes.push(quoted(chaos.world, "pro").quoteId, quoted(chaos.world, "max").quoteId)
          for (const [kind, pick] of schedule) chaos.happen(kind, pick)
          chaos.end()
          checkBooks(chaos)
        }),
        { numRuns: 250 },
      )
    },
    PATIENCE_MS,
  )
})
