/** Goal: credit follows money (R4.3): what an upgrade gives back as money comes back as credit, no more and no less. */
import { assert, describe, it } from "vitest"
import { usd, type Nano } from "@credits/kernel"
import { ACCOUNT, codeOf, Desk, fieldOf, holdId, lotId } from "./account.fixture.ts"
import type { WriteCommand } from "./command.ts"
import { decide } from "./decide.ts"
import type { Outcome } from "./outcome.ts"
import { encodeSnapshot } from "./snapshot.ts"

const DAY = 86_400_000
const CYCLE = 30 * DAY
const inUsd = (...texts: ReadonlyArray<string>) => texts.map(usd)

/** A plan at the start of its cycle; the lot's cause is what its first cycle was granted for. */
const plan = (credit: string): Desk => {
  const desk = new Desk()
  desk.entitle()
  desk.grant("plan", usd(credit), { expiresAt: CYCLE, cause: "cycle:1" })
  return desk
}

/** What is to come back at `t` of a cycle that began at 0, rounded down to the nano (R4.3). */
const backOf = (cycleCredit: string, t: number): Nano => (usd(cycleCredit) * BigInt(CYCLE - t)) / BigInt(CYCLE)

interface Wanted {
  readonly back: Nano
  readonly credit: string
  readonly from?: string
  readonly expiresAt?: number
  readonly fromExpiresAt?: number
}

const exchangeCommand = (desk: Desk, wanted: Wanted): WriteCommand => {
  const { back, credit, from = "cycle:1", expiresAt, fromExpiresAt = null } = wanted
  const amount = usd(credit)
  const grant = { kind: "plan" as const, amount, expiresAt: expiresAt ?? desk.now + CYCLE, cause: "upgrade:qt_1" }
  const common = { account: ACCOUNT, key: "exchange:x", content: "", id: "x", reason: "" }
  return { ...common, op: "exchange", from, back, fromExpiresAt, grant }
}
const ask = (desk: Desk, command: WriteCommand): Outcome =>
  desk.run((context, entries) => decide(desk.account, command, context, entries, null))
const exchange = (desk: Desk, wanted: Wanted): Outcome => ask(desk, exchangeCommand(desk, wanted))

const said = (outcome: Outcome): ReadonlyArray<unknown> =>
  ["revoked", "granted", "lotId", "availableAfter"].map((field) => fieldOf(outcome, field))
const nanos = (...texts: ReadonlyArray<string>) => inUsd(...texts).map(String)

describe("an upgrade at the first instant", () => {
  it("R4.3 an unspent Plus upgraded to Pro at the same instant ends with exactly 120.00", () => {
    const desk = plan("20")
    const outcome = exchange(desk, { back: backOf("20", 0), credit: "120" })
    const [revoked, granted, available] = nanos("20", "120", "120")
    assert.deepStrictEqual(said(outcome), [revoked, granted, lotId(2), available])
    assert.deepStrictEqual([desk.left(1), desk.left(2)], inUsd("0", "120"))
  })

  it("R4.3 ten minutes later the share already earned is there too: 120.00462963", () => {
    const desk = plan("20").at(10 * 60_000)
    exchange(desk, { back: backOf("20", desk.now), credit: "120" })
    assert.strictEqual(desk.account.available, usd("120") + 4_629_630n)
  })
})

