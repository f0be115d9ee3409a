/**
 * Goal: the doctor's looks say the right thing about facts that a healthy test system never shows. Method: pure
 * calls.
 */
import type { ControlAnswer } from "@credits/contracts"
import { assert, describe, it } from "vitest"
import type { StreamFacts } from "../streams.ts"
import { checkDurability, checkServer, checkStreams, type StreamLook } from "./bus.ts"
import { checkFsync } from "./machine.ts"
import { checkClock, checkCursors, checkReady } from "./services.ts"

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
})
