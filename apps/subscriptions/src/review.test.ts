/** Goal: a billing case is opened once a charge, with its evidence, and answered once (R5.2). */
import type { ChargeView } from "@credits/contracts"
import { assert, describe, it } from "vitest"
import { buy, refusedWith, told } from "./life.fixture.ts"
import { evidenceOf, OPEN_CASES_MAX } from "./review.ts"
import { ACCOUNT, World } from "./world.fixture.ts"

const open = (world: World, chargeId: string) =>
  world.request({ op: "review-open", id: `r${chargeId}`, account: ACCOUNT, chargeId, reason: "charged twice" })
const answer = (world: World, reviewId: string) =>
  world.request({ op: "review-answer", id: "a", reviewId, answer: "Given back.", by: "support" })

const charge = (chargeId: string, change: Partial<ChargeView> = {}): ChargeView => ({
  chargeId,
  account: ACCOUNT,
  obligation: `renewal:sub_1:${chargeId}`,
  kind: "renewal",
  attempt: 1,
  amountCents: 2000,
  description: "Renewal",
  status: "succeeded",
  decline: null,
  clientSecret: null,
  expiresAt: null,
  method: null,
  refunded: false,
  disputed: false,
  at: 0,
  decidedAt: 0,
  processorId: null,
  ...change,
})

describe("a billing case", () => {
  it("R5.2 is opened once for a charge, kept with its evidence, and answered by support", () => {
    const world = new World()
    buy(world, "plus")
    const opened = open(world, "chg_1") as { ok: { reviewId: string } }
    refusedWith(open(world, "chg_1"), "review_exists")
    assert.deepStrictEqual(
      world.rows.map((row) => row.status),
      ["open", "open"],
    )
    assert.property(answer(world, opened.ok.reviewId), "ok")
    assert.deepInclude(world.rows.at(-1), { status: "answered", answer: "Given back.", chargeId: "chg_1" })
    refusedWith(answer(world, opened.ok.reviewId), "review_not_found")
    assert.deepStrictEqual(told(world), ["started", "review_opened", "review_answered"])
    assert.property(open(world, "chg_1"), "ok")
  })

  it("R5.2 a dispute opens one by itself, once however often it is told", () => {
    const world = new World()
    buy(world, "plus")
    const disputed = { ...world.payments.last(), disputed: true }
    for (let i = 0; i < 2; i++) world.decide({ type: "notice", notice: { type: "disputed", charge: disputed } })
    world.settle()
    assert.deepStrictEqual(told(world), ["started", "review_opened"])
  })

  it("R5.2 an account has a bounded number of open cases", () => {
    const world = new World()
    for (let i = 0; i < OPEN_CASES_MAX; i++) assert.property(open(world, `chg_${i}`), "ok")
    refusedWith(open(world, "chg_more"), "review_exists")
  })

  it("R5.2 a dispute opens its case however many the customer has open", () => {
    const world = new World()
    buy(world, "plus")
    for (let i = 0; i < OPEN_CASES_MAX; i++) open(world, `chg_x${i}`)
    const disputed = { ...world.payments.last(), disputed: true }
    world.decide({ type: "notice", notice: { type: "disputed", charge: disputed } })
    assert.strictEqual(world.rows.at(-1)?.chargeId, disputed.chargeId)
  })

  it("R5.2 the evidence: charges that took money for the same obligation, or as much within ten minutes", () => {
    const minute = 60_000
    const charges = [
      charge("chg_a", { obligation: "o1" }),
      charge("chg_b", { obligation: "o1", at: 60 * minute }),
      charge("chg_c", { at: 10 * minute }),
      charge("chg_d", { at: 10 * minute + 1 }),
      charge("chg_e", { at: minute, amountCents: 2001 }),
      charge("chg_f", { at: minute, status: "declined" }),
    ]
    assert.deepStrictEqual(evidenceOf("chg_a", charges), {
      sameObligation: ["chg_b"],
      sameAmountWithin10Minutes: ["chg_c"],
    })
    assert.deepStrictEqual(evidenceOf("chg_unknown", charges), { sameObligation: [], sameAmountWithin10Minutes: [] })
  })
})
