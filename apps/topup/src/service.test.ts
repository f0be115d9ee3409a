/**
 * Goal: auto top-up works as a process, on the real bus with its own permissions and with the real ledger (R9.1–R9.7).
 * Payments and subscriptions are scripted.
 */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { SUBJECTS } from "@credits/contracts"
import { usd } from "@credits/kernel"
import { publish } from "@credits/bus"
import { method } from "./processor.fixture.ts"
import { eventually, World } from "./service.test-kit.ts"

const HOUR = 3_600_000

describe("auto top-up as a service", () => {
  let world: World
  beforeAll(async () => {
    world = await World.start()
  }, 60_000)
  afterAll(() => world.stop())

  it("R9.4 a customer at 0.00 who turns it on is topped up at once, with credit that does not expire", async () => {
    await world.entitle("acc_broke", "0")
    const { ok } = await world.enable("acc_broke", 5_000)
    assert.deepInclude(ok, { enabled: true, monthlyCapCents: 5_000, thresholdCents: 500, amountCents: 1_000 })
    const wallet = await world.holds("acc_broke", "10")
    const obligation = world.processor("acc_broke").taken[0]!.obligation
    assert.deepInclude(wallet.lots[0], { kind: "topup" as const, expiresAt: null, cause: obligation })
    await world.shows("acc_broke", { state: "ready", spentThisMonthCents: 1_000, remainingCents: 4_000 })
    await world.tells("acc_broke", "enabled", "succeeded")
    const consents = await world.topup("acc_broke", { op: "consents" })
    assert.deepInclude(consents.ok.items[0], {
      action: "enabled",
      textVersion: "v1",
      monthlyCapCents: 5_000,
      source: "web",
    })
  })

  it("R9.4 use that takes the balance below the threshold starts one, fifty at once are one charge", async () => {
    await world.entitle("acc_user", "20")
    await world.enable("acc_user", 5_000)
    await Promise.all(Array.from({ length: 50 }, () => world.use("acc_user", "0.31")))
    await world.holds("acc_user", "14.50")
    await world.shows("acc_user", { state: "ready", spentThisMonthCents: 1_000 })
    assert.strictEqual(world.processor("acc_user").charges.size, 1)
  })

  it("R9.4 R6.2 a call refused for want of credit starts one, and while it lasts is told to come back", async () => {
    await world.entitle("acc_call", "7")
    await world.enable("acc_call", 5_000)
    world.processor("acc_call").fates.push("unknown_ok")
    const call = { op: "authorize", amount: usd("8").toString() }
    assert.strictEqual((await world.ledger("acc_call", call)).refused.code, "insufficient_balance")
    await world.shows("acc_call", { state: "being_confirmed", pendingCents: 1_000 })
    assert.strictEqual((await world.ledger("acc_call", call)).refused.code, "top_up_in_progress")
    const [obligation] = world.processor("acc_call").unresolved
    world.processor("acc_call").resolve(obligation!, world.now())
    await world.tellFacts("acc_call")
    await world.holds("acc_call", "17")
    assert.isDefined((await world.ledger("acc_call", call)).ok)
  })

  it("R5.2 a top-up that is given back takes what is left of its lot with it, and nothing else", async () => {
    await world.entitle("acc_back", "4")
    await world.enable("acc_back", 1_000)
    await world.holds("acc_back", "14")
    await world.use("acc_back", "6")
    await world.holds("acc_back", "8")
    const [charge] = world.processor("acc_back").taken
    world.processor("acc_back").refund(charge!.obligation, world.now())
    await world.tellFacts("acc_back")
    await world.holds("acc_back", "0")
    const wallet = await world.wallet("acc_back")
    assert.deepInclude(wallet?.totals, { revoked: usd("8").toString(), spent: usd("6").toString() })
    await world.tells("acc_back", "enabled", "succeeded", "cap_80", "cap_100")
  })

  it("R9.3 what a bank wants its customer for is canceled, and another card has the whole cap", async () => {
    await world.entitle("acc_bank", "4")
    world.processor("acc_bank").fates.push("action")
    await world.enable("acc_bank", 1_000)
    await world.shows("acc_bank", { state: "suspended", pendingCents: 0, remainingCents: 1_000 })
    assert.deepStrictEqual(world.processor("acc_bank").awaiting, [])
    world.processor("acc_bank").card = "f2"
    await world.publishFact(world.processor("acc_bank").tell("method_saved", world.now(), { method: method("f2") }))
    await world.holds("acc_bank", "14")
    await world.shows("acc_bank", { spentThisMonthCents: 1_000 })
  })

  it("R9.1 R6.6 the same request again is answered the same; another one under its id is a conflict", async () => {
    await world.entitle("acc_twice", "20")
    const first = await world.enable("acc_twice", 5_000, "once")
    assert.deepStrictEqual(await world.enable("acc_twice", 5_000, "once"), first)
    assert.strictEqual((await world.enable("acc_twice", 6_000, "once")).refused.code, "id_conflict")
    const off = await world.topup("acc_twice", { op: "disable", id: "once", source: "web" })
    assert.isFalse(off.ok.enabled)
    assert.isTrue((await world.enable("acc_twice", 5_000, "once")).ok.enabled, "the stored first answer")
    assert.isFalse((await world.view("acc_twice")).enabled)
  })

  it("R9.3 R9.7 refusals say what is missing", async () => {
    assert.deepInclude((await world.enable("acc_no", 499)).refused, { code: "invalid", field: "monthlyCapCents" })
    world.plans.set("acc_no", "free")
    assert.strictEqual((await world.enable("acc_no", 5_000)).refused.code, "plan_required")
    world.plans.set("acc_no", "given")
    assert.strictEqual((await world.enable("acc_no", 5_000)).refused.code, "plan_required", "a plan that nobody pays")
    world.plans.delete("acc_no")
    world.processor("acc_no").card = ""
    assert.strictEqual((await world.enable("acc_no", 5_000)).refused.code, "payment_method_required")
    const unknown = await world.topup("acc_no", { op: "steal" })
    assert.strictEqual(unknown.refused.code, "unknown_op")
  })

  it("R9.7 while nobody knows whether there is a plan nothing is turned on, and nothing is remembered", async () => {
    await world.entitle("acc_silent", "20")
    world.plans.set("acc_silent", null)
    assert.strictEqual((await world.enable("acc_silent", 5_000, "later")).refused.code, "unavailable")
    world.plans.delete("acc_silent")
    assert.isTrue((await world.enable("acc_silent", 5_000, "later")).ok.enabled)
  })

  it("R9.7 facts of subscriptions pause it, restore it and turn it off", async () => {
    await world.entitle("acc_plan", "20")
    await world.enable("acc_plan", 5_000)
    await world.tellSubscription("acc_plan", "cancel_scheduled", "canceling")
    await world.shows("acc_plan", { state: "paused" })
    await world.use("acc_plan", "18")
    await world.holds("acc_plan", "2")
    await world.tellSubscription("acc_plan", "resumed", "active")
    await world.holds("acc_plan", "12")
    await world.tellSubscription("acc_plan", "ended", "free")
    await world.shows("acc_plan", { enabled: false, state: "off" })
    await world.tells("acc_plan", "enabled", "succeeded", "disabled")
    const { ok } = await world.topup("acc_plan", { op: "consents" })
    assert.deepStrictEqual(
      ok.items.map(({ action }: { readonly action: string }) => action),
      ["enabled", "ended_by_lapse"],
    )
  })

  it("a fact nobody can use is a dead letter, and the next one is heard", async () => {
    const before = world.letters.length
    await publish(world.bus.js, SUBJECTS.paymentsFact, "{")
    await publish(world.bus.js, SUBJECTS.paymentsFact, JSON.stringify({ v: 2, account: "acc_x" }))
    await world.entitle("acc_after", "0")
    await world.enable("acc_after", 5_000)
    world.processor("acc_after").card = "f2"
    await world.publishFact(world.processor("acc_after").tell("method_removed", world.now()))
    await world.shows("acc_after", { state: "suspended", lastFailureReason: "payment_method_required" })
    const letters = await eventually("two dead letters", () =>
      world.letters.length >= before + 2 ? world.letters.slice(before) : undefined,
    )
    const malformed = ["topup", "malformed"]
    assert.deepStrictEqual(
      letters.map(({ service, reason }) => [service, reason]),
      [malformed, malformed],
    )
  })

  it("R2.3 R9.4 at a cycle's end it waits for the plan's own credit, and looks when that has come", async () => {
    const start = world.now()
    const entitle = { op: "entitle", plan: "plus", hostedModels: true, lowBelow: usd("5").toString() }
    const grant = { op: "grant", kind: "plan", amount: usd("20").toString(), cause: "cycle" }
    await world.ledger("acc_cycle", { ...entitle, cycle: { start, end: start + HOUR } })
    await world.ledger("acc_cycle", { ...grant, expiresAt: start + HOUR })
    await world.enable("acc_cycle", 5_000)
    await world.advance(2 * HOUR)
    await world.holds("acc_cycle", "0")
    await world.applied()
    assert.strictEqual(world.processor("acc_cycle").charges.size, 0)
    await world.ledger("acc_cycle", { ...entitle, cycle: { start: start + HOUR, end: start + 9 * HOUR } })
    await world.ledger("acc_cycle", { ...grant, amount: usd("3").toString(), cause: "cycle:2" })
    await world.tellSubscription("acc_cycle", "renewed", "active")
    await world.holds("acc_cycle", "13")
  })

  it("R9.6 R9.3 due work runs when the clock moves: the hour after a decline, the month", async () => {
    await world.entitle("acc_time", "20")
    await world.enable("acc_time", 1_000)
    world.processor("acc_time").fates.push("soft")
    await world.use("acc_time", "18")
    await world.shows("acc_time", { state: "waiting", lastFailureReason: "insufficient_funds" })
    await world.advance(HOUR)
    await world.holds("acc_time", "12")
    await world.use("acc_time", "11")
    await world.shows("acc_time", { state: "cap_reached" })
    await world.advance(32 * 24 * HOUR)
    await world.holds("acc_time", "11")
    assert.strictEqual(world.processor("acc_time").charges.size, 3)
    await world.tells(
      "acc_time",
      "enabled",
      "failed",
      "succeeded",
      "cap_80",
      "cap_100",
      "succeeded",
      "cap_80",
      "cap_100",
    )
    const status = await world.ready("topup")
    assert.isAbove(Number((status.detail["metrics"] as Record<string, number>)["capRejections"]), 0)
  })
})
