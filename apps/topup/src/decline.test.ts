/** Goal: money and credit agree whatever becomes of a charge, and a card that says no is left in peace (R9.5–R9.7). */
import { assert, describe, it } from "vitest"
import { DECEMBER, HOUR, Life, on, refusedCode, START } from "./topup.fixture.ts"
import type { Fate } from "./processor.fixture.ts"

const FIRST = "topup:acc_test:2026-11:1"

/** Low, with the fates of the charges to come. */
const low = (...fates: ReadonlyArray<Fate>): Life => {
  const life = on(10_000)
  life.balanceCents = 0
  life.processor.fates.push(...fates)
  life.signal("low_began")
  return life
}

describe("charge, success, grant", () => {
  it("R9.5 I8 nothing is granted before success is proven, and then once", () => {
    const life = low("unknown_ok").settle()
    assert.deepStrictEqual([life.granted.size, life.view.state], [0, "being_confirmed"])
    life.processor.resolve(FIRST, life.now)
    life.hearPayments()
    life.hearPayments()
    life.settle()
    life.hearPayments()
    life.settle()
    assert.deepStrictEqual([...life.granted], [[`grant:${FIRST}`, 1_000]])
    assert.strictEqual(life.told("succeeded").length, 1)
    assert.strictEqual(life.view.spentThisMonthCents, 1_000)
  })

  it("R9.5 while the outcome is unknown the cap stays reserved and nothing is charged again", () => {
    const life = low("unknown_ok").settle()
    life.signal("low_began")
    life.signal("credit_refused")
    life.at(START + 3 * HOUR).settle()
    assert.deepStrictEqual(life.steps, [])
    assert.deepInclude(life.view, { pendingCents: 1_000, remainingCents: 9_000 })
    assert.strictEqual(life.processor.charges.size, 1)
  })

  it("R9.5 the fact may come before the answer, and the answer is then too late to matter", () => {
    const life = low()
    const charge = life.until("charge")
    const outcome = life.perform(charge)
    life.hearPayments()
    life.tell(charge, outcome)
    life.settle()
    assert.deepStrictEqual([life.granted.size, life.view.spentThisMonthCents], [1, 1_000])
  })

  it("R9.5 a lost answer is asked again under the same obligation: the charge is the same", () => {
    const life = low()
    const charge = life.until("charge")
    life.perform(charge)
    life.settle()
    assert.deepStrictEqual([life.processor.taken.length, life.granted.size], [1, 1])
  })

  it("R9.5 R10.2 a success after a failure was told is granted and counted, once", () => {
    const life = low("not_executed").settle()
    life.processor.succeedAfterAll(FIRST, life.now)
    life.hearPayments()
    life.hearPayments()
    life.settle()
    assert.deepStrictEqual([...life.granted], [[`grant:${FIRST}`, 1_000]])
    assert.strictEqual(life.view.spentThisMonthCents, 1_000)
  })

  it("R10.1 every try has a number of its own, so none is ever charged twice", () => {
    const life = low("soft", "soft").settle()
    life.at(START + HOUR).settle()
    life.at(START + 2 * HOUR).settle()
    assert.deepStrictEqual(
      [...life.processor.charges.keys()],
      [FIRST, "topup:acc_test:2026-11:2", "topup:acc_test:2026-11:3"],
    )
  })

  it("R10.1 money for an obligation that was never asked for is nobody's: it is not silently granted", () => {
    const life = on()
    const charge = { ...low().settle().processor.taken[0]!, obligation: "topup:acc_test:2026-11:7" }
    const fact = life.processor.tell("charge_succeeded", life.now, { charge })
    assert.throws(() => life.notice({ type: "payment", fact }), /never asked for/)
  })

  it("facts about charges of the plan are somebody else's", () => {
    const life = on()
    const charge = { ...low().settle().processor.taken[0]!, obligation: "renewal:sub_1:3", kind: "renewal" as const }
    life.notice({ type: "payment", fact: life.processor.tell("charge_succeeded", life.now, { charge }) })
    assert.deepStrictEqual([life.steps, life.view.spentThisMonthCents], [[], 0])
  })
})

