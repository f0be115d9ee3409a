/**
 * Goal: the running ledger answers after commit and counts every accepted charge once. Method: a real process on a real
 * nats-server and a real database.
 */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { ask, publish, publishAtomic, walkStored } from "@credits/bus"
import { encodeCharges, STREAMS, SUBJECTS, type DeadLetter, type StatementItem } from "@credits/contracts"
import { partitionOf, usd } from "@credits/kernel"
import { startTestLedger, type TestLedger } from "./ledger.fixture.ts"

const nano = (text: string): string => usd(text).toString()
const USAGE = "openai|gpt-x|book-1|100|20|0|0|0|0|0|1|ok|req-1"

describe("the ledger service", () => {
  let ledger: TestLedger
  beforeAll(async () => {
    ledger = await startTestLedger()
    await ledger.ready()
  }, 60_000)
  afterAll(() => ledger.stop())

  it("R6.1 R6.3 authorizes, settles and shows what is left", async () => {
    const account = "acc_line"
    await ledger.request({ op: "entitle", id: "e1", account, plan: "plus", hostedModels: true })
    await ledger.request({ op: "grant", id: "g1", account, kind: "plan", amount: nano("20"), cause: "cycle-1" })
    const { ok: hold } = await ledger.request({ op: "authorize", id: "a1", account, amount: nano("5") })
    assert.strictEqual(hold.held, nano("5"))
    assert.strictEqual(hold.availableAfter, nano("15"))
    await ledger.charge(["evt1", account, Date.now(), nano("1.25"), hold.holdId, "h1", USAGE])
    const wallet = await ledger.until(
      "settled",
      () => ledger.wallet(account),
      (w) => w.held === "0",
    )
    assert.strictEqual(wallet.available, nano("18.75"))
    assert.strictEqual(wallet.totals.spent, nano("1.25"))
  })

  it("R6.6 the same request id has one answer, another body is a conflict", async () => {
    const account = "acc_once"
    await ledger.request({ op: "entitle", id: "e1", account, plan: "plus", hostedModels: true })
    await ledger.request({ op: "adjust", id: "g1", account, amount: nano("3"), reason: "test" })
    const first = await ledger.request({ op: "authorize", id: "a1", account, amount: nano("1") })
    const again = await ledger.request({ op: "authorize", id: "a1", account, amount: nano("1") })
    const other = await ledger.request({ op: "authorize", id: "a1", account, amount: nano("2") })
    assert.deepStrictEqual(again, first)
    assert.strictEqual(other.refused?.code, "id_conflict")
    assert.strictEqual((await ledger.wallet(account)).held, nano("1"))
  })

  it("the statement walks an account's entries with its running balance", async () => {
    const { ok } = await ledger.request({ op: "statement", account: "acc_line", limit: 3 })
    assert.deepStrictEqual(
      ok.items.map((i: StatementItem) => [i.kind, i.availableAfter]),
      [
        ["charged", nano("18.75")],
        ["held", nano("15")],
        ["granted", nano("20")],
      ],
    )
    assert.strictEqual(ok.items[0].usage.model, "gpt-x")
    const rest = await ledger.request({ op: "statement", account: "acc_line", cursor: ok.nextCursor })
    assert.deepStrictEqual(
      rest.ok.items.map((i: StatementItem) => i.kind),
      ["entitled"],
    )
    assert.isNull(rest.ok.nextCursor)
  })

  it("I3 many small command messages that arrive together are all applied", async () => {
    const accounts = Array.from({ length: 200 }, (_, i) => `acc_many${i}`)
    for (const account of accounts) {
      await ledger.request({ op: "entitle", id: "e1", account, plan: "plus", hostedModels: true })
      await ledger.request({ op: "adjust", id: "g1", account, amount: nano("3"), reason: "test" })
    }
    const usedAt = Date.now()
    const messages = accounts.map((account, i) => ({
      subject: SUBJECTS.ledgerCommand(partitionOf(account)),
      payload: encodeCharges([[`many${i}`, account, usedAt, nano("0.5"), "", `h${i}`, USAGE]]),
    }))
    await publishAtomic(ledger.bus.js, messages)
    for (const account of accounts) {
      const wallet = await ledger.until(
        "charged",
        () => ledger.wallet(account),
        (w) => w.totals.spent !== "0",
      )
      assert.strictEqual(wallet.available, nano("2.5"))
    }
  })

  it("a message that is no JSON is a dead letter with its headers", async () => {
    const bytes = new Uint8Array([0xff, 0xfe])
    await publish(ledger.bus.js, SUBJECTS.ledgerCommand(1), bytes, { traceparent: "00-1" })
    const letters = await ledger.until(
      "letter",
      async () => {
        const found: Array<DeadLetter> = []
        await walkStored(ledger.bus, STREAMS.deadLetters.name, { from: 1 }, ({ data }) => {
          found.push(JSON.parse(new TextDecoder().decode(data)) as DeadLetter)
        })
        return found
      },
      (found) => found.length > 0,
    )
    assert.strictEqual(letters[0]?.reason, "malformed")
    assert.strictEqual(letters[0]?.payload, "base64://4=")
    assert.deepStrictEqual(letters[0]?.headers, { traceparent: "00-1" })
  })

  it("R12.1 a clock request tells the instant, also one that runs nothing: what is asked next has it", async () => {
    const now = Date.now() + 86_400_000
    await ask(ledger.bus.connection, SUBJECTS.ledgerControl, JSON.stringify({ op: "clock", now, run: false }), 5_000)
    const account = "acc_told"
    await ledger.request({ op: "adjust", id: "g1", account, amount: nano("3"), reason: "test" })
    assert.strictEqual((await ledger.wallet(account)).asOf, now)
  })

  it("decision 16 what falls due at an instant that was only told waits until an advance asks for it", async () => {
    const clock = (now: number, run: boolean) =>
      ask(ledger.bus.connection, SUBJECTS.ledgerControl, JSON.stringify({ op: "clock", now, run }), 5_000)
    const now = Date.now() + 2 * 86_400_000
    await clock(now, false)
    const until = now + 60_000
    await ledger.request({
      op: "grant",
      id: "lot-due",
      account: "acc_due",
      kind: "promo",
      amount: nano("3"),
      expiresAt: until,
    })
    const ran = async () => (JSON.parse(await clock(until, false)) as { readonly ran: number }).ran
    const before = await ran()
    // Turns of the worker, for somebody else.
    for (let i = 0; i < 5; i++) {
      await ledger.request({ op: "adjust", id: `other-${i}`, account: "acc_other", amount: nano("1"), reason: "test" })
    }
    assert.strictEqual(await ran(), before)
    await clock(until, true)
    assert.strictEqual(await ran(), before + 1)
  })
})