describe("an upgrade in the middle of a cycle", () => {
  it("R4.3 half the cycle gone and all 20.00 spent: 10.00 are missing, the new grant is 110.00", () => {
    const desk = plan("20")
    desk.charge(usd("20"))
    desk.at(CYCLE / 2)
    const outcome = exchange(desk, { back: backOf("20", desk.now), credit: "120" })
    const [granted, available] = nanos("110", "110")
    assert.deepStrictEqual(said(outcome), ["0", granted, lotId(2), available])
    assert.strictEqual(desk.account.revoked, 0n)
  })

  it("R4.3 Plus to Plus yearly with 4.00 of 20.00 spent: 10.00 taken, 6.00 stay to their expiry, 20.00 granted", () => {
    const desk = plan("20")
    desk.charge(usd("4"))
    desk.at(CYCLE / 2)
    const outcome = exchange(desk, { back: backOf("20", desk.now), credit: "20" })
    const [revoked, granted, available] = nanos("10", "20", "26")
    assert.deepStrictEqual(said(outcome), [revoked, granted, lotId(2), available])
    assert.deepStrictEqual([desk.left(1), desk.left(2)], inUsd("6", "20"))
    desk.at(CYCLE)
    assert.deepStrictEqual([desk.account.expired, desk.account.available], inUsd("6", "20"))
  })

  it("R4.3 what a call under way is promised is not taken: it makes the new grant smaller instead", () => {
    const desk = plan("20")
    desk.authorize(usd("15"), null, 60 * 60_000)
    const outcome = exchange(desk, { back: usd("10"), credit: "120" })
    const [revoked, granted, available] = nanos("5", "115", "115")
    assert.deepStrictEqual(said(outcome), [revoked, granted, lotId(2), available])
    desk.charge(usd("15"), { holdId: holdId(1) })
    assert.deepStrictEqual([desk.account.available, desk.account.debt], inUsd("115", "0"))
  })

  it("R4.3 holds count against the lot that burns first, wherever the new lot will stand", () => {
    const desk = plan("20")
    desk.authorize(usd("15"), null, 60 * 60_000)
    const outcome = exchange(desk, { back: usd("10"), credit: "120", expiresAt: CYCLE - DAY })
    assert.strictEqual(fieldOf(outcome, "revoked"), usd("5").toString())
    assert.deepStrictEqual([desk.left(2), desk.left(1)], inUsd("115", "15"))
  })

  it("R4.3 other credit is not touched", () => {
    const desk = plan("20")
    desk.grant("topup", usd("10"))
    desk.charge(usd("20"))
    exchange(desk, { back: usd("10"), credit: "120" })
    assert.deepStrictEqual([desk.left(1), desk.left(2), desk.left(3)], inUsd("0", "10", "110"))
  })
})

describe("a lot that is not there", () => {
  it("R4.3 no lot of that cause: all of it is missing", () => {
    const desk = plan("20")
    const outcome = exchange(desk, { back: usd("10"), credit: "120", from: "cycle:9" })
    const [granted, available] = nanos("110", "130")
    assert.deepStrictEqual(said(outcome), ["0", granted, lotId(2), available])
  })

  it("R4.3 an expired lot, also one that a call still keeps a part of: all of it is missing", () => {
    const desk = plan("20")
    desk.at(CYCLE - 60_000)
    desk.authorize(usd("15"), null, 60 * 60_000)
    desk.at(CYCLE)
    assert.strictEqual(desk.left(1), usd("15"))
    const outcome = exchange(desk, { back: usd("10"), credit: "120" })
    const [granted, available] = nanos("110", "110")
    assert.deepStrictEqual(said(outcome), ["0", granted, lotId(2), available])
    assert.strictEqual(desk.left(1), usd("15"))
  })

  it("R4.3 the grant never falls below 0, and a grant of 0 opens no lot", () => {
    for (const back of ["120", "500"]) {
      const desk = plan("20")
      desk.charge(usd("20"))
      const entries = desk.entries.length
      assert.deepStrictEqual(said(exchange(desk, { back: usd(back), credit: "120" })), ["0", "0", null, "0"])
      assert.deepStrictEqual([desk.account.lots.length, desk.entries.length], [1, entries])
    }
  })

  it("R4.3 with nothing left to grant the old lot is taken from all the same", () => {
    const desk = plan("20")
    const outcome = exchange(desk, { back: usd("200"), credit: "120" })
    assert.deepStrictEqual(said(outcome), [usd("20").toString(), "0", null, "0"])
  })

  it("R4.3 with nothing to come back it is a grant", () => {
    const desk = plan("20")
    const [granted, available] = nanos("120", "140")
    assert.deepStrictEqual(said(exchange(desk, { back: 0n, credit: "120" })), ["0", granted, lotId(2), available])
    assert.strictEqual(desk.last().kind, "granted")
  })

  it("R4.3 counting on a lot that has expired meanwhile it is refused: what expired must not be missing too", () => {
    const desk = plan("20").at(CYCLE - 1)
    const wanted = { back: usd("10"), credit: "120", fromExpiresAt: CYCLE }
    assert.strictEqual(fieldOf(exchange(desk, wanted), "granted"), usd("120").toString())
    const late = plan("20").at(CYCLE)
    const { entries } = late
    const outcome = exchange(late, wanted)
    assert.isTrue(outcome._tag === "refused" && outcome.refusal.field === "fromExpiresAt")
    assert.notInclude(
      entries.map(({ kind }) => kind),
      "revoked",
    )
    const { fromExpiresAt: _, ...uncounted } = wanted
    assert.strictEqual(fieldOf(exchange(late, uncounted), "granted"), usd("110").toString())
  })

  it("R4.3 a lot that would already have expired is refused, whatever it would be reduced to", () => {
    const desk = plan("20").at(DAY)
    const wanted = { back: usd("500"), credit: "120", expiresAt: DAY }
    const outcome = exchange(desk, wanted)
    assert.isTrue(outcome._tag === "refused" && outcome.refusal.field === "grant.expiresAt")
  })
})