describe("declines", () => {
  it("R9.6 after a soft decline the next attempt is an hour later at the soonest, and only if still low", () => {
    const life = low("soft").settle()
    assert.deepInclude(life.view, { state: "waiting", lastFailureReason: "insufficient_funds" })
    life.signal("low_began")
    life.signal("debt_began")
    life.notice({ type: "start" })
    life.at(START + HOUR - 1).settle()
    assert.strictEqual(life.processor.charges.size, 1)
    life.at(START + HOUR).settle()
    assert.deepStrictEqual([life.processor.charges.size, life.balanceCents], [2, 1_000])
    assert.deepInclude(life.view, { state: "ready", lastFailureReason: null })
  })

  it("R9.6 no longer low after the hour: nothing is charged", () => {
    const life = low("soft").settle()
    life.balanceCents = 900
    life.at(START + HOUR).settle()
    assert.deepStrictEqual([life.processor.charges.size, life.view.state], [1, "ready"])
  })

  it("R9.6 three failures in a row suspend it until the customer acts, and the customer is told of each once", () => {
    const life = low("soft", "soft", "soft").settle()
    life.at(START + HOUR).settle()
    life.at(START + 2 * HOUR).settle()
    assert.strictEqual(life.view.state, "suspended")
    life.signal("low_began")
    life.at(DECEMBER + HOUR).settle()
    assert.strictEqual(life.processor.charges.size, 3)
    assert.deepStrictEqual(life.tale, ["enabled", "failed", "failed", "suspended"])
    assert.strictEqual(life.consents.at(-1)?.action, "suspended")
  })

  it("R9.6 a success between failures begins the count anew", () => {
    const life = low("soft", "soft", "ok", "soft", "soft").settle()
    for (let hour = 1; hour <= 4; hour++) {
      life.balanceCents = 0
      life.at(START + hour * HOUR).settle()
      if (life.steps.length === 0 && life.view.state === "ready") {
        life.balanceCents = 0
        life.signal("low_began")
        life.settle()
      }
    }
    assert.notStrictEqual(life.view.state, "suspended")
  })

  it("R9.6 a final decline, or data of the card to be mended, suspends it at once and is told once", () => {
    for (const fate of ["final", "fix"] as const) {
      const life = low(fate).settle()
      assert.strictEqual(life.view.state, "suspended")
      assert.deepStrictEqual(life.tale, ["enabled", "suspended"])
      life.hearPayments()
      life.settle()
      assert.deepStrictEqual(life.tale, ["enabled", "suspended"])
    }
  })

  it("R9.6 a card that needs authentication suspends it: nobody is there to give it", () => {
    const life = low("action").settle()
    assert.deepInclude(life.view, { state: "suspended", lastFailureReason: "authentication_required" })
  })

  it("R9.6 a blocked card and its decline are one suspension", () => {
    const life = low("final").settle()
    const fact = life.processor.tell("method_blocked", life.now, { method: { ...cardOf("f1"), status: "blocked" } })
    life.notice({ type: "payment", fact })
    assert.strictEqual(life.told("suspended").length, 1)
  })

  it("R9.6 a charge that was not executed is nobody's decline: tried again later, in silence", () => {
    const life = low("not_executed", "not_executed", "not_executed", "not_executed").settle()
    for (let hour = 1; hour <= 4; hour++) life.at(START + hour * HOUR).settle()
    assert.deepStrictEqual([life.balanceCents, life.tale], [1_000, ["enabled", "succeeded"]])
  })

  it("R9.6 without a card there is nothing to charge: it waits for one", () => {
    const life = low()
    const charge = life.until("charge")
    life.tell(charge, { kind: "refused", code: "payment_method_required" })
    life.settle()
    assert.deepInclude(life.view, { state: "suspended", lastFailureReason: "payment_method_required" })
    life.saveCard("f2")
    life.settle()
    assert.strictEqual(life.balanceCents, 1_000)
  })
})

