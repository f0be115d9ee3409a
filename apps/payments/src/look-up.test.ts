/**
 * A person has the processor asked about one charge now (R10.2). Goal: whatever state a charge is in, what the
 * processor shows is believed and nothing else changes. Method: the machine over the processor's model, state by
 * state; then the service over the sandbox processor, whose answers are lost.
 */
import { assert, afterAll, afterEach, beforeAll, describe, it } from "vitest"
import type { ChargeView, LookUpAnswer, PaymentsReply, PaymentsRequest } from "@credits/contracts"
import { ask, DrivenCharge, OBLIGATION, settle, statusOf, type Fault } from "./charge.fixture.ts"
import {
  ask as askPayments,
  bookDifferences,
  charge,
  chargeRequest,
  eventually,
  factKinds,
  okOf,
  saveCard,
  startParts,
  startTestPayments,
  type Parts,
  type TestPayments,
} from "./payments.fixture.ts"

const HOUR_MS = 3_600_000
const LONG_MS = 60_000

/** Performs steps until the fault has happened and nothing is under way. */
const runSteps = (driven: DrivenCharge, faults: Readonly<Record<string, Fault>> = {}): void => {
  for (let turn = 0; turn < 50 && driven.steps.length > 0; turn++) {
    driven.perform(0, faults[driven.steps[0]!.kind] ?? "none")
  }
}

/** Asked, and the confirmation had this fault. */
const confirmedWith = (fault: Fault, card = "pm_ok", present = false): DrivenCharge => {
  const driven = new DrivenCharge()
  driven.command(ask(1, card, { present }))
  runSteps(driven, { confirm: fault })
  return driven
}

/** A day on which the processor answers nothing. */
const untilReview = (driven: DrivenCharge): DrivenCharge => {
  for (let turn = 0; statusOf(driven) !== "review"; turn++) {
    assert.isBelow(turn, 1_000)
    while (driven.steps.length > 0) driven.perform(0, driven.steps[0]!.kind === "slot" ? "none" : "lost_before")
    if (driven.state.work !== null) driven.advance(driven.state.work.at - driven.now)
  }
  return driven
}

const kinds = ({ facts }: DrivenCharge): ReadonlyArray<string> => facts.map(({ kind }) => kind)

describe("a charge that is looked up by hand", () => {
  it("R10.2 unknown, and it was charged: succeeded at once, told once", () => {
    const driven = confirmedWith("lost_after")
    assert.nestedPropertyVal(driven.lookUp(), "ok.status", "succeeded")
    settle(driven)
    assert.deepEqual(kinds(driven), ["charge_unknown", "charge_succeeded"])
    assert.equal(driven.processor.takenFor(OBLIGATION).length, 1)
  })

  it("R10.2 unknown, and nothing is decided there: it stays so, and its own looks come when they would have", () => {
    const driven = confirmedWith("hang")
    const before = driven.state
    assert.nestedPropertyVal(driven.lookUp(), "ok.status", "unknown")
    assert.deepEqual(driven.state, before)
    driven.zombies.shift()!.end()
    settle(driven)
    assert.equal(statusOf(driven), "succeeded")
  })

  it("R10.2 unknown without an intent: none there changes nothing, the creation is repeated by itself", () => {
    const driven = new DrivenCharge()
    driven.command(ask(1, "pm_ok"))
    runSteps(driven, { create: "lost_before" })
    const before = driven.state
    assert.nestedPropertyVal(driven.lookUp(), "ok.status", "unknown")
    assert.deepEqual(driven.state, before)
    settle(driven)
    assert.equal(statusOf(driven), "succeeded")
  })

  it.each([
    ["lost_after", "pm_ok", "succeeded"],
    ["lost_after", "pm_poor", "declined"],
    ["lost_after", "pm_authenticate", "action_required"],
    ["lost_before", "pm_ok", "not_executed"],
  ] as const)("R10.2 in review, %s with %s: %s, as the processor shows", (fault, card, status) => {
    const driven = untilReview(confirmedWith(fault, card))
    assert.nestedPropertyVal(driven.lookUp(), "ok.status", status)
    settle(driven)
    assert.equal(statusOf(driven), status)
    assert.deepEqual(kinds(driven), ["charge_unknown", `charge_${status}`])
  })

  it("R10.2 in review and never created: not executed, and the next attempt creates it under a new key", () => {
    const driven = new DrivenCharge()
    driven.command(ask(1, "pm_ok"))
    runSteps(driven, { create: "lost_before" })
    untilReview(driven)
    assert.nestedPropertyVal(driven.lookUp(), "ok.status", "not_executed")
    driven.command(ask(2, "pm_ok"))
    settle(driven)
    assert.equal(statusOf(driven), "succeeded")
    assert.deepEqual(driven.processor.takenFor(OBLIGATION).length, 1)
  })

  it("R10.2 in review and created alone: nothing was confirmed, and nothing is confirmed a day late", () => {
    const driven = new DrivenCharge()
    driven.command(ask(1, "pm_ok"))
    runSteps(driven, { create: "lost_after" })
    untilReview(driven)
    assert.nestedPropertyVal(driven.lookUp(), "ok.status", "not_executed")
    settle(driven)
    assert.deepEqual(driven.processor.takenFor(OBLIGATION), [])
    driven.command(ask(2, "pm_ok"))
    settle(driven)
    assert.equal(driven.processor.intents.length, 1)
    assert.equal(statusOf(driven), "succeeded")
  })

  it("what is known stays as it is; a success that came after all is believed", () => {
    const poor = confirmedWith("none", "pm_poor")
    assert.nestedPropertyVal(poor.lookUp(), "ok.status", "declined")
    const paid = confirmedWith("none")
    const before = paid.state
    assert.nestedPropertyVal(paid.lookUp(), "ok.status", "succeeded")
    assert.deepEqual(paid.state, before)
    const waiting = confirmedWith("none", "pm_authenticate")
    assert.nestedPropertyVal(waiting.lookUp(), "ok.status", "action_required")
    waiting.isLateAllowed = true
    waiting.processor.authenticate("pi_1", true)
    assert.nestedPropertyVal(waiting.lookUp(), "ok.status", "succeeded")
  })

  it("while its own call is under way that call's answer decides", () => {
    const driven = new DrivenCharge()
    driven.command(ask(1, "pm_ok"))
    assert.nestedPropertyVal(driven.lookUp(), "ok.status", "planned")
    driven.perform(0, "none")
    assert.nestedPropertyVal(driven.lookUp(), "ok.status", "submitting")
    settle(driven)
    assert.deepEqual(kinds(driven), ["charge_succeeded"])
  })
})

