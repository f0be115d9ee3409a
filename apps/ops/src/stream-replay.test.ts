/**
 * Goal: a replay sends what was selected and only that, once a run, can be stopped and gone on with, and never leads to
 * a charge that the card processor would no longer recognise. Method: the whole command line, a real nats-server with
 * the ops user's real permissions; what the real services make of it is in `running-system.test.ts`.
 */
import { publish, walkStored } from "@credits/bus"
import { encodeCharges, STREAMS, SUBJECTS, type DeadLetter } from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { smallSystem, type SmallSystem } from "./testing/small-system.ts"
import { shellWith } from "./testing/terminal.ts"

let system: SmallSystem
const DAY_MS = 86_400_000
const APPLY = ["--apply", "--reason", "ticket 7", "--json"]
const USAGE = STREAMS.usage.name

interface Report {
  readonly run: string
  readonly messages: number
  readonly items: number
  readonly accounts: number
  readonly tooOld: number
  readonly skipped: Readonly<Record<string, number>>
  readonly resolver: ReadonlyArray<{ chargeId: string; status: string }>
  readonly readers: ReadonlyArray<{ service: string; hasCaughtUp: boolean }>
  readonly handlers: ReadonlyArray<{ service: string }>
}

beforeAll(async () => {
  system = await smallSystem()
  // The stand-ins have always applied everything.
  for (const { name, readers } of Object.values(STREAMS)) {
    for (const reader of readers) system.status.cursorsOf[reader] = { ...system.status.cursorsOf[reader], [name]: 1e9 }
  }
})
afterAll(() => system.stop())

const event = (id: string, subject: string) => ({ specversion: "1.0", id, subject })
const texts = async (
  stream: string,
  from = 1,
): Promise<ReadonlyArray<{ text: string; headers: object | undefined }>> => {
  const all: Array<{ text: string; headers: object | undefined }> = []
  await walkStored(system.bus, stream, { from }, ({ data, headers }) => {
    all.push({ text: new TextDecoder().decode(data), headers })
  })
  return all
}
const replay = async (...args: ReadonlyArray<string>) => {
  const run = await system.credits("stream", "replay", ...args)
  return { ...run, report: run.exit === 2 ? ({} as Report) : run.json<Report>() }
}

