/**
 * Goal: the doctor's looks say the right thing about facts that a healthy test system never shows. Method: pure
 * calls.
 */
import type { ControlAnswer, RebuildState } from "@credits/contracts"
import { assert, describe, it } from "vitest"
import type { StreamFacts } from "../streams.ts"
import { checkAdvisories, checkDurability, checkServer, checkStreams, type StreamLook } from "./bus.ts"
import { checkFsync } from "./machine.ts"
import { checkClock, checkCursors, checkReady } from "./services.ts"
import { checkBooks, checkCharges, checkHolds, checkUsageTables } from "./undecided.ts"

const stream = (facts: Partial<StreamFacts>): StreamLook => ({
  name: "LEDGER_COMMANDS",
  difference: null,
  facts: {
    name: "LEDGER_COMMANDS",
    subjects: ["ledger.command.*"],
    messages: 10,
    bytes: 100,
    maxBytes: 1000,
    first: 11,
    last: 20,
    consumers: 1,
    incarnation: "2026-11-23T10:00:00.000Z",
    created: "2026-11-23T10:00:00Z",
    serverTime: null,
    config: {},
    readers: ["ledger"],
    ...facts,
  },
})

const answer: ControlAnswer = {
  service: "ledger",
  ready: true,
  now: 0,
  nextDue: null,
  ran: 0,
  cursors: {},
  outboxPending: 0,
  openRequests: 0,
  detail: {},
}
const ledger = (change: Partial<ControlAnswer>) => ({ name: "ledger", answer: { ...answer, ...change }, silence: null })
const cursorAt = (cursor: number) =>
  checkCursors([ledger({ cursors: { LEDGER_COMMANDS: cursor } })], [stream({})]).map((check) => check.status)

