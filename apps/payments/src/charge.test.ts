/**
 * The charge machine over a model of the processor. Goal: whatever goes wrong with calls, processes, events and clocks,
 * an obligation is paid at most once and nobody is told a failure that stays wrong (R10.1, R10.2, I6). Method: random
 * interleavings, and the one story behind each rule.
 */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import type { ChargeAnswer, MethodView } from "@credits/contracts"
import { ACCOUNT, DrivenCharge, OBLIGATION, type Fault } from "./charge.fixture.ts"
import type { ChargeCommand } from "./charge-state.ts"
import { blockedCard } from "./decline.ts"

const HOUR_MS = 3_600_000

const card = (id: string): MethodView => ({
  id,
  brand: "visa",
  last4: "4242",
  expMonth: 12,
  expYear: 2031,
  fingerprint: `fp_${id}`,
  status: "usable",
})

type Ask = Extract<ChargeCommand, { op: "charge" }>

const ask = (attempt: number, method: string, change: Partial<Ask> = {}): Ask => ({
  op: "charge",
  account: ACCOUNT,
  kind: "renewal",
  attempt,
  amountCents: 2_000,
  present: false,
  description: "Plus, July",
  saved: { customer: "cus_1", method: card(method), refusal: null },
  ...change,
})

const statusOf = (charge: DrivenCharge) => charge.state.status

/** Nothing goes wrong any more: everything under way comes to its end. */
const settle = (charge: DrivenCharge): void => {
  for (let turn = 0; turn < 2_000; turn++) {
    if (charge.perform(0, "none")) continue
    const due = charge.state.work?.at
    if (charge.state.work === null || due === undefined) return
    charge.advance(Math.max(0, due - charge.now))
  }
  throw new Error(`no end: ${JSON.stringify(charge.state)}`)
}

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

/** Performs what is named, one step after the other, until nothing is under way. */
const runSteps = (charge: DrivenCharge, faults: Readonly<Record<string, Fault>> = {}): void => {
  for (let turn = 0; turn < 50 && charge.steps.length > 0; turn++) {
    charge.perform(0, faults[charge.steps[0]!.kind] ?? "none")
  }
}

const kinds = (charge: DrivenCharge): ReadonlyArray<string> => charge.facts.map(({ kind }) => kind)

