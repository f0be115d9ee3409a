/** R10.4: each kind of difference between the processor's book and ours is found, and what agrees is not. */
import type { ChargeView } from "@credits/contracts"
import { assert, describe, it } from "vitest"
import { compareCharge, duplicateOf, missingThere, type ProcessorCharge } from "./reconciliation.ts"

const NOW = Date.UTC(2027, 0, 2)
const THEN = NOW - 3_600_000

const there = (change: Partial<ProcessorCharge> = {}): ProcessorCharge => ({
  id: "ch_1",
  intent: "pi_1",
  amountCents: 2_000,
  refundedCents: 0,
  disputed: false,
  at: THEN,
  chargeId: "chg_1",
  obligation: "renewal:sub_1:2",
  account: "acc_one",
  ...change,
})

const here = (change: Partial<ChargeView> = {}): ChargeView => ({
  chargeId: "chg_1",
  account: "acc_one",
  obligation: "renewal:sub_1:2",
  kind: "renewal",
  attempt: 1,
  amountCents: 2_000,
  description: "",
  status: "succeeded",
  decline: null,
  clientSecret: null,
  expiresAt: null,
  method: null,
  refunded: false,
  disputed: false,
  at: THEN,
  decidedAt: THEN,
  processorId: "pi_1",
  ...change,
})

const kindsOf = (one: ProcessorCharge, other: ChargeView | null) =>
  compareCharge(one, other, NOW).map(({ finding }) => finding.kind)

describe("reconciliation", () => {
  it("R10.4 what agrees is no finding", () => {
    assert.deepEqual(kindsOf(there(), here()), [])
    assert.deepEqual(kindsOf(there({ refundedCents: 2_000 }), here({ refunded: true })), [])
  })

  it("R10.4 money taken that no charge of ours knows is missing here", () => {
    assert.deepEqual(kindsOf(there(), null), ["missing_here"])
  })

  it("R10.4 a success of ours that the processor does not show is missing there", () => {
    assert.equal(missingThere(here(), "canceled", NOW).finding.kind, "missing_there")
  })

  it("R10.4 other amounts and states are named", () => {
    assert.deepEqual(kindsOf(there({ amountCents: 7_000 }), here()), ["amount_mismatch"])
    assert.deepEqual(kindsOf(there({ refundedCents: 500 }), here()), ["amount_mismatch"])
    for (const status of ["declined", "not_executed", "canceled", "review", "action_required"] as const) {
      assert.deepEqual(kindsOf(there(), here({ status })), ["status_mismatch"], status)
    }
    assert.deepEqual(kindsOf(there({ refundedCents: 2_000 }), here()), ["status_mismatch"])
    assert.deepEqual(kindsOf(there(), here({ refunded: true })), ["status_mismatch"])
  })

  it("R10.4 what is still being decided, or only just was, is not compared yet", () => {
    for (const status of ["planned", "submitting", "unknown"] as const) {
      assert.deepEqual(kindsOf(there(), here({ status })), [])
    }
    assert.deepEqual(kindsOf(there({ at: NOW - 60_000 }), here({ status: "declined" })), [])
  })

  it("R10.4 an obligation paid by another intent than ours is a duplicate, and the other one is too much", () => {
    const extra = there({ id: "ch_2", intent: "pi_2", at: THEN - 60_000 })
    assert.deepEqual(kindsOf(extra, here()), ["duplicate"])
    for (const [one, other] of [[there(), extra] as const, [extra, there()] as const]) {
      const { finding } = duplicateOf(one, other, here(), NOW)
      assert.deepInclude(finding, { kind: "duplicate", processorId: "pi_2", chargeId: "chg_1" })
    }
    assert.equal(duplicateOf(there(), extra, null, NOW).finding.processorId, "pi_1")
  })

  it("R10.4 a disputed charge is found beside everything else", () => {
    assert.deepEqual(kindsOf(there({ disputed: true }), here()), ["disputed"])
    assert.deepEqual(kindsOf(there({ disputed: true, amountCents: 1 }), here()), ["disputed", "amount_mismatch"])
  })
})
