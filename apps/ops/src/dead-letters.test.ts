/**
 * Goal: a dead letter leaves only by a person's decision, is kept whole in the audit, and what is sent again goes to
 * where it came from, once. Method: the whole command line, a real nats-server with the ops user's real permissions.
 */
import { closeBus, connectBus, publish, streamState, walkStored, type StoredMessage } from "@credits/bus"
import { encodeCharges, STREAMS, SUBJECTS, type DeadLetter } from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { afterAll, assert, beforeAll, describe, expect, it } from "vitest"
import { smallSystem, type SmallSystem } from "./testing/small-system.ts"

let system: SmallSystem
const DAY_MS = 86_400_000
const APPLY = ["--apply", "--reason", "ticket 7", "--json"]
const EVENT = { specversion: "1.0", id: "evt-1", subject: "acc_a" }

beforeAll(async () => {
  system = await smallSystem()
})
afterAll(() => system.stop())

const letterOf = (id: string, change: Partial<DeadLetter>): DeadLetter => ({
  v: 1,
  id,
  service: "pricing",
  reason: "model_unknown",
  detail: "nobody knows it",
  origin: { stream: STREAMS.usage.name, seq: 1_000, index: 0 },
  account: "acc_a",
  at: Date.now(),
  payload: JSON.stringify(EVENT),
  ...change,
})
const give = async (letter: DeadLetter): Promise<string> => {
  const { seq } = await publish(system.bus.js, SUBJECTS.deadLetter(letter.service), JSON.stringify(letter))
  return String(seq)
}
const stored = async (stream: string): Promise<ReadonlyArray<StoredMessage & { readonly text: string }>> => {
  const all: Array<StoredMessage & { readonly text: string }> = []
  await walkStored(system.bus, stream, { from: 1 }, (message) => {
    all.push({ ...message, text: new TextDecoder().decode(message.data) })
  })
  return all
}
const lettersLeft = async () => (await stored(STREAMS.deadLetters.name)).map(({ seq }) => String(seq))
const audited = async (command: string) => {
  const { items } = (await system.credits("audit", "list", "--json")).json<{
    items: ReadonlyArray<{
      command: string
      phase: string
      detail: { letters?: ReadonlyArray<{ letter: DeadLetter }> }
    }>
  }>()
  return items.filter((row) => row.command === command && row.phase === "began").flatMap(({ detail }) => detail.letters)
}