describe("stream replay", () => {
  it("a dry run counts messages, items, accounts and ages, says who would see it, and sends nothing", async () => {
    await publish(system.bus.js, SUBJECTS.usage, JSON.stringify([event("e1", "acc_a"), event("e2", "acc_b")]), {
      "x-a": "1",
    })
    await publish(system.bus.js, SUBJECTS.usage, JSON.stringify([event("e3", "acc_b")]))
    await publish(system.bus.js, SUBJECTS.usage, "no JSON")
    const { report } = await replay(USAGE, "--json")
    assert.deepInclude(report, { messages: 2, items: 3, accounts: 2 })
    assert.deepEqual(
      report.handlers.map(({ service }) => service),
      ["pricing"],
    )
    assert.strictEqual(report.skipped["unreadable"], 1)
    assert.strictEqual((await texts(USAGE)).length, 3)
    assert.match(
      (await system.credits("stream", "replay", USAGE)).stdout,
      /would be sent +2 messages with 3 items of 2/,
    )
  })

  it("sends each message again under its subject with its headers; copies are not replayed", async () => {
    const { report, exit } = await replay(USAGE, ...APPLY)
    assert.strictEqual(exit, 0)
    assert.deepInclude(report, { messages: 2, items: 3 })
    assert.deepEqual(
      report.readers.map(({ hasCaughtUp }) => hasCaughtUp),
      [true],
    )
    const all = await texts(USAGE)
    assert.deepEqual(
      all.slice(3).map(({ text }) => text),
      all.slice(0, 2).map(({ text }) => text),
    )
    assert.deepInclude(all[3]!.headers, {
      "x-a": "1",
      "Credits-Replay": `${report.run}:1`,
      "Nats-Msg-Id": `replay:${report.run}:1`,
    })
    const again = (await replay(USAGE, "--json")).report
    assert.deepInclude(again, { messages: 2 })
    assert.strictEqual(again.skipped["copies"], 2)
  })

  it("by sequence, time, account and partition: arrays are cut down to the account's items", async () => {
    assert.deepInclude((await replay(USAGE, "--from-seq", "2", "--to-seq", "2", "--json")).report, {
      messages: 1,
      items: 1,
    })
    assert.deepInclude((await replay(USAGE, "--from-time", "2099-01-01T00:00:00Z", "--json")).report, { messages: 0 })
    assert.deepInclude((await replay(USAGE, "--account", "acc_a", "--json")).report, { messages: 1, items: 1 })
    const partition = String(partitionOf("acc_a"))
    assert.deepInclude((await replay(USAGE, "--partition", partition, "--json")).report, { messages: 1, items: 1 })
    const before = (await texts(USAGE)).length
    await replay(USAGE, "--account", "acc_a", ...APPLY)
    const sent = (await texts(USAGE)).slice(before)
    assert.deepEqual(
      sent.map(({ text }) => JSON.parse(text) as unknown),
      [[event("e1", "acc_a")]],
    )
  })

  it("what lies in a dead letter, or was discarded, is left out: redrive is for that", async () => {
    const subject = SUBJECTS.ledgerCommand(partitionOf("acc_a"))
    const charges = ["c1", "c2", "c3"].map((id) => [id, "acc_a", 1, "5", "", "hash", "line"] as const)
    const { seq } = await publish(system.bus.js, subject, encodeCharges(charges))
    const letter = (index: number): Partial<DeadLetter> => ({
      v: 1,
      id: `l${index}`,
      service: "ledger",
      reason: "no_entitlement",
      origin: { stream: STREAMS.ledgerCommands.name, seq, index },
      payload: "{}",
    })
    const put = (index: number) => publish(system.bus.js, SUBJECTS.deadLetter("ledger"), JSON.stringify(letter(index)))
    await put(0)
    const discarded = await put(2)
    await system.credits("dlq", "discard", String(discarded.seq), ...APPLY)
    assert.deepInclude((await replay(STREAMS.ledgerCommands.name, ...APPLY)).report, { messages: 1, items: 1 })
    assert.strictEqual((await texts(STREAMS.ledgerCommands.name)).at(-1)?.text, encodeCharges([charges[1]!]))
  })

  it("R10.2 facts older than the processor's keys are not sent; payments is asked of their charges", async () => {
    const fact = (at: number) =>
      JSON.stringify({ v: 1, account: "acc_a", at, charge: { chargeId: "chg_2" }, detail: {} })
    await publish(system.bus.js, SUBJECTS.paymentsFact, fact(Date.now() - DAY_MS))
    await publish(system.bus.js, SUBJECTS.paymentsFact, fact(Date.now()))
    const { report } = await replay(STREAMS.payments.name, ...APPLY)
    assert.deepInclude(report, { messages: 1, tooOld: 1 })
    assert.deepEqual(
      report.resolver.map(({ chargeId, status }) => [chargeId, status]),
      [["chg_2", "review"]],
    )
    assert.strictEqual((await texts(STREAMS.payments.name)).length, 3)
  })

  it("stopped half-way it is gone on with under its run: every message once", async () => {
    const subject = SUBJECTS.topupFact
    const facts = Array.from({ length: 12 }, (_, n) => JSON.stringify({ v: 1, account: "acc_a", n, at: Date.now() }))
    for (const fact of facts) await publish(system.bus.js, subject, fact)
    const controlC = new AbortController()
    const environment = { CREDITS_DATA_DIR: system.dataDir, CREDITS_NATS_URL: system.natsUrl }
    const stopped = shellWith(environment, controlC.signal)(
      "stream",
      "replay",
      "TOPUPS",
      "--rate",
      "20",
      ...APPLY,
    ).then(
      () => assert.fail("it was not stopped"),
      () => undefined,
    )
    while ((await texts(STREAMS.topups.name)).length < 15) await new Promise((again) => setTimeout(again, 20))
    controlC.abort()
    await stopped
    const left = (await texts(STREAMS.topups.name)).length
    assert.isBelow(left, 24)
    const { items } = (await system.credits("audit", "list", "--json")).json<{
      items: ReadonlyArray<{ phase: string; command: string; detail: { replay: string } }>
    }>()
    const run = items.find(({ command, phase }) => command === "stream replay" && phase === "began")!.detail.replay
    const { report } = await replay("--resume", run, ...APPLY)
    assert.deepInclude(report, { run, messages: 12 })
    assert.deepEqual(
      (await texts(STREAMS.topups.name)).slice(12).map(({ text }) => text),
      facts,
    )
    assert.strictEqual((await replay("--resume", run, ...APPLY)).exit, 2)
  })

  it("refuses what it is not for: a shadow, dead letters, a bucket, a rate of 0, no reason (2)", async () => {
    const shadow = await system.credits("stream", "replay", USAGE, "--into", "shadow")
    assert.strictEqual(shadow.exit, 2)
    assert.include(shadow.stderr, "credits projection rebuild")
    for (const args of [
      ["DEAD_LETTERS"],
      ["KV_clock"],
      [],
      [USAGE, "--rate", "0"],
      [USAGE, "--apply"],
      [USAGE, "--account", "?"],
    ]) {
      assert.strictEqual((await system.credits("stream", "replay", ...args)).exit, 2, args.join(" "))
    }
    assert.strictEqual((await replay("--resume", "nope", ...APPLY)).exit, 3)
  })
})
