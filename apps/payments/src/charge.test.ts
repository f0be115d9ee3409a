/**
 * The charge machine over a model of the processor. Goal: whatever goes wrong with calls, processes, events and clocks,
 * an obligation is paid at most once and nobody is told a failure that stays wrong (R10.1, R10.2, I6). Method: random
 * interleavings.
 */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { ACCOUNT, ask, DrivenCharge, OBLIGATION, settle, statusOf, type Fault } from "./charge.fixture.ts"

const HOUR_MS = 3_600_000

type Action =
  | {
      readonly do: "ask"
      readonly attempt: number
      readonly card: string
      readonly cents: number
      readonly present: boolean
    }
  | { readonly do: "again" }
  | { readonly do: "perform"; readonly which: number; readonly fault: Fault; readonly slotMs: number }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "fetch" }
  | { readonly do: "deliver"; readonly index: number; readonly keep: boolean }
  | { readonly do: "zombie" }
  | { readonly do: "authenticate"; readonly succeeds: boolean }
  | { readonly do: "close" }
  | { readonly do: "refund" }
  | { readonly do: "person" }
  | { readonly do: "look_up" }

const FAULTS: ReadonlyArray<Fault> = [
  ...(["none", "lost_before", "lost_after", "hang", "500_executed", "500_unexecuted"] as const),
  ...(["409", "429", "killed_after"] as const),
]

const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("ask" as const),
      attempt: fc.integer({ min: 1, max: 4 }),
      card: fc.constantFrom("pm_ok", "pm_ok", "pm_poor", "pm_stolen", "pm_authenticate", "pm_strange", "pm_later"),
      cents: fc.constantFrom(2_000, 7_000),
      present: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "again" as const }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("perform" as const),
      which: fc.nat({ max: 1 }),
      fault: fc.oneof(fc.constant<Fault>("none"), fc.constantFrom(...FAULTS)),
      slotMs: fc.constantFrom(0, 0, 50, 60_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("pass" as const),
      ms: fc.constantFrom(100, 5_000, 60_000, 15 * 60_000, 2 * HOUR_MS, 23 * HOUR_MS, 26 * HOUR_MS),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: "fetch" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("deliver" as const), index: fc.nat({ max: 5 }), keep: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.constant({ do: "zombie" as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("authenticate" as const), succeeds: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ do: "close" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "refund" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "person" as const }) },
  { weight: 2, arbitrary: fc.constant({ do: "look_up" as const }) },
)

/** A person decides by what the processor shows. */
const person = (charge: DrivenCharge): void => {
  if (statusOf(charge) !== "review") return
  const outcome = charge.processor.takenFor(OBLIGATION).length > 0 ? "succeeded" : "not_executed"
  charge.command({ op: "charge-resolve", outcome, by: "ana", reason: "looked at the processor" })
}

const act = (charge: DrivenCharge, action: Action): void => {
  switch (action.do) {
    case "ask": {
      const { attempt, card: method, cents, present } = action
      charge.command(ask(attempt, method, { amountCents: cents, present }))
      return
    }
    case "again": {
      const { terms } = charge.state
      if (terms !== null) charge.command(ask(terms.attempt, terms.method.id, { amountCents: terms.amountCents }))
      return
    }
    case "perform":
      charge.perform(action.which, action.fault, action.slotMs)
      return
    case "pass":
      charge.advance(action.ms)
      return
    case "fetch":
      charge.fetchNotices()
      return
    case "deliver":
      charge.deliver(action.index, action.keep)
      return
    case "zombie":
      charge.isLateAllowed = true
      charge.zombies.shift()?.end()
      return
    case "authenticate":
      charge.isLateAllowed = true
      for (const { id } of charge.processor.intents) charge.processor.authenticate(id, action.succeeds)
      return
    case "close":
      charge.command({ op: "charge-close", account: ACCOUNT })
      return
    case "refund":
      charge.command({ op: "charge-refund", by: "ana", reason: "an error" })
      return
    case "person":
      person(charge)
      return
    case "look_up":
      charge.lookUp()
  }
}

describe("charge machine: any interleaving", () => {
  it("R10.1 R10.2 I6 an obligation is paid at most once, and what is told in the end is what was taken", () => {
    let succeeded = 0
    let unknown = 0
    fc.assert(
      fc.property(fc.array(actions, { minLength: 5, maxLength: 80 }), (life) => {
        const charge = new DrivenCharge()
        for (const action of life) {
          act(charge, action)
          assert.isAtMost(charge.processor.takenFor(OBLIGATION).length, 1)
        }
        charge.isLateAllowed ||= charge.zombies.length > 0
        for (const { end } of charge.zombies.splice(0)) end()
        settle(charge)
        charge.fetchNotices()
        while (charge.notices.length > 0) charge.deliver(0, false)
        settle(charge)
        const taken = charge.processor.takenFor(OBLIGATION)
        assert.isAtMost(taken.length, 1)
        const { state } = charge
        if (state.status === null) return
        assert.include(
          ["succeeded", "declined", "action_required", "not_executed", "canceled", "review"],
          state.status,
          "an unknown is decided, or a person looks",
        )
        assert.equal(state.status === "succeeded", taken.length === 1, "the book is the view")
        if (taken.length === 1) {
          assert.equal(state.taken?.amountCents, taken[0]!.amountCents)
          assert.equal(charge.asked.get(state.taken!.attempt), taken[0]!.amountCents, "what that attempt had asked")
          assert.equal(charge.facts.filter(({ kind }) => kind === "charge_succeeded").length, 1)
        }
        if (state.status === "succeeded") succeeded++
        if (charge.facts.some(({ kind }) => kind === "charge_unknown")) unknown++
      }),
      { numRuns: 2_000 },
    )
    // The lives are not trivial ones.
    assert.isAbove(succeeded, 200)
    assert.isAbove(unknown, 200)
  })
})