describe("doctor", () => {
  it("a cursor fits when first ≤ cursor + 1 ≤ last + 1, and is a gap one step outside", () => {
    assert.deepEqual(cursorAt(10), ["ok"])
    assert.deepEqual(cursorAt(20), ["ok"])
    assert.deepEqual(cursorAt(9), ["fail"])
    assert.deepEqual(cursorAt(21), ["fail"])
  })

  it("nats-server must be 2.15 or newer with JetStream", () => {
    assert.strictEqual(checkServer("2.15.0", true).status, "ok")
    assert.strictEqual(checkServer("3.0.0", true).status, "ok")
    assert.strictEqual(checkServer("2.9.27", true).status, "fail")
    assert.strictEqual(checkServer("2.15.1", false).status, "fail")
  })

  it("durable is sync always, or three copies; unknown is a warning, not a pass", () => {
    assert.strictEqual(checkDurability(true, 1).status, "ok")
    assert.strictEqual(checkDurability(null, 3).status, "ok")
    assert.strictEqual(checkDurability(false, 1).status, "fail")
    assert.strictEqual(checkDurability(null, 1).status, "warn")
  })

  it("a stream warns before it is full, and fails when it differs from its contract", () => {
    assert.deepEqual(
      checkStreams([stream({})]).map((check) => check.status),
      ["ok"],
    )
    assert.deepEqual(
      checkStreams([stream({ bytes: 800 })]).map((check) => check.status),
      ["ok", "warn"],
    )
    const other = { ...stream({}), difference: "LEDGER_COMMANDS has discard old" }
    assert.deepEqual(
      checkStreams([other]).map((check) => check.status),
      ["fail"],
    )
  })

  it("a silent or unready service fails, a long outbox warns", () => {
    assert.strictEqual(checkReady({ name: "ledger", answer: null, silence: "no responders" }).status, "fail")
    assert.strictEqual(checkReady(ledger({ ready: false })).status, "fail")
    assert.strictEqual(checkReady(ledger({ outboxPending: 10_001 })).status, "warn")
    assert.strictEqual(checkReady(ledger({})).status, "ok")
  })

  it("what a service complains of is shown, also when it answers ready", () => {
    const of = (detail: ControlAnswer["detail"]) => checkReady(ledger({ detail }))
    assert.deepInclude(of({ gap: "cursor_gap: trimmed" }), { status: "fail", detail: "cursor_gap: trimmed" })
    assert.include(of({ cursor_gap: [{ stream: "USAGE" }] }).detail, "USAGE")
    assert.strictEqual(of({ journal_gap: [{ partition: 3 }] }).status, "fail")
    const refused = { outbox_refused: "the bus refuses credits.topup.fact: its payload is too large" }
    for (const detail of [refused, { charge: { outbox_refused: null }, method: refused }]) {
      assert.deepInclude(of(detail), { status: "fail", detail: `its outbox stands still: ${refused.outbox_refused}` })
    }
    assert.deepInclude(of({ trouble: "the command stream is full" }), { status: "warn" })
    assert.strictEqual(of({ trouble: null, gap: null }).status, "ok")
  })

  it("clocks more than 5 s apart fail, in either direction", () => {
    assert.strictEqual(checkClock("clock", 5_000).status, "ok")
    assert.strictEqual(checkClock("clock", -5_001).status, "fail")
  })

  it("an fsync too quick for any disk is a warning", () => {
    assert.strictEqual(checkFsync(1.2).status, "ok")
    assert.strictEqual(checkFsync(0.004).status, "warn")
    assert.strictEqual(checkFsync(null).status, "skipped")
  })

  it("R6.3 holds warn when one is open long after its end, not before", () => {
    const at = (firstHoldExpiry: number | null) =>
      checkHolds([ledger({ now: 100_000, detail: { metrics: { holds: 2, firstHoldExpiry } } })])
    assert.strictEqual(at(null).status, "ok")
    assert.strictEqual(at(10_000).status, "ok")
    assert.deepInclude(at(9_999), { status: "warn" })
    assert.include(at(0).repair, "stuck-holds.md")
    assert.strictEqual(checkHolds([]).status, "skipped")
  })

  it("R10.2 charges in doubt warn with what happens by itself, those in review with the command that decides", () => {
    const of = (inReview: number, oldestUnknownSeconds: number) => {
      const metrics = { inReview, oldestUnknownSeconds }
      return checkCharges([{ name: "payments", answer: { ...answer, detail: { metrics } }, silence: null }])
    }
    assert.strictEqual(of(0, 0).status, "ok")
    assert.include(of(0, 90).repair, "credits charge list --status unknown")
    assert.include(of(1, 90).repair, "credits charge resolve")
    assert.strictEqual(checkCharges([]).status, "skipped")
  })

  it("decision 14 usage tables that differ fail with the command that mends them, until that has run", () => {
    const comparison = { differing: 3, differences: [], liveHash: "a", rebuiltHash: "b" }
    const state = (change: Partial<RebuildState>) =>
      checkUsageTables({
        name: "usage",
        state: "done",
        apply: false,
        entries: 9,
        total: 9,
        detail: "",
        comparison,
        swapped: false,
        ...change,
      })
    assert.strictEqual(state({}).status, "fail")
    assert.include(state({}).repair, "credits projection rebuild usage --apply")
    assert.strictEqual(state({ swapped: true }).status, "ok")
    assert.strictEqual(state({ comparison: { ...comparison, differing: 0 } }).status, "ok")
    assert.strictEqual(state({ state: "interrupted", comparison: null }).status, "warn")
    assert.strictEqual(state({ state: "failed", comparison: null, detail: "no ledger" }).status, "warn")
    assert.include(state({ state: "none", comparison: null }).detail, "credits projection verify usage")
    assert.strictEqual(checkUsageTables(null).status, "skipped")
  })

  it("I10 books: a damaged snapshot names the rebuild, anything else the problems, nothing asked is skipped", () => {
    const [stateHash, loadedHash] = ["a".repeat(64), "b".repeat(64)]
    assert.strictEqual(checkBooks({ ok: true, stateHash, loadedHash: stateHash }).status, "ok")
    assert.include(checkBooks({ ok: false, stateHash, loadedHash }).repair, "docs/operations/rebuild.md")
    assert.include(checkBooks({ ok: false, stateHash, loadedHash: stateHash }).detail, "credits ledger verify")
    assert.include(checkBooks(null).detail, "credits doctor --deep")
  })

  it("a message given up without a letter names the replay that sends it again", () => {
    const advisory = { seq: 1, origin: { stream: "USAGE", seq: 42 }, consumer: "x", deliveries: 5, at: 0 }
    const found = checkAdvisories([{ ...advisory, kind: "max_deliveries" }])
    assert.include(found.repair, "credits stream replay USAGE --from-seq 42 --to-seq 42")
    assert.deepEqual([checkAdvisories([]).status, checkAdvisories(null).status], ["ok", "skipped"])
  })
})
