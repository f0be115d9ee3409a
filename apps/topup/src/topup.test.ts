/** Goal: when a top-up begins, how much it is, and that only the customer decides whether (R9.1–R9.5). */
import { assert, describe, it } from "vitest"
import { DECEMBER, HOUR, Life, MINUTE, on, PRO, refusedCode, START } from "./topup.fixture.ts"

describe("the customer's authorization", () => {
  it("R9.1 it is off until the customer turns it on: nothing else does", () => {
    const life = new Life()
    life.balanceCents = 0
    life.hearSubscription("started", "active")
    life.saveCard("f1")
    life.signal("low_began")
    life.signal("credit_refused")
    life.notice({ type: "start" })
    life.at(DECEMBER + HOUR)
    assert.deepStrictEqual([life.steps, life.view.state, life.view.enabled], [[], "off", false])
  })

  it("R9.1 every change of it is a record that says what was agreed, when, and where", () => {
    const life = on(10_000)
    life.at(START + HOUR).enable(5_000)
    life.at(START + 2 * HOUR).disable()
    const [first, second, third] = life.consents
    const common = { account: "acc_test", source: "web" }
    const enabled = { ...common, n: 1, at: START, action: "enabled", textVersion: "v1", monthlyCapCents: 10_000 }
    assert.deepInclude(first, { ...enabled, action: "enabled" as const })
    const changed = { n: 2, at: START + HOUR, action: "cap_changed" as const, monthlyCapCents: 5_000 }
    assert.deepInclude(second!, changed)
    assert.deepInclude(third!, { n: 3, action: "disabled" as const, textVersion: null, monthlyCapCents: 5_000 })
    assert.deepStrictEqual(life.tale, ["enabled", "cap_changed", "disabled"])
    assert.deepStrictEqual([life.view.enabled, life.view.consentedAt], [false, null])
  })

  it("R9.1 the cap can be changed at any time, and nothing else is asked", () => {
    const life = on(10_000)
    life.notice({ type: "payment", fact: life.processor.tell("method_removed", life.now) })
    assert.strictEqual(refusedCode(life.enable(20_000)), "answered")
    assert.strictEqual(life.view.monthlyCapCents, 20_000)
  })

  it("R9.1 the same cap again changes and records nothing", () => {
    const life = on(10_000)
    life.enable(10_000)
    assert.deepStrictEqual([life.consents.length, life.facts.length], [1, 1])
  })

  it("R9.1 turning off what is off changes and records nothing", () => {
    const life = new Life()
    assert.strictEqual(refusedCode(life.disable()), "answered")
    assert.deepStrictEqual([life.consents, life.facts], [[], []])
  })

  it("R9.7 it needs a paid plan and a saved payment method", () => {
    const life = new Life()
    assert.strictEqual(refusedCode(life.enable(10_000, life.reading("free"))), "plan_required")
    assert.strictEqual(refusedCode(life.enable(10_000, life.reading("active", ""))), "payment_method_required")
    assert.strictEqual(refusedCode(life.enable(10_000)), "answered")
    assert.deepStrictEqual(life.tale, ["enabled"])
  })
})