const cardOf = (fingerprint: string) => ({
  id: `pm_${fingerprint}`,
  brand: "visa",
  last4: "4242",
  expMonth: 12,
  expYear: 2030,
  fingerprint,
  status: "usable" as const,
})

describe("the customer acts", () => {
  it("R9.6 a new card ends the suspension and is charged at once if still low", () => {
    const life = low("final").settle()
    life.saveCard("f2")
    life.settle()
    assert.deepStrictEqual([life.balanceCents, life.view.state], [1_000, "ready"])
  })

  it("R9.6 another card does not wait for the hour of the one before; the same one saved again does", () => {
    const life = low("soft").settle()
    life.saveCard("f1")
    life.settle()
    assert.deepStrictEqual([life.processor.charges.size, life.view.state], [1, "waiting"])
    life.notice({ type: "payment", fact: life.processor.tell("method_removed", life.now) })
    life.saveCard("f1")
    life.settle()
    assert.deepStrictEqual([life.processor.charges.size, life.view.state], [1, "waiting"], "removed and saved again")
    life.saveCard("f2")
    life.settle()
    assert.strictEqual(life.processor.charges.size, 2)
  })

  it("R9.6 a decline of the card before does not stop the one that was saved while it was being charged", () => {
    const life = low("final")
    const charge = life.until("charge")
    const outcome = life.perform(charge)
    life.at(START + 1_000).saveCard("f2")
    life.tell(charge, outcome)
    life.settle()
    assert.deepStrictEqual([life.view.state, life.balanceCents, life.processor.charges.size], ["ready", 1_000, 2])
    assert.deepStrictEqual(life.tale, ["enabled", "failed", "succeeded"])
  })

  it("R9.6 enabling again ends it too, but no sooner than an hour after a soft decline", () => {
    const life = low("soft", "soft", "soft").settle()
    life.at(START + HOUR).settle()
    life.at(START + 2 * HOUR).settle()
    life.enable(10_000)
    life.settle()
    assert.deepStrictEqual([life.view.state, life.processor.charges.size], ["waiting", 3])
    life.at(START + 3 * HOUR).settle()
    assert.deepStrictEqual([life.view.state, life.processor.charges.size], ["ready", 4])
  })

  it("R9.6 turning it off and on again is no way around the hour", () => {
    const life = low("soft").settle()
    life.disable()
    life.enable(10_000)
    life.settle()
    assert.deepStrictEqual([life.view.state, life.processor.charges.size], ["waiting", 1])
  })

  it("R9.6 a repeated fact of a card saved before ends nothing", () => {
    const life = new Life()
    life.hearSubscription("started", "active")
    life.saveCard("f1")
    const fact = life.processor.facts[0]!
    life.enable(10_000)
    life.settle()
    life.balanceCents = 0
    life.processor.fates.push("final")
    life.signal("low_began")
    life.settle()
    life.notice({ type: "payment", fact })
    assert.strictEqual(life.view.state, "suspended")
  })

  it("R5.2 a dispute of any charge stops it; only the customer's own consent starts it again", () => {
    const life = low().settle()
    const charge = { ...life.processor.taken[0]!, obligation: "renewal:sub_1:2", disputed: true }
    const fact = life.processor.tell("charge_disputed", life.now, { charge })
    life.notice({ type: "payment", fact })
    assert.deepInclude(life.view, { state: "suspended", lastFailureReason: "disputed" })
    life.saveCard("f2")
    assert.strictEqual(life.view.state, "suspended")
    life.enable(10_000)
    assert.strictEqual(life.view.state, "ready")
    life.notice({ type: "payment", fact })
    assert.strictEqual(life.view.state, "ready", "a repeat changes nothing")
    assert.strictEqual(life.told("suspended").length, 1)
  })

  it("R9.6 an operator can stop it until the customer acts; who and why is recorded", () => {
    const life = on()
    life.suspend("looks like fraud")
    assert.deepInclude(life.view, { state: "suspended", lastFailureReason: "looks like fraud" })
    assert.deepInclude(life.consents.at(-1)!, { action: "suspended", source: "operator:ann" })
    life.balanceCents = 0
    life.signal("low_began")
    life.settle()
    assert.strictEqual(life.processor.charges.size, 0)
    life.enable(10_000)
    life.settle()
    assert.strictEqual(life.balanceCents, 1_000)
  })
})

