/**
 * Goal: a statement is every entry of its own account, newest first, with the balance after each, and nobody else's.
 */
import * as fc from "fast-check"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import type { History, StoredEntry } from "@credits/actor"
import type { StatementAnswer, StatementItem, WalletAnswer } from "@credits/contracts"
import { formatUsd, usd } from "@credits/kernel"
import { ACCOUNT, Desk, holdId, lotId } from "./account.fixture.ts"
import { encodeBody } from "./entry.ts"
import { startTestLedger, type TestLedger } from "./ledger.fixture.ts"
import { lives } from "./lives.fixture.ts"
import { Lockstep } from "./lockstep.fixture.ts"
import { statementOf } from "./statement.ts"

const HOUR = 3_600_000

/** An account's entries as the database would give them back; addresses leave gaps, as those of several accounts do. */
const historyOf = (desk: Desk): History => {
  const address = (n: number) => n * 7
  const stored = desk.entries.map((entry, i): StoredEntry => ({
    id: address(i + 1),
    partition: 0,
    seq: address(i + 1),
    account: ACCOUNT,
    n: i + 1,
    prev: address(i),
    at: entry.at,
    recordedAt: entry.at,
    kind: entry.kind,
    body: JSON.parse(encodeBody(entry)) as StoredEntry["body"],
  }))
  return {
    head: address(stored.length),
    entry: (id) => Promise.resolve(stored.find((candidate) => candidate.id === id)),
    recorded: () => Promise.resolve(undefined),
  }
}

const query = { op: "statement", account: ACCOUNT, key: "", content: "", id: "", cursor: "", kind: "" } as const
const page = (desk: Desk, more: { limit: number; cursor?: string; from?: number; to?: number; kind?: string }) =>
  statementOf({ ...query, from: 0, to: 9e15, ...more }, desk.account.available, historyOf(desk))

const allPages = async (desk: Desk, limit: number, kind = ""): Promise<ReadonlyArray<StatementItem>> => {
  const items: Array<StatementItem> = []
  let cursor: string | null = ""
  while (cursor !== null) {
    const answer: StatementAnswer = await page(desk, { limit, cursor, kind })
    items.push(...answer.items)
    cursor = answer.nextCursor
  }
  return items
}

describe("a statement", () => {
  it("R1.6 tells a day in words and figures, newest first", async () => {
    const desk = new Desk()
    desk.entitle()
    desk.grant("plan", usd("20"), { expiresAt: HOUR })
    desk.authorize(usd("5"))
    desk.charge(usd("1.25"), { id: "evt-1", holdId: holdId(1) })
    desk.reverse("evt-1", usd("0.25"))
    desk.adjust(-usd("1"))
    desk.at(HOUR)
    const { items } = await page(desk, { limit: 50 })
    const lines = items.map((item) => [
      item.description,
      formatUsd(BigInt(item.amount)),
      formatUsd(BigInt(item.availableAfter)),
    ])
    assert.deepStrictEqual(lines, [
      ["Credit expired", "-18.00", "0.00"],
      ["Adjustment by support: support", "-1.00", "18.00"],
      ["Charge reversed: correction", "0.25", "19.00"],
      ["Used gpt", "-1.25", "18.75"],
      ["Held 5.00 USD for a call", "0.00", "15.00"],
      ["plan credit granted", "20.00", "20.00"],
      ["Plan plus in force", "0.00", "0.00"],
    ])
    assert.deepStrictEqual(items[3]?.lots, [{ id: lotId(1), amount: (-usd("1.25")).toString() }])
    assert.strictEqual(items[3]?.usage?.model, "gpt")
  })

  it("R6.2 R2.3 says when a top-up or a renewal began to be decided and when that was over", async () => {
    const desk = new Desk()
    desk.entitle()
    for (const mark of ["refill", "renewal"] as const) {
      desk.mark(mark, HOUR)
      desk.mark(mark, 0)
    }
    const { items } = await page(desk, { limit: 4 })
    assert.deepStrictEqual(
      items.map((item) => item.description),
      ["Renewal decided", "Renewal in progress", "Top-up decided", "Top-up in progress"],
    )
  })

  it("R1.6 the balance after each line is the one there was, and any page size gives the same lines", async () => {
    const property = fc.asyncProperty(lives(40), fc.integer({ min: 1, max: 9 }), async (steps, limit) => {
      const lockstep = new Lockstep()
      for (const step of steps) lockstep.take(step)
      const { desk } = lockstep
      const whole = await allPages(desk, 500)
      assert.deepStrictEqual(await allPages(desk, limit), whole)
      let available = 0n
      for (const [i, entry] of desk.entries.entries()) {
        available += entry.available
        const line = whole[desk.entries.length - 1 - i]
        assert.deepStrictEqual([line?.seq, line?.availableAfter], [i + 1, available.toString()])
      }
      const charges = await allPages(desk, limit, "charged")
      assert.deepStrictEqual(
        charges,
        whole.filter((item) => item.kind === "charged"),
      )
    })
    await fc.assert(property, { numRuns: 60 })
  })

  it("ends at the time asked for: from is inside, to is outside", async () => {
    const desk = new Desk()
    desk.entitle()
    for (const now of [1_000, 2_000, 3_000]) desk.at(now).grant("topup", 5n)
    const { items, nextCursor } = await page(desk, { limit: 50, from: 1_000, to: 3_000 })
    assert.deepStrictEqual(
      items.map((item) => item.at),
      [2_000, 1_000],
    )
    assert.isNull(nextCursor)
  })

  it("a cursor that is none begins at the newest entry", async () => {
    const desk = new Desk()
    desk.entitle()
    desk.grant("topup", 5n)
    const newest = await page(desk, { limit: 1 })
    for (const cursor of ["x", "7", "7.x", "-7.1", "999.5", "3.5"]) {
      assert.deepStrictEqual(await page(desk, { limit: 1, cursor }), newest, cursor)
    }
  })
})

describe("statements of the running ledger", () => {
  let ledger: TestLedger
  beforeAll(async () => {
    ledger = await startTestLedger()
    await ledger.ready()
  }, 60_000)
  afterAll(() => ledger.stop())

  const adjusted = async (account: string, amount: string): Promise<void> => {
    await ledger.request({ op: "entitle", id: "e1", account, plan: "plus", hostedModels: true })
    await ledger.request({
      op: "adjust",
      id: "a1",
      account,
      amount: usd(amount).toString(),
      reason: `only for ${account}`,
    })
  }
  const read = async (account: string, more: Readonly<Record<string, unknown>>): Promise<StatementAnswer> => {
    const reply = (await ledger.request({ op: "statement", account, ...more })) as { readonly ok: StatementAnswer }
    return reply.ok
  }

  it("a cursor of another account's statement shows nothing of it", async () => {
    // Both in one partition, so that one owner holds both.
    await adjusted("acc_st0", "1")
    await adjusted("acc_st39", "2")
    const own = await read("acc_st0", { limit: 1 })
    const theirs = await read("acc_st39", { limit: 1 })
    const answer = await read("acc_st0", { limit: 1, cursor: theirs.nextCursor })
    assert.deepStrictEqual(answer, own)
    const wallet = (await ledger.request({ op: "wallet", account: "acc_st0" })) as { readonly ok: WalletAnswer }
    assert.strictEqual(wallet.ok.available, usd("1").toString(), "the ledger goes on")
  })
})