describe("when a top-up begins", () => {
  it("R9.4 a customer already at 0.00 who turns it on is topped up at once", () => {
    const life = on(10_000, 0)
    assert.deepStrictEqual(life.tale, ["enabled", "succeeded"])
    assert.deepStrictEqual([life.balanceCents, life.view.spentThisMonthCents], [1_000, 1_000])
  })

  it("R9.2 R9.4 below the threshold it tops up by the plan's amount; at the threshold it does not", () => {
    const life = on()
    life.balanceCents = 500
    life.signal("low_began")
    life.settle()
    assert.strictEqual(life.balanceCents, 500)
    life.balanceCents = 499
    life.signal("low_began")
    life.settle()
    assert.strictEqual(life.balanceCents, 1_499)
  })

  it("R9.2 the policy is the plan's: after an upgrade the new threshold and amount hold", () => {
    const life = on(10_000, 1_400)
    life.hearSubscription("upgraded", "active", PRO)
    life.settle()
    assert.deepStrictEqual([life.balanceCents, life.view.thresholdCents, life.view.amountCents], [3_900, 1_500, 2_500])
  })

  it("R9.2 what is read when it is turned on does not replace the policy that was told: signals go by that", () => {
    const life = new Life()
    life.balanceCents = 1_499
    life.hearSubscription("upgraded", "active", PRO)
    life.at(START + 1)
    life.enable(10_000)
    life.disable()
    life.at(START + 2)
    life.enable(10_000)
    life.settle()
    assert.deepStrictEqual([life.view.thresholdCents, life.balanceCents], [1_500, 3_999])
  })

  it("R9.4 an authorization refused for want of credit starts one, also above the threshold", () => {
    const life = on(10_000, 700)
    life.signal("credit_refused")
    life.settle()
    assert.strictEqual(life.balanceCents, 1_700)
    life.notice({ type: "start" })
    life.settle()
    assert.strictEqual(life.balanceCents, 1_700, "one refusal, one top-up")
  })

  it("R9.4 a refusal from before the last top-up's credit asks for nothing more", () => {
    const life = on()
    life.balanceCents = 400
    life.signal("low_began")
    const grant = life.until("grant")
    life.at(START + 5_000).tell(grant, life.perform(grant))
    life.signal("credit_refused", START + 1_000)
    life.settle()
    assert.strictEqual(life.told("succeeded").length, 1)
    life.signal("credit_refused", START + 6_000)
    life.settle()
    assert.strictEqual(life.told("succeeded").length, 2)
  })

  it("R9.4 a call refused before the plan's new credit came asks for nothing more, also after the card's hour", () => {
    const life = on(10_000, 0)
    life.balanceCents = 0
    life.processor.fates.push("soft")
    life.signal("low_began")
    life.settle()
    life.at(START + MINUTE).signal("credit_refused")
    life.at(START + 2 * MINUTE)
    life.balanceCents = 12_000
    life.hearSubscription("upgraded", "active", PRO)
    life.at(START + HOUR).settle()
    assert.deepStrictEqual([life.processor.taken.length, life.balanceCents], [1, 12_000])
  })

  it("R9.4 a refusal from after the plan's new credit is kept, whichever is heard first", () => {
    const life = on(10_000, 700)
    const renewed = life.subscriptionFact("renewed", "active")
    life.at(START + MINUTE).signal("credit_refused")
    life.notice({ type: "subscription", fact: renewed })
    life.settle()
    assert.strictEqual(life.balanceCents, 1_700)
  })

  it("R9.4 a balance that was read before the plan's new credit came is read anew", () => {
    const life = on(10_000, 700)
    life.balanceCents = 100
    life.signal("low_began")
    const look = life.until("look")
    const seen = life.perform(look)
    life.balanceCents = 12_100
    life.hearSubscription("upgraded", "active", PRO)
    life.tell(look, seen)
    life.settle()
    assert.strictEqual(life.processor.charges.size, 0)
  })

  it("R9.4 one at a time: fifty crossings at once are one charge", () => {
    const life = on()
    life.balanceCents = 300
    for (let i = 0; i < 50; i++) {
      life.signal("low_began")
      if (i % 7 === 0) life.one()
    }
    life.settle()
    assert.deepStrictEqual([life.processor.taken.length, life.granted.size, life.balanceCents], [1, 1, 1_300])
  })

  it("R9.4 a customer far below gets as many as the cap allows, one after the other", () => {
    const life = on(2_500, -2_000)
    assert.deepStrictEqual(
      life.processor.taken.map(({ amountCents }) => amountCents),
      [1_000, 1_000, 500],
    )
    const kinds = life.begun.map((id) => id.split(":")[0])
    const oneTopUp = ["look", "mark", "charge", "grant"]
    assert.deepStrictEqual(kinds, [...oneTopUp, ...oneTopUp, ...oneTopUp])
    assert.strictEqual(life.view.state, "cap_reached")
  })

  it("R9.4 something that happens while the balance is read is looked at again", () => {
    const life = on()
    life.signal("low_began")
    const look = life.until("look")
    const seen = life.perform(look)
    life.balanceCents = 100
    life.signal("low_began")
    life.tell(look, seen)
    life.settle()
    assert.strictEqual(life.balanceCents, 1_100)
  })

  it("R2.3 R9.4 between two cycles, or without hosted models, the balance is not acted on", () => {
    const life = on()
    life.balanceCents = 0
    life.isOpen = false
    life.signal("low_began")
    life.signal("credit_refused")
    life.settle()
    assert.strictEqual(life.processor.charges.size, 0)
    life.isOpen = true
    life.balanceCents = 2_000
    life.hearSubscription("renewed", "active")
    life.settle()
    assert.strictEqual(life.processor.charges.size, 0, "the plan's own credit came")
  })

  it("R6.2 the ledger is told before the card is charged, and no longer when it is over", () => {
    const life = on(10_000, 0)
    assert.strictEqual(life.markedUntil, 0)
    life.balanceCents = 0
    life.signal("low_began")
    life.until("charge")
    assert.strictEqual(life.markedUntil, START + 2 * MINUTE)
    life.processor.fates.push("soft")
    life.settle()
    assert.strictEqual(life.markedUntil, 0)
  })
})

