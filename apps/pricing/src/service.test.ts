/**
 * Pricing over a real nats-server and a real SQLite file: what comes in, what reaches the ledger's command stream, and
 * what survives a stop.
 */
import { kvGet, publish } from "@credits/bus"
import {
  BUCKETS,
  CURRENT_KEY,
  encodeCharges,
  SUBJECTS,
  STREAMS,
  type DeadLetter,
  type UsageAnswer,
  type VersionList,
} from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { findPostgresBinaries, postgresForTests } from "@credits/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  eventually,
  publishUsage,
  startParts,
  startTestPricing,
  storedCharges,
  storedMessages,
  usageEvent,
  type TestParts,
  type TestPricing,
} from "./fixture.test-kit.ts"

const NOW = Date.now()
const POSTGRES_START_MS = 60_000

describe.skipIf(findPostgresBinaries() === undefined)("pricing over a real Postgres", () => {
  it(
    "I2 R8.1 rates, records, refuses and publishes as over SQLite, also after a restart",
    async () => {
      const postgres = await postgresForTests()
      if (postgres === undefined) throw new Error("the machine has Postgres, yet none started")
      const parts = await startParts(postgres.url)
      const events = (from: number) => [
        usageEvent(`e${from}`, NOW),
        usageEvent(`own${from}`, NOW, { data: { mode: "byok" } }),
        usageEvent(`bad${from}`, NOW, { data: { model: "none", attributes: { text: '\u0000 " \u{1F600}' } } }),
      ]
      for (const round of [1, 2]) {
        const pricing = await startTestPricing(parts)
        await publishUsage(parts.bus, [...events(round), ...events(1)])
        await pricing.settled()
        await pricing.stop()
      }
      const ids = (await storedCharges(parts.bus)).map((charge) => charge[0])
      expect(ids).toEqual(["e1", "e1", "e2", "e1"])
      const rows = await parts.database.kysely.selectFrom("byok_call").select("id").orderBy("id").execute()
      expect(rows).toEqual([{ id: "own1" }, { id: "own2" }])
      const letters = (await storedMessages(parts.bus, STREAMS.deadLetters.name)).map(
        (text) => JSON.parse(text) as DeadLetter,
      )
      expect(letters.map((letter) => letter.reason)).toEqual(Array.from({ length: 4 }, () => "model_unknown"))
      await parts.stop()
      await postgres.stop()
    },
    POSTGRES_START_MS,
  )
})

