/** Goal: an entry's text is the entry, so that the database alone is the ledger (I10, R1.6). */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { ACCOUNT, Desk, holdId, lotId } from "./account.fixture.ts"
import { emptyAccount, evolve } from "./account.ts"
import { entries } from "./entry.fixture.ts"
import { decodeBody, encodeBody, makeEntry, type Entry } from "./entry.ts"
import { lives, resets } from "./lives.fixture.ts"
import { Lockstep } from "./lockstep.fixture.ts"
import { decodeSnapshot, encodeSnapshot, SNAPSHOT_VERSION } from "./snapshot.ts"

const copied = (entry: Entry): Entry => decodeBody(entry.kind, entry.at, JSON.parse(encodeBody(entry)))

describe("an entry's body", () => {
  it("I10 is read back as the entry it was written from, whatever the entry", () => {
    fc.assert(
      fc.property(entries, (entry) => assert.deepStrictEqual(copied(entry), entry)),
      { numRuns: 500 },
    )
  })

  it("I10 is JSON, and the same text when it is read and written again", () => {
    const property = fc.property(entries, (entry) => {
      const text = encodeBody(entry)
      assert.strictEqual(encodeBody(copied(entry)), text)
      assert.strictEqual(JSON.stringify(JSON.parse(text)), text)
    })
    fc.assert(property, { numRuns: 500 })
  })

  it("I10 says only what changed: a plain charge is one short line", () => {
    const desk = new Desk(1_000)
    desk.entitle()
    desk.grant("plan", 20_000_000_000n)
    desk.charge(1_234n, { id: "evt-1", usage: "openai|gpt|b1|1|1|0|0|0|0|0|1|ok|r" })
    assert.strictEqual(
      encodeBody(desk.last()),
      `{"cause":"evt-1","spent":"1234","available":"-1234","lots":[["${lotId(1)}","-1234"]],` +
        '"usage":"openai|gpt|b1|1|1|0|0|0|0|0|1|ok|r","usedAt":1000}',
    )
  })

  it("I10 keeps when usage happened also for a charge that says nothing else about it", () => {
    const entry = makeEntry("charged", 5, "evt-1")
    entry.usedAt = 3
    assert.strictEqual(copied(entry).usedAt, 3)
  })

  it("I10 keeps a reason with every character people type", () => {
    const entry = makeEntry("froze", 5, "cmd-1")
    entry.reason = 'said "no"\\\n\u2028 ü 💳'
    entry.freeze = entry.reason
    assert.deepStrictEqual(copied(entry), entry)
  })

  it("a body that no entry was written as is refused", () => {
    for (const body of [
      null,
      { cause: "x", spent: "1.5" },
      { cause: "x", lots: [["l", "a"]] },
      { cause: "x", hold: {} },
    ]) {
      assert.throws(() => decodeBody("charged", 0, body), undefined, undefined, JSON.stringify(body))
    }
  })
})

describe("rebuilding an account from its entries", () => {
  const rebuilt = (from: string, texts: ReadonlyArray<Entry>): string => {
    const account = decodeSnapshot(ACCOUNT, from)
    for (const entry of texts) evolve(account, copied(entry))
    return encodeSnapshot(account)
  }
  const nothing = encodeSnapshot(emptyAccount(ACCOUNT))

  it("I10 the entries of any life give the same snapshot text, from nothing and from every snapshot on the way", () => {
    const property = fc.property(fc.oneof(lives(50), resets(50)), (steps) => {
      const lockstep = new Lockstep()
      const { desk } = lockstep
      const snapshots: Array<readonly [entriesBefore: number, text: string]> = [[0, nothing]]
      for (const step of steps) {
        lockstep.take(step)
        snapshots.push([desk.entries.length, encodeSnapshot(desk.account)])
      }
      const end = encodeSnapshot(desk.account)
      for (const [count, text] of snapshots) {
        assert.strictEqual(rebuilt(nothing, desk.entries.slice(0, count)), text, `after ${count} entries`)
        assert.strictEqual(rebuilt(text, desk.entries.slice(count)), end, `from the snapshot after ${count} entries`)
        assert.strictEqual(encodeSnapshot(decodeSnapshot(ACCOUNT, text)), text)
      }
    })
    fc.assert(property, { numRuns: 60 })
  })

  it("I10 a snapshot brings back the whole account, only the next due instant is looked for again", () => {
    const desk = new Desk(1_000)
    desk.entitle({ until: 900_000, lowBelow: 5n, cycle: { start: 1_000, end: 900_000 } })
    desk.grant("plan", 100n, { expiresAt: 500_000 })
    desk.grant("topup", 50n)
    desk.authorize(120n)
    desk.at(600_000)
    desk.mark("refill", 700_000)
    desk.freeze("looked at")
    const back = decodeSnapshot(ACCOUNT, encodeSnapshot(desk.account))
    back.nextDue = desk.account.nextDue
    assert.deepStrictEqual(back, desk.account)
    assert.strictEqual(back.holds?.get(holdId(1))?.amount, 120n)
    assert.strictEqual(back.residues, 1)
  })

  it("a snapshot of another version is refused, not guessed", () => {
    const newer = nothing.replace(`"v":${SNAPSHOT_VERSION}`, `"v":${SNAPSHOT_VERSION + 1}`)
    assert.throws(() => decodeSnapshot(ACCOUNT, newer), /version/)
  })
})