describe("the hard cap", () => {
  it("R9.3 is reserved before anybody is asked, and a last top-up is cut to what it leaves", () => {
    const life = on(1_700, 0)
    life.balanceCents = 0
    life.signal("low_began")
    const charge = life.until("charge")
    assert.deepInclude(charge, { amountCents: 700 })
    assert.deepInclude(life.view, { spentThisMonthCents: 1_000, pendingCents: 700, remainingCents: 0 })
    life.settle()
    assert.deepInclude(life.view, { spentThisMonthCents: 1_700, pendingCents: 0, state: "cap_reached" })
  })

  it("R9.3 less than 5.00 left is left", () => {
    const life = on(1_499, 0)
    life.balanceCents = 0
    life.signal("low_began")
    life.settle()
    assert.strictEqual(life.view.spentThisMonthCents, 1_000)
    assert.strictEqual(life.capRejections, 2, "after its own top-up, and after the signal")
  })

  it("R9.3 lowering it below what was spent stops further top-ups; nothing is undone", () => {
    const life = on(10_000, 0)
    life.enable(600)
    life.balanceCents = 0
    life.signal("low_began")
    life.settle()
    assert.deepInclude(life.view, { spentThisMonthCents: 1_000, remainingCents: 0, state: "cap_reached" })
    assert.strictEqual(life.granted.size, 1)
  })

  it("R9.4 raising it looks again at once", () => {
    const life = on(1_000, -500)
    assert.strictEqual(life.balanceCents, 500)
    life.balanceCents = 200
    life.enable(2_000)
    life.settle()
    assert.strictEqual(life.balanceCents, 1_200)
  })

  it("R9.3 R9.4 a new month looks again at midnight UTC with a whole cap", () => {
    const life = on(1_000, 0)
    life.balanceCents = 0
    life.at(DECEMBER - 1).settle()
    assert.strictEqual(life.balanceCents, 0)
    life.at(DECEMBER).settle()
    assert.deepStrictEqual([life.balanceCents, life.view.monthKey], [1_000, "2026-12"])
    assert.deepStrictEqual([...life.processor.charges.keys()], ["topup:acc_test:2026-11:1", "topup:acc_test:2026-12:1"])
  })

  it("R9.3 a charge counts in the month it was authorized in, whenever its outcome is known", () => {
    const life = on(1_000)
    life.balanceCents = 0
    life.at(DECEMBER - 1_000)
    life.processor.fates.push("unknown_ok")
    life.signal("low_began")
    life.settle()
    life.at(DECEMBER + HOUR)
    assert.deepInclude(life.view, { state: "being_confirmed", monthKey: "2026-12", pendingCents: 0 })
    life.processor.resolve("topup:acc_test:2026-11:1", life.now)
    life.hearPayments()
    life.settle()
    assert.strictEqual(life.view.spentThisMonthCents, 0)
    life.at(DECEMBER + 2 * HOUR)
    life.balanceCents = 0
    life.signal("low_began")
    life.settle()
    assert.strictEqual(life.view.spentThisMonthCents, 1_000, "December has its own cap")
  })

  it("R9.3 a charge authorized after midnight counts in the new month, whatever its number says", () => {
    const life = on(1_000)
    life.balanceCents = 0
    life.at(DECEMBER - 1)
    life.signal("low_began")
    const charge = life.until("charge")
    life.at(DECEMBER + 1)
    life.tell(charge, life.perform(charge))
    life.settle()
    assert.strictEqual(life.view.spentThisMonthCents, 1_000)
    life.balanceCents = 0
    life.signal("low_began")
    life.settle()
    assert.strictEqual(life.processor.taken.length, 1)
  })

  it("R9.3 a top-up that was not asked for before midnight is asked for in the new month", () => {
    const life = on(1_000)
    life.balanceCents = 0
    life.at(DECEMBER - 1)
    life.signal("low_began")
    const mark = life.until("mark")
    life.at(DECEMBER)
    life.tell(mark, life.perform(mark))
    life.settle()
    assert.deepStrictEqual([...life.processor.charges.keys()], ["topup:acc_test:2026-12:1"])
  })

  it("R11 80 % and 100 % of the cap are told once a month each", () => {
    const life = on(2_500, 500)
    for (let i = 0; i < 5; i++) {
      life.balanceCents = 400
      life.signal("low_began")
      life.settle()
    }
    assert.deepStrictEqual(life.tale, ["enabled", "succeeded", "succeeded", "cap_80", "succeeded", "cap_100"])
    life.at(DECEMBER).settle()
    life.balanceCents = 400
    life.signal("low_began")
    life.settle()
    assert.deepStrictEqual(life.tale.slice(6), ["succeeded", "succeeded", "cap_80"])
  })
})

