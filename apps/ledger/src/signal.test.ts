/** Goal: who must act is told once when it begins and once when it ends (decision 9, R9.4). */
import { assert, describe, it } from "vitest"
import { decodeCreditMark } from "@credits/contracts"
import { usd } from "@credits/kernel"
import { Desk, holdId } from "./account.fixture.ts"
import { HOLD_TTL_MS } from "./authorize.ts"
import type { Outcome } from "./outcome.ts"
import { levelsOf, Signals } from "./signal.ts"

const plus = (lowBelow = "5"): Desk => {
  const desk = new Desk()
  desk.entitle({ lowBelow: usd(lowBelow) })
  return desk
}

/** Runs what is asked and answers the kinds of signals that follow from it. */
const after = (desk: Desk, signals: Signals, act: () => Outcome | Desk): ReadonlyArray<string> => {
  const before = levelsOf(desk.account)
  const from = desk.entries.length
  const outcome = act()
  const notices = signals.of(
    before,
    desk.account,
    outcome instanceof Desk ? null : outcome,
    desk.entries.slice(from),
    desk.now,
  )
  return notices.map((notice) => notice.kind)
}

describe("signals", () => {
  it("R9.4 low begins when the balance, holds not subtracted, falls below the threshold, and is told once", () => {
    const [desk, signals] = [plus(), new Signals()]
    assert.deepStrictEqual(
      after(desk, signals, () => desk.grant("plan", usd("20"))),
      ["low_ended"],
    )
    assert.deepStrictEqual(
      after(desk, signals, () => desk.authorize(usd("18"))),
      [],
      "a hold is not spent yet",
    )
    assert.deepStrictEqual(
      after(desk, signals, () => desk.charge(usd("15"), { holdId: holdId(1) })),
      [],
      "5.00 is not below 5.00",
    )
    assert.deepStrictEqual(
      after(desk, signals, () => desk.charge(1n)),
      ["low_began"],
    )
    assert.deepStrictEqual(
      after(desk, signals, () => desk.charge(usd("1"))),
      [],
    )
    assert.deepStrictEqual(
      after(desk, signals, () => desk.grant("topup", usd("10"))),
      ["low_ended"],
    )
  })

  it("R9.4 an account without a plan or a threshold is never low", () => {
    const [desk, signals] = [plus(), new Signals()]
    assert.deepStrictEqual(
      after(desk, signals, () => desk.lapse()),
      ["low_ended"],
    )
    assert.deepStrictEqual(
      after(desk, signals, () => desk.entitle({ lowBelow: null })),
      [],
    )
  })

  it("R6.4 debt is told when it begins and when it is paid", () => {
    const [desk, signals] = [plus("0"), new Signals()]
    assert.deepStrictEqual(
      after(desk, signals, () => desk.charge(usd("1"))),
      ["debt_began"],
    )
    assert.deepStrictEqual(
      after(desk, signals, () => desk.charge(usd("1"))),
      [],
    )
    assert.deepStrictEqual(
      after(desk, signals, () => desk.grant("topup", usd("2"))),
      ["debt_ended"],
    )
  })

  it("R11 use that brings the balance to 50, 20 and 0 % of the cycle's grant is told, each mark as passed", () => {
    const [desk, signals] = [new Desk(), new Signals()]
    const cycle = { start: 0, end: 1_000_000 }
    desk.entitle({ cycle })
    desk.grant("plan", usd("20"), { expiresAt: cycle.end })
    const charge = (amount: string) => after(desk, signals, () => desk.charge(usd(amount)))
    assert.deepStrictEqual(charge("9.99"), [])
    assert.deepStrictEqual(charge("0.01"), ["credit_at_50"])
    assert.deepStrictEqual(charge("5.999999999"), [])
    assert.deepStrictEqual(charge("0.000000001"), ["credit_at_20"])
    assert.deepStrictEqual(charge("3.999999999"), [])
    assert.deepStrictEqual(charge("0.5"), ["debt_began", "credit_at_0"])
    const [again, all] = [new Desk(), new Signals()]
    again.entitle({ cycle })
    again.grant("plan", usd("20"), { expiresAt: cycle.end })
    const told = after(again, all, () => again.charge(usd("20")))
    assert.deepStrictEqual(told, ["credit_at_50", "credit_at_20", "credit_at_0"], "one charge may pass several")
  })

  it("R11 a mark names its cycle and what that was given", () => {
    const [desk, signals] = [new Desk(), new Signals()]
    desk.grant("topup", usd("5"))
    desk.entitle({ cycle: { start: 7, end: 1_000_000 } })
    desk.grant("plan", usd("20"), { expiresAt: 1_000_000 })
    const before = levelsOf(desk.account)
    const from = desk.entries.length
    const outcome = desk.charge(usd("15"))
    const [mark] = signals.of(before, desk.account, outcome, desk.entries.slice(from), desk.now)
    assert.strictEqual(mark?.kind, "credit_at_50")
    assert.deepStrictEqual(decodeCreditMark(mark!.text), { cycleStart: 7, granted: usd("20") })
  })

  it("R11 credit that expires is not used, and without a cycle there is no mark", () => {
    const [desk, signals] = [new Desk(), new Signals()]
    desk.entitle({ cycle: { start: 0, end: 100 } })
    desk.grant("plan", usd("20"), { expiresAt: 100 })
    const before = levelsOf(desk.account)
    const from = desk.entries.length
    desk.at(100)
    const kinds = signals.of(before, desk.account, null, desk.entries.slice(from), desk.now).map(({ kind }) => kind)
    assert.deepStrictEqual(kinds, ["lot_expired"])
    const [free, none] = [plus("0"), new Signals()]
    free.grant("topup", usd("20"))
    assert.deepStrictEqual(
      after(free, none, () => free.charge(usd("20"))),
      [],
    )
  })

  it("R6.2 a refusal for want of credit is told at most once a minute", () => {
    const [desk, signals] = [plus("0"), new Signals()]
    const refused = () => after(desk, signals, () => desk.authorize(usd("1")))
    const told = [0, 1, 59_999, 60_000, 60_001, 119_999, 120_000].map((now) => {
      desk.at(now)
      return refused().length
    })
    assert.deepStrictEqual(told, [1, 0, 0, 1, 0, 0, 1])
  })

  it("R9.4 after new credit the next refusal is told at once: it may want another top-up", () => {
    const [desk, signals] = [plus("0"), new Signals()]
    const refused = () => after(desk, signals, () => desk.authorize(usd("30")))
    assert.deepStrictEqual([refused(), refused()], [["credit_refused"], []])
    after(desk, signals, () => desk.grant("topup", usd("10")))
    assert.deepStrictEqual([refused(), refused()], [["credit_refused"], []])
  })

  it("R6.2 R2.3 a call that is told to come back asks for no credit: some is on its way", () => {
    const [desk, signals] = [plus("0"), new Signals()]
    const refused = () => after(desk, signals, () => desk.authorize(usd("1")))
    desk.mark("renewal", 1_000)
    assert.deepStrictEqual(refused(), [])
    desk.mark("refill", 2_000)
    desk.at(1_000)
    assert.deepStrictEqual(refused(), [])
    desk.at(2_000)
    assert.deepStrictEqual(refused(), ["credit_refused"])
  })

  it("R6.2 other refusals are nobody's call to act", () => {
    const [desk, signals] = [plus("0"), new Signals()]
    desk.freeze("looked at")
    assert.deepStrictEqual(
      after(desk, signals, () => desk.authorize(usd("1"))),
      [],
    )
    assert.deepStrictEqual(
      after(desk, signals, () => desk.extend(holdId(7), 1n)),
      [],
    )
  })

  it("R1.4 R6.3 lots and holds that expire are told at their own instant", () => {
    const [desk, signals] = [plus("0"), new Signals()]
    desk.grant("plan", usd("3"), { expiresAt: HOLD_TTL_MS + 5 })
    desk.authorize(usd("1"))
    const before = levelsOf(desk.account)
    const from = desk.entries.length
    desk.at(HOLD_TTL_MS + 99)
    const notices = signals.of(before, desk.account, null, desk.entries.slice(from), desk.now)
    assert.deepStrictEqual(
      notices.map((notice) => [notice.kind, notice.at]),
      [
        ["hold_expired", HOLD_TTL_MS],
        ["lot_expired", HOLD_TTL_MS + 5],
      ],
    )
  })
})