describe("charge machine: stories", () => {
  it("R10.1 asks in the order create, store the intent, confirm, each under a key that is stored before", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok"))
    const seen: Array<string> = []
    while (charge.steps.length > 0) {
      seen.push(charge.steps[0]!.id.replace(/~.*/, ""))
      if (charge.steps[0]!.kind === "confirm") assert.equal(charge.state.intent?.id, "pi_1")
      charge.perform(0, "none")
    }
    assert.deepEqual(seen, ["chg:chg_1:slot:1", "chg:chg_1:create", "chg:chg_1:confirm:1"])
    assert.equal(statusOf(charge), "succeeded")
  })

  it("R10.1 a new attempt with another card and amount confirms the same intent", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_poor"))
    runSteps(charge)
    assert.equal(statusOf(charge), "declined")
    charge.command(ask(2, "pm_ok", { amountCents: 7_000 }))
    runSteps(charge)
    assert.equal(statusOf(charge), "succeeded")
    assert.deepEqual(charge.processor.takenFor(OBLIGATION), [{ id: "pi_1", amountCents: 7_000 }])
    assert.deepEqual(kinds(charge), ["charge_declined", "charge_succeeded"])
  })

  it("R10.1 an obligation that was paid answers so to every attempt", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok"))
    runSteps(charge)
    const answer = charge.command(ask(3, "pm_ok", { amountCents: 9_900 })) as { ok: ChargeAnswer }
    assert.deepInclude(answer.ok.charge, { status: "succeeded", attempt: 1, amountCents: 2_000 })
    assert.deepEqual(charge.steps, [])
  })

  it("R10.1 the same attempt with another amount, account or kind is a conflict", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok"))
    for (const change of [{ amountCents: 1 }, { account: "acc_two" }, { kind: "topup" as const }]) {
      assert.nestedPropertyVal(charge.command(ask(1, "pm_ok", change)), "refused.code", "id_conflict")
    }
  })

  it("without a saved card nothing is charged and nothing is remembered", () => {
    const charge = new DrivenCharge()
    const answer = charge.command(ask(1, "pm_ok", { saved: null }))
    assert.nestedPropertyVal(answer, "refused.code", "payment_method_required")
    assert.isNull(charge.state.terms)
  })

  it("a card that was refused for good is declined without a call", () => {
    const charge = new DrivenCharge()
    const saved = { customer: "cus_1", method: card("pm_stolen"), refusal: blockedCard("generic") }
    charge.command(ask(1, "pm_stolen", { saved }))
    assert.equal(statusOf(charge), "declined")
    assert.deepEqual(charge.processor.intents, [])
    assert.deepEqual(kinds(charge), ["charge_declined"])
  })

  it("R10.2 the method hears of a decline, once", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_stolen"))
    runSteps(charge)
    assert.isNull(charge.state.untold)
    assert.equal(charge.state.decline?.code, "generic")
    assert.equal(charge.state.decline?.class, "final")
  })

  it("R10.2 a lost answer is unknown, told once, and the same key finds the success: 5 s, 30 s, 2 min, 10 min", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok"))
    runSteps(charge, { confirm: "lost_after" })
    const pauses: Array<number> = []
    for (let i = 0; i < 5; i++) {
      pauses.push(charge.state.work!.at - charge.now)
      charge.advance(pauses.at(-1)!)
      runSteps(charge, { confirm: "lost_after" })
    }
    assert.deepEqual(pauses, [5_000, 30_000, 120_000, 600_000, 600_000])
    assert.equal(statusOf(charge), "unknown")
    charge.advance(600_000)
    runSteps(charge)
    assert.equal(statusOf(charge), "succeeded")
    assert.deepEqual(kinds(charge), ["charge_unknown", "charge_succeeded"])
  })

  it("R10.2 while an outcome is unknown a further attempt charges nothing and hears of this one", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok"))
    runSteps(charge, { confirm: "hang" })
    assert.isNull(charge.command(ask(2, "pm_ok")))
    assert.equal(charge.state.terms?.attempt, 1)
    charge.zombies.shift()!.end()
    charge.advance(5_000)
    runSteps(charge)
    const answer = charge.answers.at(-1) as { ok: ChargeAnswer }
    assert.deepInclude(answer.ok.charge, { status: "succeeded", attempt: 1 })
    assert.equal(charge.processor.takenFor(OBLIGATION).length, 1)
  })

  it("R10.2 after an hour it only asks, every 15 minutes, and after 24 hours a person must look", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok"))
    runSteps(charge, { confirm: "hang" })
    let confirmed = 0
    let looked = 0
    while (statusOf(charge) === "unknown") {
      charge.advance(charge.state.work!.at - charge.now)
      while (charge.steps.length > 0) {
        const { kind } = charge.steps[0]!
        if (kind === "confirm") confirmed++
        if (kind === "lookup") looked++
        charge.perform(0, kind === "slot" ? "none" : "lost_before")
      }
    }
    assert.equal(statusOf(charge), "review")
    assert.isAtMost(confirmed, 9)
    assert.isAtLeast(looked, 90)
    assert.deepEqual(kinds(charge), ["charge_unknown"])
  })

  it("R10.2 a key that is stored with a server error is given up for a new one only after a look at the intent", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok"))
    runSteps(charge, { confirm: "500_unexecuted" })
    assert.equal(statusOf(charge), "unknown")
    charge.advance(5_000)
    const seen: Array<string> = []
    while (charge.steps.length > 0) {
      seen.push(charge.steps[0]!.id.replace(/~.*/, "").replace(/slot:\d+/, "slot"))
      charge.perform(0, "none")
    }
    assert.deepEqual(
      seen.filter((id) => !id.endsWith("slot")),
      ["chg:chg_1:confirm:1", "chg:chg_1:lookup", "chg:chg_1:confirm:1:2"],
    )
    assert.equal(statusOf(charge), "succeeded")
  })

  it("R10.2 a server error that had been executed is found by the look, and not charged again", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok"))
    runSteps(charge, { confirm: "500_executed" })
    charge.advance(5_000)
    runSteps(charge)
    assert.equal(statusOf(charge), "succeeded")
    assert.equal(charge.state.rounds.confirm, 1)
  })

  it("field notes A2: a key older than 22 hours is not sent again, only looked at", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok"))
    runSteps(charge, { confirm: "killed_after", create: "none" })
    // The process was dead for a day and a half; the confirmation had been executed.
    charge.advance(36 * HOUR_MS)
    const [step] = charge.steps
    assert.equal(step?.kind, "confirm")
    charge.perform(0, "none")
    assert.equal(charge.state.work?.call, "lookup")
    runSteps(charge)
    assert.equal(statusOf(charge), "succeeded")
    assert.equal(charge.processor.takenFor(OBLIGATION).length, 1)
  })

  it("R10.2 too many requests: repeated by itself under the same key, the attempt is not used up", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok"))
    runSteps(charge, { confirm: "429" })
    assert.equal(statusOf(charge), "planned")
    charge.advance(1_000)
    runSteps(charge)
    assert.equal(statusOf(charge), "succeeded")
    assert.deepEqual(kinds(charge), ["charge_succeeded"])
  })

  it("R10.2 a customer who waits is told within about a minute that nothing was executed", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok", { present: true }))
    while (statusOf(charge) !== "not_executed") {
      while (charge.steps.length > 0) charge.perform(0, charge.steps[0]!.kind === "slot" ? "none" : "429")
      if (charge.state.work !== null) charge.advance(charge.state.work.at - charge.now)
    }
    assert.isAtMost(charge.now - charge.state.terms!.at, 60_000)
    assert.deepEqual(kinds(charge), ["charge_not_executed"])
  })

  it("A5: off session the bank's wish for the customer is never repeated off session with the same card", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_authenticate"))
    runSteps(charge)
    assert.equal(statusOf(charge), "action_required")
    const answer = charge.command(ask(2, "pm_authenticate")) as { ok: ChargeAnswer }
    assert.deepInclude(answer.ok.charge, { status: "action_required", attempt: 2, clientSecret: "pi_1_secret" })
    assert.deepEqual(charge.steps, [])
  })

  it("R10.2 a present customer authenticates: we look until it is done", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_authenticate", { present: true }))
    runSteps(charge)
    assert.equal(statusOf(charge), "action_required")
    charge.isLateAllowed = true
    charge.processor.authenticate("pi_1", true)
    charge.advance(5_000)
    runSteps(charge)
    assert.equal(statusOf(charge), "succeeded")
  })

  it("R10.2 an authentication never finished is a decline at its end; a success after it still counts", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_authenticate", { present: true }))
    runSteps(charge)
    while (statusOf(charge) === "action_required") {
      charge.advance(charge.state.work!.at - charge.now)
      runSteps(charge)
    }
    assert.equal(charge.state.decline?.code, "authentication_expired")
    charge.processor.authenticate("pi_1", true)
    charge.fetchNotices()
    charge.deliver(0, false)
    assert.equal(statusOf(charge), "succeeded")
    assert.deepEqual(kinds(charge), ["charge_action_required", "charge_declined", "charge_succeeded"])
  })

  it("R10.2 a failure shown by an event counts only for the attempt it belongs to", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_poor"))
    runSteps(charge)
    charge.fetchNotices()
    charge.command(ask(2, "pm_ok"))
    runSteps(charge, { confirm: "hang" })
    assert.equal(statusOf(charge), "unknown")
    charge.deliver(0, false)
    assert.equal(statusOf(charge), "unknown")
  })

  it("R5.4 a closed obligation is canceled at the processor and never charged again", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_poor"))
    runSteps(charge)
    assert.isNull(charge.command({ op: "charge-close", account: ACCOUNT }))
    runSteps(charge, { cancel: "lost_after" })
    charge.advance(5_000)
    runSteps(charge)
    assert.deepEqual(charge.answers.at(-1), { ok: { status: "closed" } })
    assert.equal(charge.processor.intents[0]?.status, "canceled")
    assert.nestedPropertyVal(charge.command(ask(2, "pm_ok")), "refused.code", "obligation_closed")
    assert.deepEqual(kinds(charge), ["charge_declined", "charge_canceled"])
  })

  it("R4.7 closing while an attempt is undecided closes nothing; a paid one answers so", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok"))
    runSteps(charge, { confirm: "lost_after" })
    assert.deepEqual(charge.command({ op: "charge-close", account: ACCOUNT }), { ok: { status: "pending" } })
    charge.advance(5_000)
    runSteps(charge)
    assert.deepEqual(charge.command({ op: "charge-close", account: ACCOUNT }), { ok: { status: "succeeded" } })
  })

  it("R4.7 closed before anything was asked, it is closed for ever", () => {
    const charge = new DrivenCharge()
    assert.deepEqual(charge.command({ op: "charge-close", account: ACCOUNT }), { ok: { status: "closed" } })
    assert.nestedPropertyVal(charge.command(ask(1, "pm_ok")), "refused.code", "obligation_closed")
  })

  it("R5.2 a refund gives the money back once, whatever gets lost", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok"))
    runSteps(charge)
    charge.command({ op: "charge-refund", by: "ana", reason: "charged twice by mistake" })
    runSteps(charge, { refund: "lost_after" })
    assert.isFalse(charge.state.refunded)
    charge.advance(5_000)
    runSteps(charge)
    charge.command({ op: "charge-refund", by: "ana", reason: "once more" })
    assert.isTrue(charge.state.refunded)
    assert.deepEqual(kinds(charge), ["charge_succeeded", "charge_refunded"])
  })

  it("R5.2 what was not taken is not given back", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_poor"))
    runSteps(charge)
    const answer = charge.command({ op: "charge-refund", by: "ana", reason: "a wish" })
    assert.nestedPropertyVal(answer, "refused.code", "not_refundable")
  })

  it("R10.2 only what is in review is decided by a person", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok"))
    const answer = charge.command({ op: "charge-resolve", outcome: "not_executed", by: "ana", reason: "a guess" })
    assert.nestedPropertyVal(answer, "refused.code", "not_resolvable")
  })
})
