/**
 * Goal: what re-rating gives back is what was too much, to the nano-USD, once, and never more (R7.4). Method: drawn
 * calls are charged under a wrong book and priced again under a corrected one, some partly reversed before.
 */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { encodeUsageLine, type JournalEntry } from "@credits/contracts"
import { costOfCall, readPriceBook, type Call, type PriceBook } from "@credits/pricebook"
import { barText } from "./progress.ts"
import { dueOf, Rerating, type Scope } from "./rerating.ts"

const AT = Date.UTC(2026, 10, 3)
const HOUR_MS = 3_600_000

const bookOf = (version: string, input: string, output: string): PriceBook => {
  const longContext = [{ aboveInputTokens: 5_000, input: "3.000003", output }]
  const model = { provider: "p", enabled: true, input, output, cacheRead: "0.1", longContext }
  const models = ["m", "n"].map((id) => ({ id, ...model }))
  const checked = readPriceBook({ version, effectiveAt: "2026-01-01T00:00:00.000Z", source: "test", models })
  if ("invalid" in checked) throw new Error(JSON.stringify(checked.invalid))
  return checked.ok
}
const costUnder = (book: PriceBook, call: Call): bigint => {
  const priced = costOfCall(book, call)
  if ("code" in priced) throw new Error(priced.detail)
  return priced.cost
}

/** A call as its event stated it: cached tokens inside input, reasoning inside output. */
const calls = fc.record({
  account: fc.constantFrom("acc_a", "acc_b"),
  model: fc.constantFrom("m", "n"),
  at: fc.integer({ min: -1, max: 3 }).map((hours) => AT + hours * HOUR_MS),
  parts: fc.tuple(fc.nat(9_000), fc.nat(900), fc.nat(900), fc.nat(50)),
  /** Of a thousand of the charge, given back by support before. */
  reversed: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 1_000 })),
})
type Drawn = typeof calls extends fc.Arbitrary<infer A> ? A : never

const callOf = ({ model, at, parts: [plain, cacheRead, text, reasoning] }: Drawn): Call => ({
  model,
  at,
  tokens: {
    convention: "inclusive",
    input: plain + cacheRead,
    output: text + reasoning,
    cacheRead,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    reasoning,
  },
  images: 0,
  requests: 1,
  status: "ok",
})

const entryOf = (
  seq: number,
  account: string,
  kind: JournalEntry["kind"],
  body: JournalEntry["body"],
): JournalEntry => ({
  seq,
  account,
  n: seq,
  at: AT,
  kind,
  body,
})
const chargedEntry = (drawn: Drawn, i: number, spent: bigint): JournalEntry => {
  const [inputTokens, cacheReadTokens, outputTokens, reasoningTokens] = drawn.parts
  const counts = { inputTokens, outputTokens, cacheReadTokens, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 }
  const names = { provider: "p", model: drawn.model, bookVersion: "wrong", requestId: `r${i}` }
  const line = { ...names, ...counts, reasoningTokens, images: 0, requests: 1, status: "ok" as const }
  const body = { cause: `evt-${i}`, spent: spent.toString(), usage: encodeUsageLine(line), usedAt: drawn.at }
  return entryOf(2 * i + 1, drawn.account, "charged", body)
}
const reversedEntry = (account: string, i: number, amount: bigint): JournalEntry =>
  entryOf(2 * i + 2, account, "reversed", { cause: `evt-${i}`, spent: (-amount).toString() })

const WHOLE: Scope = { from: AT, to: AT + 2 * HOUR_MS, model: null, account: null }
const [wrong, right] = [bookOf("wrong", "2.5", "20.000001"), bookOf("right", "1.25", "30")]

describe("re-rating", () => {
  it("R7.4 gives back what was too much to the nano-USD, less what came back before, and never more", () => {
    fc.assert(
      fc.property(fc.array(calls, { maxLength: 30 }), (drawn) => {
        const rerating = new Rerating(WHOLE, () => right)
        const expected = new Map<string, bigint>()
        drawn.forEach((each, i) => {
          const [charged, corrected] = [costUnder(wrong, callOf(each)), costUnder(right, callOf(each))]
          const before = (charged * BigInt(each.reversed)) / 1_000n
          rerating.add(chargedEntry(each, i, charged))
          if (before > 0n) rerating.add(reversedEntry(each.account, i, before))
          const back = charged - corrected - before
          if (back > 0n && each.at >= WHOLE.from && each.at < WHOLE.to) expected.set(`evt-${i}`, back)
        })
        const due = rerating.due
        assert.deepEqual(new Map(due.map((each) => [each.chargeId, dueOf(each)])), expected)
        for (const [i, each] of due.entries()) assert.isTrue(i === 0 || dueOf(each) <= dueOf(due[i - 1]!))
        // Given back, there is nothing left: a repeat changes nothing.
        for (const each of due) rerating.add(reversedEntry(each.account, Number(each.chargeId.slice(4)), dueOf(each)))
        assert.deepEqual(rerating.due, [])
      }),
    )
  })

  it("R7.4 is for the model and the account asked for, and numbers its reversal after earlier ones", () => {
    const drawn = (account: Drawn["account"], model: Drawn["model"]): Drawn => ({
      account,
      model,
      at: AT,
      reversed: 0,
      parts: [1_000, 0, 0, 0],
    })
    const rerating = new Rerating({ ...WHOLE, model: "m", account: "acc_a" }, () => right)
    const sent = [drawn("acc_a", "m"), drawn("acc_b", "m"), drawn("acc_a", "n")]
    sent.forEach((each, i) => rerating.add(chargedEntry(each, i, 2_500_000n)))
    rerating.add(reversedEntry("acc_a", 0, 1n))
    rerating.add(reversedEntry("acc_a", 0, 2n))
    assert.deepEqual([rerating.calls, rerating.due.length], [1, 1])
    assert.deepInclude(rerating.due[0], { chargeId: "evt-0", reversals: 2, reversed: 3n, bookVersion: "right" })
    assert.strictEqual(dueOf(rerating.due[0]!), 1_249_997n)
  })

  it("R7.4 a call that no book prices is counted and left as it is", () => {
    const rerating = new Rerating(WHOLE, () => null)
    rerating.add(chargedEntry({ account: "acc_a", model: "m", at: AT, reversed: 0, parts: [1, 0, 0, 0] }, 0, 9n))
    assert.deepEqual([rerating.calls, rerating.unpriced, rerating.due], [1, 1, []])
  })
})

describe("a progress bar", () => {
  it("shows the share, and a whole that is empty as done", () => {
    assert.strictEqual(barText("things", 6, 24), "[######------------------]  25 %  6 of 24 things")
    assert.match(barText("things", 0, 0), /100 %/)
  })
})