describe("the plan", () => {
  it("R9.7 cancelling pauses it, resuming restores it and looks at once", () => {
    const life = on()
    life.hearSubscription("cancel_scheduled", "canceling")
    life.balanceCents = 0
    life.signal("low_began")
    life.settle()
    assert.deepStrictEqual([life.view.state, life.processor.charges.size], ["paused", 0])
    life.hearSubscription("resumed", "active")
    life.settle()
    assert.deepStrictEqual([life.view.state, life.balanceCents], ["ready", 1_000])
  })

  it("R9.7 the customer may keep it on while canceling; lowering the cap alone does not say so", () => {
    const life = on()
    life.hearSubscription("cancel_scheduled", "canceling")
    life.balanceCents = 0
    life.enable(9_000)
    life.settle()
    assert.strictEqual(life.view.state, "paused")
    life.enable(9_000)
    life.settle()
    assert.deepStrictEqual([life.view.state, life.balanceCents], ["ready", 1_000])
    life.hearSubscription("resumed", "active")
    life.hearSubscription("cancel_scheduled", "canceling")
    assert.strictEqual(life.view.state, "paused", "a new cancellation asks anew")
  })

  it("R5.4 past due pauses it, recovered restores it", () => {
    const life = on()
    life.hearSubscription("past_due", "past_due")
    life.balanceCents = 0
    life.signal("credit_refused")
    life.settle()
    assert.deepStrictEqual([life.view.state, life.processor.charges.size], ["paused", 0])
    life.hearSubscription("recovered", "active")
    life.settle()
    assert.strictEqual(life.balanceCents, 1_000)
  })

  it("R9.7 lapsing to Free turns it off, recorded; turning it on again takes a new consent", () => {
    const life = on()
    life.hearSubscription("ended", "free")
    assert.deepInclude(life.consents.at(-1)!, { action: "ended_by_lapse", source: "system" })
    assert.deepStrictEqual([life.view.enabled, life.told("disabled").length], [false, 1])
    life.hearSubscription("started", "active")
    life.balanceCents = 0
    life.signal("low_began")
    life.settle()
    assert.strictEqual(life.processor.charges.size, 0)
    life.enable(10_000)
    life.settle()
    assert.strictEqual(life.balanceCents, 1_000)
  })

  it("R9.3 R9.7 a charge in flight at the lapse is granted all the same", () => {
    const life = low("unknown_ok").settle()
    life.hearSubscription("ended", "free")
    life.processor.resolve(FIRST, life.now)
    life.hearPayments()
    life.settle()
    assert.deepStrictEqual([life.granted.size, life.view.state], [1, "off"])
  })

  it("R9.7 facts that come again, or older ones, change nothing", () => {
    const life = on()
    const ended = life.subscriptionFact("ended", "free")
    life.notice({ type: "subscription", fact: ended })
    life.at(START + HOUR)
    life.hearSubscription("started", "active")
    life.enable(10_000)
    life.notice({ type: "subscription", fact: ended })
    assert.isTrue(life.view.enabled)
  })

  it("R9.7 of two facts of one instant the later one stands, also when the first comes again", () => {
    const life = new Life()
    const ended = life.subscriptionFact("ended", "free")
    const started = life.subscriptionFact("started", "active")
    for (const fact of [ended, started]) life.notice({ type: "subscription", fact })
    life.enable(10_000)
    for (const fact of [ended, started]) life.notice({ type: "subscription", fact })
    assert.isTrue(life.view.enabled)
  })

  it("R9.7 a fact that is older than what was read when it was turned on changes nothing", () => {
    const life = new Life()
    const before = life.subscriptionFact("ended", "free")
    life.at(START + 1)
    assert.strictEqual(refusedCode(life.enable(10_000)), "answered")
    life.notice({ type: "subscription", fact: before })
    assert.isTrue(life.view.enabled)
  })
})
