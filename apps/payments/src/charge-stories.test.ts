/**
 * The charge machine over a model of the processor: the one story behind each rule (R10.1, R10.2). Any order of events
 * is in charge.test.ts.
 */
import { assert, describe, it } from "vitest"
import type { ChargeAnswer } from "@credits/contracts"
import { ACCOUNT, ask, card, DrivenCharge, OBLIGATION, statusOf, type Fault } from "./charge.fixture.ts"
import { blockedCard } from "./decline.ts"

const HOUR_MS = 3_600_000

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

  it("who charges without the customer is not kept waiting for a turn that comes later: `pending` at once", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok"))
    assert.deepEqual(charge.answers, [])
    charge.perform(0, "none", 3)
    assert.nestedPropertyVal(charge.answers[0], "ok.status", "pending")
    const again = charge.command(ask(1, "pm_ok"))
    assert.nestedPropertyVal(again, "ok.status", "pending")
    charge.advance(3)
    runSteps(charge)
    assert.deepEqual(kinds(charge), ["charge_succeeded"])
    assert.lengthOf(charge.answers, 2)
  })

  it("a customer who is there waits for their turn and hears how it ended", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok", { present: true, kind: "first" }))
    charge.perform(0, "none", 3)
    assert.deepEqual(charge.answers, [])
    charge.advance(3)
    runSteps(charge)
    assert.nestedPropertyVal(charge.answers[0], "ok.status", "decided")
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

  it("R10.1 authenticated when another amount is asked already: answered is what was really taken", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_authenticate", { present: true, kind: "first", amountCents: 1_600 }))
    runSteps(charge)
    while (statusOf(charge) === "action_required") {
      charge.advance(charge.state.work!.at - charge.now)
      runSteps(charge)
    }
    charge.isLateAllowed = true
    charge.processor.authenticate("pi_1", true)
    charge.command(ask(2, "pm_authenticate", { present: true, kind: "first", amountCents: 117_600 }))
    runSteps(charge)
    const { ok } = charge.answers.at(-1) as { ok: ChargeAnswer }
    assert.deepInclude(ok.charge, { status: "succeeded", attempt: 1, amountCents: 1_600 })
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

  it("R5.2 R10.4 a refund that comes back days later: the charge is not refunded, and can be once more", () => {
    const charge = new DrivenCharge()
    charge.command(ask(1, "pm_ok"))
    runSteps(charge)
    charge.command({ op: "charge-refund", by: "ana", reason: "charged twice" })
    runSteps(charge)
    charge.advance(5 * 24 * HOUR_MS)
    for (let told = 0; told < 2; told++) charge.refundComesBack("re_1")
    assert.isFalse(charge.state.refunded)
    charge.command({ op: "charge-refund", by: "ana", reason: "charged twice" })
    runSteps(charge)
    assert.isTrue(charge.state.refunded)
    assert.isTrue(charge.processor.intents[0]!.refunded, "another refund, not the answer of the first")
    charge.fetchNotices()
    charge.deliver(0, false)
    assert.deepEqual(kinds(charge), ["charge_succeeded", "charge_refunded", "charge_refund_failed", "charge_refunded"])
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