describe("turning off and changing while a charge is on its way", () => {
  it("R9.3 a charge in flight when it is turned off completes and is granted", () => {
    const life = on(10_000)
    life.balanceCents = 0
    life.processor.fates.push("unknown_ok")
    life.signal("low_began")
    life.settle()
    life.disable()
    assert.deepInclude(life.view, { enabled: false, state: "being_confirmed", pendingCents: 1_000 })
    life.processor.resolve("topup:acc_test:2026-11:1", life.now)
    life.hearPayments()
    life.settle()
    assert.deepStrictEqual([life.balanceCents, life.view.state], [1_000, "off"])
    assert.deepStrictEqual(life.tale, ["enabled", "disabled", "succeeded"])
  })

  it("R9.1 turned off before the card was asked, it is not asked any more", () => {
    const life = on(10_000)
    life.balanceCents = 0
    life.signal("low_began")
    life.until("mark")
    life.disable()
    life.settle()
    assert.deepStrictEqual([life.processor.charges.size, life.markedUntil, life.view.state], [0, 0, "off"])
  })

  it("R9.3 lowering the cap and turning it off work in every state", () => {
    const unknown = on()
    unknown.balanceCents = 0
    unknown.processor.fates.push("unknown_ok")
    unknown.signal("low_began")
    unknown.settle()
    const suspended = on()
    suspended.suspend()
    const paused = on()
    paused.hearSubscription("past_due", "past_due")
    const canceling = on()
    canceling.hearSubscription("cancel_scheduled", "canceling")
    const full = on(1_000, -500)
    const bare = on()
    bare.notice({ type: "payment", fact: bare.processor.tell("method_removed", bare.now) })
    for (const life of [unknown, suspended, paused, canceling, full, bare]) {
      assert.strictEqual(refusedCode(life.enable(900)), "answered")
      assert.deepInclude(life.view, { enabled: true, monthlyCapCents: 900 })
    }
    const free = on()
    free.hearSubscription("ended", "free")
    for (const life of [unknown, suspended, paused, canceling, full, bare, free, new Life()]) {
      assert.strictEqual(refusedCode(life.disable()), "answered")
      assert.isFalse(life.view.enabled)
    }
  })
})
