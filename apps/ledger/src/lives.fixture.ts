/**
 * Random lives of an account as sequences of steps. Amounts and times are small so that lots, holds and charges
 * collide. Owns how often what happens, nothing of what it means.
 */
import type { LotKind } from "@credits/contracts"
import * as fc from "fast-check"
import type { Step } from "./model-steps.fixture.ts"

const small = fc.integer({ min: 1, max: 9 })
const life = fc.option(fc.integer({ min: 0, max: 25 }), { freq: 5 })
const pick = fc.nat({ max: 30 })

/** Few enough that one is met again. */
const cause = fc.nat({ max: 5 })
const grantParts = {
  op: fc.constant("grant" as const),
  cause,
  kind: fc.constantFrom<LotKind>("promo", "plan", "topup", "adjustment"),
  amount: fc.integer({ min: 1, max: 30 }),
}
const grant = fc.record({ ...grantParts, life })
const adjust = fc.record({
  op: fc.constant("adjust" as const),
  amount: fc.integer({ min: -8, max: 8 }).filter((n) => n !== 0),
  life,
})
const revoke = fc.record({ op: fc.constant("revoke" as const), lot: pick, amount: small })
const exchange = fc.record({
  op: fc.constant("exchange" as const),
  from: cause,
  back: fc.integer({ min: 0, max: 20 }),
  grant: fc.record({ kind: grantParts.kind, amount: fc.integer({ min: 1, max: 30 }), life, cause }),
})
const mark = fc.record({
  op: fc.constant("mark" as const),
  mark: fc.constantFrom("refill" as const, "renewal" as const),
  life: fc.integer({ min: 0, max: 6 }),
})
const entitled = fc.record({
  op: fc.constant("entitle" as const),
  hosted: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  ago: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: -1, max: 6 }) }),
  life: fc.option(fc.integer({ min: 0, max: 60 }), { freq: 2 }),
  pastDue: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  cycle: fc.option(fc.integer({ min: 1, max: 20 })),
})
const authorize = fc.record({
  op: fc.constant("authorize" as const),
  amount: fc.integer({ min: 0, max: 12 }),
  atLeast: fc.option(fc.integer({ min: 0, max: 4 })),
  ttl: fc.integer({ min: 1, max: 20 }),
})
const charge = fc.record({
  op: fc.constant("charge" as const),
  hold: fc.option(pick, { freq: 4 }),
  cost: fc.integer({ min: 0, max: 12 }),
  ago: fc.integer({ min: 0, max: 12 }),
})

const extend = fc.record({ op: fc.constant("extend" as const), hold: pick, amount: small })
const release = fc.record({ op: fc.constant("release" as const), hold: pick })
const reverse = fc.record({ op: fc.constant("reverse" as const), charge: pick, amount: fc.option(small) })
const rare = fc.constantFrom("freeze", "unfreeze", "unfreeze", "takeover", "caughtUp", "restart", "restart")
const advanced = fc.record({ op: fc.constant("advance" as const), ticks: fc.integer({ min: 1, max: 7 }) })

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: grant },
  { weight: 8, arbitrary: authorize },
  { weight: 3, arbitrary: extend },
  { weight: 2, arbitrary: release },
  { weight: 6, arbitrary: charge },
  { weight: 2, arbitrary: reverse },
  { weight: 2, arbitrary: revoke },
  { weight: 2, arbitrary: exchange },
  { weight: 1, arbitrary: adjust },
  { weight: 2, arbitrary: entitled },
  { weight: 1, arbitrary: mark },
  { weight: 1, arbitrary: fc.record({ op: rare }) },
  { weight: 6, arbitrary: advanced },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant("group" as const),
      steps: fc.array(fc.oneof(grant, revoke, adjust, entitled, mark, exchange), { minLength: 1, maxLength: 4 }),
    }),
  },
) as fc.Arbitrary<Step>

/** A life begins with a plan and credit more often than not: an account without them only ever refuses. */
export const lives = (maxLength: number): fc.Arbitrary<ReadonlyArray<Step>> =>
  fc
    .tuple(fc.boolean(), entitled, grant, fc.array(step, { minLength: 1, maxLength, size: "max" }))
    .map(([begun, plan, credit, steps]) => (begun ? [{ ...plan, hosted: true }, credit, ...steps] : steps))

const forEver: Step = { op: "entitle", hosted: true, ago: 0, life: null, pastDue: false, cycle: null }
const calls: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ ...grantParts, life: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 8, arbitrary: authorize.map((call) => ({ ...call, ttl: call.ttl + 5 })) },
  { weight: 3, arbitrary: extend },
  { weight: 2, arbitrary: release },
  { weight: 4, arbitrary: charge },
  { weight: 1, arbitrary: reverse },
  { weight: 1, arbitrary: exchange },
  { weight: 5, arbitrary: advanced },
) as fc.Arbitrary<Step>

/** R6.7: a paying account whose lots keep expiring under long calls. */
export const resets = (maxLength: number): fc.Arbitrary<ReadonlyArray<Step>> =>
  fc.array(calls, { minLength: 1, maxLength, size: "max" }).map((steps) => [forEver, ...steps])