describe("pricing over a real bus and database", () => {
  let parts: TestParts
  let pricing: TestPricing
  beforeAll(async () => {
    parts = await startParts()
    pricing = await startTestPricing(parts)
  })
  afterAll(async () => {
    await pricing.stop()
    await parts.stop()
  })

  const ask = async <A>(op: string, request: object): Promise<A> => {
    const reply = await parts.bus.connection.request(SUBJECTS.pricingRequest(op), JSON.stringify({ op, ...request }))
    return JSON.parse(reply.string()) as A
  }

  it("R7.1 R7.3 a hosted event becomes one charge at the price in force, in the partition of its account", async () => {
    await publishUsage(parts.bus, [usageEvent("evt-1", NOW, { subject: "acc_one" })])
    await pricing.settled()
    const charges = await storedCharges(parts.bus)
    expect(charges).toHaveLength(1)
    const [id, account, at, cost, holdId, hash, usage] = charges[0]!
    // 1000 input at 1.25 and 100 output at 10 USD per million.
    expect([id, account, at, cost, holdId]).toEqual(["evt-1", "acc_one", NOW, "2250000", ""])
    expect(hash).toMatch(/^[A-Za-z0-9_-]{22}$/)
    expect(usage).toBe("openai|gpt-5|genai-0.1.8-20260821|1000|100|0|0|0|0|0|1|ok|req-evt-1")
    const message = await parts.bus.jsm.streams.getMessage(STREAMS.ledgerCommands.name, { seq: 1 })
    expect(message?.subject).toBe(SUBJECTS.ledgerCommand(partitionOf("acc_one")))
    expect(message?.string()).toBe(encodeCharges(charges))
  })

  it("R8.1 I9 a BYOK call is recorded once and never reaches the ledger's stream", async () => {
    const before = (await storedCharges(parts.bus)).length
    const byok = usageEvent("evt-byok", NOW, { subject: "acc_own", data: { mode: "byok", model: "own-model" } })
    await publishUsage(parts.bus, [byok, byok])
    await publishUsage(parts.bus, [byok])
    await pricing.settled()
    expect(await storedCharges(parts.bus)).toHaveLength(before)
    const rows = await parts.database.kysely.selectFrom("byok_call").selectAll().execute()
    expect(rows.map((row) => [row.id, row.account, row.input_tokens])).toEqual([["evt-byok", "acc_own", 1000n]])
    const { ok } = await ask<{ ok: UsageAnswer }>("usage", { account: "acc_own", by: "model" })
    expect(ok.items).toMatchObject([{ model: "own-model", calls: 0, cost: "0", byokCalls: 1, byokInputTokens: 1000 }])
  })

  it("R6.6 R8.1 the same BYOK id with another body is kept as a dead letter, the first record stands", async () => {
    await publishUsage(parts.bus, [
      usageEvent("evt-byok", NOW, { subject: "acc_own", data: { mode: "byok", model: "other-model" } }),
    ])
    await pricing.settled()
    const letters = (await storedMessages(parts.bus, STREAMS.deadLetters.name)).map(
      (text) => JSON.parse(text) as DeadLetter,
    )
    expect(letters.filter((letter) => letter.reason === "id_conflict")).toMatchObject([{ account: "acc_own" }])
    const rows = await parts.database.kysely.selectFrom("byok_call").select("model").execute()
    expect(rows).toEqual([{ model: "own-model" }])
  })

  it("C12 bad events become dead letters with their reason, the good ones beside them still count", async () => {
    const before = (await storedCharges(parts.bus)).length
    const tokens = (change: object) => ({
      data: { tokens: { convention: "inclusive", input: 10, output: 1, ...change } },
    })
    const bad: ReadonlyArray<readonly [reason: string, event: unknown]> = [
      ["malformed", 42],
      ["unknown_field", usageEvent("b1", NOW, { surprise: true })],
      ["unknown_field", usageEvent("b2", NOW, { data: { "nul\0field": 1 } })],
      ["invalid_field", usageEvent("b3", NOW, tokens({ input: -1 }))],
      ["invalid_field", usageEvent("b4", NOW, tokens({ input: 1e12 }))],
      ["invalid_field", usageEvent("b\0", NOW)],
      ["wrong_sum", usageEvent("b5", NOW, tokens({ cacheRead: 11 }))],
      ["model_unknown", usageEvent("b6", NOW, { data: { model: "no-such-model" } })],
      ["too_old", usageEvent("b7", NOW - 401 * 86_400_000)],
      ["in_future", usageEvent("b8", NOW + 3_600_000)],
      ["too_large", usageEvent("b9", NOW, { data: { attributes: { note: "x".repeat(5000) } } })],
    ]
    await publishUsage(parts.bus, [usageEvent("g1", NOW), ...bad.map(([, event]) => event), usageEvent("g2", NOW)])
    const seq = (await parts.bus.jsm.streams.info(STREAMS.usage.name)).state.last_seq
    await pricing.settled()
    const charges = (await storedCharges(parts.bus)).slice(before)
    expect(charges.map((charge) => charge[0])).toEqual(["g1", "g2"])
    const letters = (await storedMessages(parts.bus, STREAMS.deadLetters.name)).map(
      (text) => JSON.parse(text) as DeadLetter,
    )
    const found = letters.filter((letter) => letter.origin.seq === seq)
    expect(
      found.map((letter) => [letter.origin.index, letter.reason]).toSorted((a, b) => Number(a[0]) - Number(b[0])),
    ).toEqual(bad.map(([reason], i) => [i + 1, reason]))
  })

  it("C12 a message that is no JSON, no UTF-8, a NUL or nested to the bottom stops nobody", async () => {
    const before = (await storedCharges(parts.bus)).length
    const deep = `"attributes":{"a":${"[".repeat(60_000)}${"]".repeat(60_000)}},"status"`
    const nested = `[${JSON.stringify(usageEvent("deep", NOW)).replace('"status"', deep)}]`
    for (const body of ["{", "", "null", "[1,", "\0", new Uint8Array([0x5b, 0xff, 0xfe, 0x5d]), nested]) {
      await publish(parts.bus.js, SUBJECTS.usage, body)
    }
    await publishUsage(parts.bus, [usageEvent("after-poison", NOW)])
    await pricing.settled()
    expect((await storedCharges(parts.bus)).slice(before).map((charge) => charge[0])).toEqual(["after-poison"])
    const letters = (await storedMessages(parts.bus, STREAMS.deadLetters.name)).map(
      (text) => JSON.parse(text) as DeadLetter,
    )
    const malformed = letters.filter((letter) => letter.reason === "malformed" && letter.origin.seq > 5)
    expect(malformed).toHaveLength(7)
    expect(
      malformed.some(
        (letter) => letter.payload === `base64:${Buffer.from([0x5b, 0xff, 0xfe, 0x5d]).toString("base64")}`,
      ),
    ).toBe(true)
  })

  it("decision 2: a batch whose cursor another process moved is read again, also if no other follows", async () => {
    await pricing.settled()
    const cursor = (await pricing.status()).cursors[STREAMS.usage.name]!
    const moved = parts.database.kysely.updateTable("cursor").set({ seq: BigInt(cursor - 1) })
    await moved.where("stream", "=", STREAMS.usage.name).execute()
    await publishUsage(parts.bus, [usageEvent("after-another", NOW)])
    await pricing.settled()
    expect((await storedCharges(parts.bus)).at(-1)?.[0]).toBe("after-another")
    expect(pricing.reports).toContain(`warning the cursor of ${STREAMS.usage.name} was moved by another process`)
  })

  it("decision 13: books and catalogues are in their buckets, with the list of versions", async () => {
    const list = await eventually(async () => {
      const value = await kvGet(parts.bus, BUCKETS.priceBooks, CURRENT_KEY)
      return value === undefined ? undefined : (JSON.parse(value.text) as VersionList)
    }, "the list of books")
    expect(list.versions.at(-1)?.version).toBe("genai-0.1.8-20270101")
    const book = await kvGet(parts.bus, BUCKETS.priceBooks, "genai-0.1.8-20260821")
    expect(JSON.parse(book!.text)).toMatchObject({ version: "genai-0.1.8-20260821" })
    const catalogues = await kvGet(parts.bus, BUCKETS.catalogues, CURRENT_KEY)
    expect(JSON.parse(catalogues!.text)).toMatchObject({ versions: [{ version: "2026-1" }] })
  })
})
