/**
 * Goal: R4.3, no sequence of spending, upgrades, cancels, resumes and clock moves makes credit usable that elapsed
 * plan-time does not entitle to, or loses what was paid for. Method: random lives against exact lots; the account of
 * what is due to the customer is kept apart, from the cycles alone.
 */
import type { SubscriptionFact } from "@credits/contracts"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { NANO_PER_CENT, usd, type Instant, type Nano } from "@credits/kernel"
import { cancel, confirm, DAY, quote, resume, view } from "./life.fixture.ts"
import { World, type CardPlan } from "./world.fixture.ts"

/** A credit cycle as the rules see it: in full, or up to the upgrade that cut it. */
interface Cycle {
  readonly credits: Nano
  readonly start: Instant
  readonly end: Instant
  cutAt: Instant | null
  /** When what had been taken back as money was taken back as credit. */
  exchangedAt: Instant | null
  /** What opened its lot. */
  readonly cause: string
}

const CREDITS: Readonly<Record<string, Nano>> = { plus: usd("20"), pro: usd("120"), max: usd("300") }
const BEGINS = new Set<string>(["started", "renewed", "upgraded", "cycle_began"])

/** The cycles of a life, told by its facts; an upgrade cuts the one before at its own beginning. */
const cyclesOf = (facts: ReadonlyArray<SubscriptionFact>): ReadonlyArray<Cycle> => {
  const cycles: Array<Cycle> = []
  for (const { id, kind, subscription, detail, at, account } of facts) {
    if (!BEGINS.has(kind)) continue
    const { plan, cycleStart: start, cycleEnd: end } = subscription
    const last = cycles.at(-1)
    if (kind === "upgraded" && last !== undefined && start! < last.end) {
      last.cutAt = start
      last.exchangedAt = at
    }
    const cause = kind === "cycle_began" ? id.slice(`${kind}:${account}:`.length) : `grant:${detail["obligation"]}`
    cycles.push({ credits: CREDITS[plan]!, start: start!, end: end!, cutAt: null, exchangedAt: null, cause })
  }
  return cycles
}

/** Nano-USD that go back with the money of a cycle's unused rest. */
const goesBack = ({ credits, start, end, cutAt }: Cycle): Nano =>
  cutAt === null ? 0n : (credits * BigInt(end - cutAt)) / BigInt(end - start)

/** Nano-USD that these cycles entitle to, in the customer's favour by less than one a cut. */
const entitled = (cycles: ReadonlyArray<Cycle>): Nano =>
  cycles.reduce((sum, cycle) => sum + cycle.credits - goesBack(cycle), 0n)

/** Of what should have gone back the part that had expired unused before it could: nobody had any use of it. */
const expiredInstead = (world: World, cycles: ReadonlyArray<Cycle>): Nano =>
  cycles.reduce((sum, cycle) => {
    if (cycle.exchangedAt === null || cycle.exchangedAt < cycle.end) return sum
    const expired = world.book.lots.find((lot) => lot.cause === cycle.cause)?.expired ?? 0n
    const back = goesBack(cycle)
    return sum + (expired < back ? expired : back)
  }, 0n)

type Action =
  | { readonly do: "spend"; readonly share: number }
  | { readonly do: "move"; readonly ms: number }
  | {
      readonly do: "buy"
      readonly plan: string
      readonly interval: string
      readonly card: CardPlan
      readonly thinking: number
      readonly undecidedFor: number
    }
  | { readonly do: "cancel" | "resume" }
  | { readonly do: "card"; readonly card: CardPlan }

const cards = fc.constantFrom<CardPlan>("ok", "ok", "ok", "soft", "unknown", "action")
const actions: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("spend" as const), share: fc.integer({ min: 1, max: 100 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("move" as const),
      ms: fc.oneof(fc.integer({ min: 0, max: 40 * DAY }), fc.integer({ min: 0, max: 60_000 })),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("buy" as const),
      plan: fc.constantFrom("plus", "pro", "max"),
      interval: fc.constantFrom("monthly", "yearly"),
      card: cards,
      thinking: fc.integer({ min: 0, max: 11 * 60_000 }),
      undecidedFor: fc.oneof(fc.integer({ min: 0, max: 60_000 }), fc.integer({ min: 0, max: 20 * DAY })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("cancel" as const, "resume" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("card" as const), card: cards }) },
)