describe("dlq redrive", () => {
  it("a usage event goes back alone, with its headers; the audit has the letter, the stream no longer", async () => {
    const letter = letterOf("u1", { headers: { traceparent: "00-1", "Nats-Msg-Id": "theirs" } })
    const seq = await give(letter)
    const dry = await system.credits("dlq", "redrive", seq, "--json")
    assert.deepInclude(dry.json<{ items: ReadonlyArray<object> }>().items[0], {
      status: "planned",
      note: "to usage.events",
    })
    assert.deepEqual(await stored(STREAMS.usage.name), [])
    const run = await system.credits("dlq", "redrive", seq, ...APPLY)
    assert.strictEqual(run.exit, 0, run.stderr)
    const [sent] = await stored(STREAMS.usage.name)
    assert.deepEqual(JSON.parse(sent!.text), [EVENT])
    assert.deepInclude(sent!.headers, {
      traceparent: "00-1",
      "Nats-Msg-Id": "redrive:u1",
      "Credits-Redrive": "u1",
    })
    assert.notInclude(await lettersLeft(), seq)
    assert.deepEqual((await audited("dlq redrive"))[0]?.letter, letter)
  })

  it("killed between the PubAck and the taking away: the repeat is stored once (R6.6 knows the id)", async () => {
    const before = (await stored(STREAMS.usage.name)).length
    // The letter is still there although its event was sent above: what a kill leaves behind.
    const seq = await give(letterOf("u1", {}))
    assert.strictEqual((await system.credits("dlq", "redrive", seq, ...APPLY)).exit, 0)
    assert.strictEqual((await stored(STREAMS.usage.name)).length, before)
    assert.notInclude(await lettersLeft(), seq)
  })

  it("from the stream when the message is still there: exactly what came, and only the item", async () => {
    const charge = ["c2", "acc_a", 1, "5", "", "hash", "line"] as const
    const text = encodeCharges([["c1", "acc_a", 1, "5", "", "hash", "line"], charge])
    const subject = SUBJECTS.ledgerCommand(partitionOf("acc_a"))
    const { seq: at } = await publish(system.bus.js, subject, text)
    const origin = { stream: STREAMS.ledgerCommands.name, seq: at, index: 1 }
    const seq = await give(letterOf("c2", { service: "ledger", reason: "no_entitlement", origin, payload: "cut …" }))
    assert.strictEqual((await system.credits("dlq", "redrive", seq, ...APPLY)).exit, 0)
    const sent = (await stored(STREAMS.ledgerCommands.name)).at(-1)!
    assert.deepInclude(sent, { subject, text: encodeCharges([charge]) })
  })

  it("R10.2 what may charge a card and is older than the processor's keys is asked of payments, not sent", async () => {
    const fact = {
      v: 1,
      id: "f",
      kind: "charge_unknown",
      account: "acc_a",
      at: Date.now() - DAY_MS,
      charge: { chargeId: "chg_2" },
    }
    const origin = { stream: STREAMS.payments.name, seq: 500, index: 0 }
    const change = { service: "subscriptions", reason: "defect", origin, payload: JSON.stringify(fact) }
    const old = await give(letterOf("old", change))
    const run = await system.credits("dlq", "redrive", old, ...APPLY)
    assert.strictEqual(run.exit, 1)
    const [item] = run.json<{ items: ReadonlyArray<{ status: string; note: string }> }>().items
    assert.strictEqual(item?.status, "kept")
    assert.include(item?.note, "charge resolve chg_2")
    assert.include(await lettersLeft(), old)
    assert.deepEqual(await stored(STREAMS.payments.name), [])
    const young = JSON.stringify({ ...fact, at: Date.now() })
    const seq = await give(letterOf("young", { ...change, payload: young }))
    assert.strictEqual((await system.credits("dlq", "redrive", seq, ...APPLY)).exit, 0)
    assert.deepEqual(
      (await stored(STREAMS.payments.name)).map(({ text }) => text),
      [young],
    )
    assert.strictEqual((await system.credits("dlq", "discard", old, ...APPLY)).exit, 0)
  })

  it("what is not whole any more is kept and says so: partly (6) beside one that went", async () => {
    const origin = { stream: STREAMS.usage.name, seq: 2_000, index: 0 }
    await give(letterOf("b1", { reason: "id_conflict", origin, payload: '{"id":"b1","hash":"x"}' }))
    await give(letterOf("b2", { reason: "id_conflict", payload: JSON.stringify({ ...EVENT, id: "b2" }) }))
    const run = await system.credits("dlq", "redrive", "--reason-code", "id_conflict", ...APPLY)
    assert.strictEqual(run.exit, 6)
    const { items } = run.json<{ items: ReadonlyArray<{ id: string; status: string }> }>()
    assert.deepEqual(
      items.map(({ id, status }) => [id, status]),
      [
        ["b1", "kept"],
        ["b2", "done"],
      ],
    )
  })
})

describe("dlq discard", () => {
  it("nothing without --apply and a reason, nor without saying which; afterwards only the audit has them", async () => {
    const discard = (...args: ReadonlyArray<string>) => system.credits("dlq", "discard", ...args)
    const left = await lettersLeft()
    assert.strictEqual((await discard("--all")).exit, 0)
    assert.strictEqual((await discard("--all", "--apply")).exit, 2)
    assert.strictEqual((await discard()).exit, 2)
    assert.strictEqual((await discard("1", "--all")).exit, 2)
    assert.strictEqual((await discard("999999", ...APPLY)).exit, 3)
    assert.deepEqual(await lettersLeft(), left)
    assert.strictEqual((await discard("--all", ...APPLY)).exit, 0)
    assert.deepEqual(await lettersLeft(), [])
    assert.include(
      (await audited("dlq discard")).map((each) => each?.letter.id),
      "b1",
    )
  })
})

describe("the second net", () => {
  it("a message that a consumer gave up without a letter is told by dlq list and by the doctor", async () => {
    const bus = await connectBus({ servers: system.natsUrl, name: "stranger", seed: system.allSeed })
    await bus.jsm.consumers.add(STREAMS.usage.name, {
      durable_name: "stranger",
      ack_policy: "explicit",
      max_deliver: 1,
    })
    const consumer = await bus.js.consumers.get(STREAMS.usage.name, "stranger")
    ;(await consumer.next({ expires: 5_000 }))!.nak()
    // It is given up at the first delivery that finds it due again: one that comes before the nak takes the message
    // behind it, so it is asked for until the advisory is there.
    await expect
      .poll(
        async () => {
          await consumer.next({ expires: 1_000 })
          return (await streamState(bus.jsm, STREAMS.advisories.name)).messages
        },
        { timeout: 20_000 },
      )
      .toBeGreaterThan(0)
    await closeBus(bus)
    const list = await system.credits("dlq", "list")
    assert.match(list.stdout, /given up by a consumer without a dead letter:\n.+USAGE message 1, consumer stranger/)
    const doctor = await system.credits("doctor", "--json")
    const { checks } = doctor.json<{ checks: ReadonlyArray<{ name: string; status: string }> }>()
    assert.strictEqual(checks.find(({ name }) => name === "advisories")?.status, "warn")
  })
})