describe("charge-look-up over the bus", () => {
  let parts: Parts
  let payments: TestPayments
  beforeAll(async () => {
    parts = await startParts()
    payments = await startTestPayments(parts)
    await saveCard(parts.bus, "acc_one", "tok_ok")
  })
  afterAll(async () => {
    await payments.stop()
    await parts.stop()
  })
  afterEach(() => parts.sandbox.faults.clear())

  const TAKE = { by: "ana", reason: "ticket 1" } as const
  const lookUp = (chargeId: string, more: object = {}): Promise<PaymentsReply<LookUpAnswer>> =>
    askPayments<LookUpAnswer>(parts.bus, { op: "charge-look-up", chargeId, ...more } as PaymentsRequest)
  const codeOf = (reply: PaymentsReply<unknown>): string => ("refused" in reply ? reply.refused.code : "ok")
  const shown = async (chargeId: string): Promise<ChargeView> =>
    okOf(await askPayments<ChargeView>(parts.bus, { op: "charge-show", chargeId }))

  /** The confirmation gets this fault, and whoever asks about it afterwards hears nothing. */
  const inDoubt = async (obligation: string, kind: "lose_answer" | "reset"): Promise<string> => {
    parts.sandbox.faults.set([
      { match: { method: "POST", path: "/v1/payment_intents/*/confirm" }, fault: { kind } },
      { match: { method: "GET", path: "/v1/payment_intents/**" }, fault: { kind: "reset" } },
      { match: { method: "GET", path: "/v1/events" }, fault: { kind: "reset" } },
    ])
    const { charge: view } = await charge(parts.bus, chargeRequest(obligation, { waitMs: 3_000 }))
    assert.equal(view.status, "unknown")
    return view.chargeId
  }

  it("R10.2 tells what the processor shows, takes it over only when asked to, and says who did", async () => {
    const chargeId = await inDoubt("renewal:sub_1:1", "lose_answer")
    assert.equal(codeOf(await lookUp(chargeId, { take: TAKE })), "unavailable")
    assert.equal((await shown(chargeId)).status, "unknown")
    parts.sandbox.faults.clear()
    const told = okOf(await lookUp(chargeId))
    assert.deepInclude(told, { shown: "succeeded", before: "unknown" })
    assert.equal(told.charge.status, "succeeded")
    assert.equal((await shown(chargeId)).status, "unknown")
    const taken = okOf(await lookUp(chargeId, { take: TAKE }))
    assert.deepInclude(taken, { shown: "succeeded", before: "unknown" })
    assert.deepEqual(await shown(chargeId), taken.charge)
    const again = okOf(await lookUp(chargeId, { take: TAKE }))
    assert.deepInclude(again, { shown: "succeeded", before: "succeeded" })
    assert.deepEqual(await factKinds(parts.bus, "renewal:sub_1:1"), ["charge_unknown", "charge_succeeded"])
    const actions = await parts.database.kysely.selectFrom("charge_action").selectAll().execute()
    assert.deepEqual(
      actions.map(({ charge_id, what, by, reason }) => [charge_id, what, by, reason]),
      [[chargeId, "look-up succeeded", "ana", "ticket 1"]],
    )
    assert.deepEqual(await bookDifferences(parts), [])
  })

  it(
    "R10.2 what has been in review for a day is decided by one look: charged, or proven not executed",
    async () => {
      const charged = await inDoubt("renewal:sub_2:1", "lose_answer")
      const never = await inDoubt("renewal:sub_2:2", "reset")
      // A day at once, then hours: every look of a day would wait for a processor that does not answer.
      parts.clock.set(parts.clock.now() + 26 * HOUR_MS)
      for (const id of [charged, never]) {
        await eventually(async () => {
          if ((await shown(id)).status === "review") return true
          parts.clock.set(parts.clock.now() + HOUR_MS)
          return undefined
        }, `${id} is in review`)
      }
      parts.sandbox.faults.clear()
      assert.equal(okOf(await lookUp(charged, { take: TAKE })).charge.status, "succeeded")
      const { shown: word, charge: view } = okOf(await lookUp(never, { take: TAKE }))
      assert.deepEqual([word, view.status], ["requires_confirmation", "not_executed"])
      assert.deepEqual(await bookDifferences(parts), [])
    },
    LONG_MS,
  )

  it("a charge that does not exist is not found, a wish without a reason is invalid", async () => {
    assert.equal(codeOf(await lookUp("chg_0")), "not_found")
    assert.equal(codeOf(await lookUp("chg_0", { take: { by: "ana" } })), "invalid")
    assert.equal(codeOf(await lookUp("chg_0", { take: { ...TAKE, reason: "" } })), "invalid")
    assert.equal(codeOf(await lookUp("chg_0", { outcome: "succeeded" })), "invalid")
    assert.equal(codeOf(await lookUp("pi_1")), "invalid")
  })
})