/** Whatever is undecided is paid in the end; renewals are then charged to a good card. */
const decideLater = (world: World): void => {
  world.payments.plan = "ok"
  const { operation } = world.state
  if (operation === null || operation.phase === "granting") return
  const charge = world.payments.of(operation.obligation, operation.attempt)
  if (charge?.status === "unknown" || charge?.status === "action_required") world.resolve("ok", charge)
}

const act = (world: World, action: Action): void => {
  switch (action.do) {
    case "spend": {
      const amount = (world.book.balance(world.now) * BigInt(action.share)) / 100n
      if (world.book.entitlement?.hostedModels === true) world.book.spend(amount, world.now)
      return
    }
    case "move":
      return world.to(world.now + action.ms)
    case "buy": {
      const answer = quote(world, action.plan, action.interval)
      if (!("ok" in answer)) return
      const { quoteId, dueTodayCents } = answer.ok as { quoteId: string; dueTodayCents: number }
      const before = world.payments.charges.length
      world.to(world.now + action.thinking)
      world.payments.plan = action.card
      const renewals = world.payments.charges.length - before
      confirm(world, quoteId)
      for (const charge of world.payments.charges.slice(before + renewals)) {
        if (charge.kind !== "renewal") assert.strictEqual(charge.amountCents, dueTodayCents, "R4.4 quote = charge")
      }
      world.to(world.now + action.undecidedFor)
      return decideLater(world)
    }
    case "cancel":
      return void cancel(world)
    case "resume":
      return void resume(world)
    case "card":
      world.payments.plan = action.card
  }
}

/** Plan credit by its lots. */
const totals = (world: World) => {
  const balance = world.book.balance(world.now)
  const granted = world.book.lots.reduce((sum, lot) => sum + lot.granted, 0n)
  const expired = world.book.lots.reduce((sum, lot) => sum + lot.expired, 0n)
  return { balance, granted, expired, spent: world.book.spent, revoked: world.book.revoked }
}

const check = (world: World): void => {
  const { balance, granted, expired, spent, revoked } = totals(world)
  assert.strictEqual(granted - revoked, spent + balance + expired, "R1.7")
  // Cycles whose credit the ledger is still being told of are not told yet: their lot may be there already.
  if (world.state.work.length > 0) return
  const cycles = cyclesOf(world.facts)
  const due = entitled(cycles)
  assert.isTrue(spent + balance <= due, `usable ${spent + balance} of ${due}`)
  assert.strictEqual(granted - revoked - expiredInstead(world, cycles), due, "neither more nor less was given")
}

const paidCents = (world: World): bigint =>
  [...world.payments.taken.values()].reduce((sum, cents) => sum + BigInt(cents), 0n)

/** Seconds of work; a busy machine may take a minute. */
const PATIENCE_MS = 60_000

describe("credit over whole lives", () => {
  it(
    "R4.3 what ever was usable is what elapsed plan-time entitles to, and nothing that was paid for is lost",
    () => {
      fc.assert(
        fc.property(fc.array(actions, { minLength: 3, maxLength: 25 }), (life) => {
          const world = new World()
          for (const action of life) {
            act(world, action)
            check(world)
            const { subscription } = world.state
            if (subscription?.kind === "paid") {
              assert.isTrue(subscription.paidValue <= paidCents(world) * NANO_PER_CENT, "worth no more than was paid")
            }
          }
          world.payments.plan = "ok"
          decideLater(world)
          world.to(world.now + 2 * 365 * DAY)
          check(world)
          assert.oneOf(view(world).status, ["free", "active"])
        }),
        { numRuns: 100 },
      )
    },
    PATIENCE_MS,
  )
})