describe("the books of an exchange", () => {
  it("R4.3 grant first, then revocation: no entry leaves less available than there was", () => {
    const desk = plan("20")
    const before = desk.entries.length
    exchange(desk, { back: usd("20"), credit: "120" })
    let balance = usd("20")
    for (const entry of desk.entries.slice(before)) {
      balance += entry.available
      assert.isTrue(balance >= usd("20"))
    }
    assert.deepStrictEqual(
      desk.entries.slice(before).map((entry) => [entry.kind, entry.cause]),
      [
        ["granted", "x"],
        ["revoked", "x"],
      ],
    )
    assert.strictEqual(desk.account.lots.at(-1)?.cause, "upgrade:qt_1")
  })

  it("R6.4 what is owed is paid first by the grant; `granted` says what was granted before that", () => {
    const desk = plan("20")
    desk.charge(usd("23"))
    const outcome = exchange(desk, { back: usd("10"), credit: "120" })
    const [granted, available] = nanos("110", "107")
    assert.deepStrictEqual(said(outcome), ["0", granted, lotId(2), available])
    assert.strictEqual(desk.account.debt, 0n)
  })

  it("R6.4 what is owed beside a call under way is not paid from that call's credit", () => {
    const desk = plan("20")
    desk.authorize(usd("20"), null, 60 * 60_000)
    desk.charge(usd("3"))
    exchange(desk, { back: usd("10"), credit: "120" })
    assert.deepStrictEqual([desk.account.debt, desk.account.held, desk.account.available], inUsd("0", "20", "107"))
  })

  it("R1.5 on an account without a plan it works on frozen credit", () => {
    const desk = plan("20")
    desk.lapse()
    exchange(desk, { back: usd("5"), credit: "120" })
    assert.deepStrictEqual([desk.account.frozen, desk.account.available, desk.account.revoked], inUsd("135", "0", "5"))
  })

  it("R4.3 in a group it is all or nothing with the rest, and answers in its place", () => {
    const desk = plan("20")
    const common = { account: ACCOUNT, key: "k", content: "", id: "g" }
    const revoke: WriteCommand = { ...common, op: "revoke", lotId: "lot_gone", amount: 1n, reason: "" }
    const mark: WriteCommand = { ...common, op: "mark", mark: "renewal", until: 0 }
    const group = (...commands: ReadonlyArray<WriteCommand>): Outcome => ask(desk, { ...common, op: "group", commands })
    const before = encodeSnapshot(desk.account)
    const command = exchangeCommand(desk, { back: usd("20"), credit: "120" })
    assert.strictEqual(codeOf(group(command, revoke)), "lot_not_found")
    assert.strictEqual(encodeSnapshot(desk.account), before)
    const [, answer] = fieldOf(group(mark, command), "answers") as ReadonlyArray<unknown>
    const [revoked, granted, availableAfter] = nanos("20", "120", "120")
    // The refused group drew lot ids too.
    assert.deepStrictEqual(answer, { revoked, granted, lotId: lotId(3), availableAfter })
  })

  it("R4.3 no sequence of upgrades at any instants gives credit beyond what the elapsed time earns", () => {
    const desk = plan("20")
    let earned = 0n
    for (const [step, [credit, before, hours]] of (
      [
        ["120", "20", 7],
        ["300", "120", 1],
        ["300", "300", 300],
      ] as const
    ).entries()) {
      const start = step === 0 ? 0 : desk.now
      desk.at(start + hours * 3_600_000)
      const back = (usd(before) * BigInt(CYCLE - (desk.now - start))) / BigInt(CYCLE)
      earned += usd(before) - back
      const from = step === 0 ? "cycle:1" : `upgrade:${step - 1}`
      const command = exchangeCommand(desk, { back, credit, from }) as Extract<WriteCommand, { op: "exchange" }>
      ask(desk, { ...command, id: `x${step}`, grant: { ...command.grant, cause: `upgrade:${step}` } })
      assert.strictEqual(desk.account.available, usd(credit) + earned)
    }
  })
})
