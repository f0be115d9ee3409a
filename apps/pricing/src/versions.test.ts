/**
 * Publishing catalogues and price books into a running pricing, and what is asked of them (R0, R7.1, contract 2 and
 * 3).
 */
import { kvGet, type RunningClock } from "@credits/bus"
import {
  BUCKETS,
  CURRENT_KEY,
  SUBJECTS,
  type BookAnswer,
  type ImportAnswer,
  type ModelsAnswer,
  type PlansAnswer,
  type PricingReply,
  type PublishAnswer,
  type QuoteAnswer,
  type VersionList,
  type VersionsAnswer,
} from "@credits/contracts"
import { defaultCatalogueData, defaultPriceBooksData } from "@credits/pricebook/defaults"
import { findPostgresBinaries, withPostgres } from "@credits/testkit"
import type { KyselyPlugin } from "kysely"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import {
  eventually,
  publishUsage,
  startParts,
  startTestPricing,
  storedCharges,
  usageEvent,
  type TestParts,
  type TestPricing,
} from "./fixture.test-kit.ts"

import { startPricing } from "./service.ts"

const START = Date.parse("2026-11-01T00:00:00.000Z")
const HOUR_MS = 3_600_000
const iso = (at: number): string => new Date(at).toISOString()

describe("published versions", () => {
  let parts: TestParts
  let pricing: TestPricing
  let now = START
  const clock: RunningClock = {
    now: () => now,
    setting: { offset: 0, frozenAt: null },
    refresh: async () => undefined,
    stop: () => undefined,
  }

  beforeEach(async () => {
    now = START
    parts = await startParts()
    pricing = await startTestPricing(parts, { clock })
  })
  afterEach(async () => {
    await pricing.stop()
    await parts.stop()
  })

  const ask = async <A>(op: string, request: object = {}): Promise<PricingReply<A>> => {
    const reply = await parts.bus.connection.request(SUBJECTS.pricingRequest(op), JSON.stringify({ op, ...request }), {
      timeout: 10_000,
    })
    return JSON.parse(reply.string()) as PricingReply<A>
  }
  const answer = async <A>(op: string, request: object = {}): Promise<A> => {
    const reply = await ask<A>(op, request)
    if ("refused" in reply) throw new Error(`${op} refused: ${reply.refused.code} ${reply.refused.detail}`)
    return reply.ok
  }
  const who = { by: "test", reason: "a test publishes" }
  const book = (version: string, effectiveAt: string, input: string): object => ({
    version,
    effectiveAt,
    source: "test",
    models: [{ id: "gpt-5", provider: "openai", enabled: true, input, output: "10" }],
  })
  const listed = async (bucket: string): Promise<ReadonlyArray<string>> => {
    const value = await kvGet(parts.bus, bucket, CURRENT_KEY)
    return value === undefined ? [] : (JSON.parse(value.text) as VersionList).versions.map((one) => one.version)
  }

  it("R7.4 a correction takes the place of the book it names, for usage of then that is still to come", async () => {
    const at = START + HOUR_MS
    await answer("book-publish", { book: book("b2", iso(at), "100"), apply: true, ...who })
    await answer("book-publish", { book: book("b3", iso(at + 9 * HOUR_MS), "50"), apply: true, ...who })
    now = at + 2 * HOUR_MS
    const correction = (fields: object) => ({
      book: { ...book("b2-corrected", iso(at + HOUR_MS), "10"), corrects: "b2", ...fields },
      apply: true,
      ...who,
    })
    const refusal = async (fields: object) => {
      const reply = await ask("book-publish", correction(fields))
      return "refused" in reply ? `${reply.refused.code} ${reply.refused.field}` : "published"
    }
    expect(await refusal({ corrects: "b3" })).toBe("invalid corrects")
    expect(await refusal({ effectiveAt: iso(now + HOUR_MS) })).toBe("invalid effectiveAt")
    expect(await refusal(book("b4", iso(at + HOUR_MS), "101"))).toBe("invalid models[0]")
    expect(await refusal({ corrects: undefined })).toBe("effective_in_past effectiveAt")
    await answer("book-publish", correction({}))
    const shown = async (then: number) => (await answer<BookAnswer>("book-show", { at: then })).version
    const versions = await Promise.all([0, HOUR_MS - 1, HOUR_MS, 8 * HOUR_MS, 9 * HOUR_MS].map((ms) => shown(at + ms)))
    expect(versions).toEqual(["b2", "b2", "b2-corrected", "b2-corrected", "b3"])
    await publishUsage(parts.bus, [usageEvent("late", at + HOUR_MS), usageEvent("earlier", at)])
    await pricing.settled()
    const charged = (await storedCharges(parts.bus)).map((charge) => [charge[0], charge[6].split("|")[2]] as const)
    expect(Object.fromEntries(charged)).toEqual({ earlier: "b2", late: "b2-corrected" })
  })

  it("R7.1 quotes, the price list and rating change at the book's instant; old events keep theirs", async () => {
    const at = START + HOUR_MS
    const request = { book: book("b2", iso(at), "100"), apply: true, ...who }
    expect(await answer<PublishAnswer>("book-publish", request)).toEqual({
      version: "b2",
      effectiveAt: at,
      published: true,
    })
    const quote = { model: "gpt-5", estimate: { inputTokens: 1000, maxOutputTokens: 100 } }
    expect(await answer<QuoteAnswer>("quote", quote)).toMatchObject({ amount: "2250000" })
    now = at
    expect(await answer<QuoteAnswer>("quote", quote)).toEqual({
      amount: "101000000",
      model: "gpt-5",
      bookVersion: "b2",
    })
    expect(await answer<ModelsAnswer>("models")).toMatchObject({
      version: "b2",
      models: [{ id: "gpt-5", input: "100" }],
    })
    expect(await answer<ModelsAnswer>("models", { at: at - 1 })).toMatchObject({ version: "genai-0.1.8-20260821" })
    await publishUsage(parts.bus, [usageEvent("before", at - 1), usageEvent("after", at)])
    await pricing.settled()
    expect((await storedCharges(parts.bus)).map((charge) => [charge[0], charge[3]])).toEqual([
      ["before", "2250000"],
      ["after", "101000000"],
    ])
    expect(
      await eventually(
        async () => ((await listed(BUCKETS.priceBooks)).includes("b2") ? true : undefined),
        "b2 is in the bucket",
      ),
    ).toBe(true)
  })

  it("R0.1 a catalogue version is immutable and holds from its instant; the running one stays readable", async () => {
    const next = { ...defaultCatalogueData, version: "2026-2", effectiveAt: iso(START + HOUR_MS) }
    const dryRun = await answer<PublishAnswer>("catalogue-publish", { catalogue: next, apply: false, ...who })
    expect(dryRun).toMatchObject({ published: false })
    expect((await answer<VersionsAnswer>("catalogue-list")).items).toHaveLength(1)
    await answer("catalogue-publish", { catalogue: next, apply: true, ...who })
    expect(await ask("catalogue-publish", { catalogue: next, apply: true, ...who })).toMatchObject({
      refused: { code: "version_exists", field: "version" },
    })
    expect(await answer<PlansAnswer>("plans")).toMatchObject({ catalogueVersion: "2026-1" })
    now = START + HOUR_MS
    expect(await answer<PlansAnswer>("plans")).toMatchObject({ catalogueVersion: "2026-2" })
    expect(await answer("catalogue-show", { version: "2026-1" })).toMatchObject({ data: { version: "2026-1" } })
    expect(await answer<VersionsAnswer>("catalogue-list")).toMatchObject({
      current: "2026-2",
      items: [{ version: "2026-1" }, { version: "2026-2", by: "test", reason: "a test publishes", publishedAt: START }],
    })
  })

  it("R7.1 a version whose publisher ended before it was pushed is pushed when it is published again", async () => {
    await eventually(async () => (await pricing.status()).detail["isPushed"] === true || undefined, "all is pushed")
    const b2 = book("b2", iso(START + HOUR_MS), "100")
    const row = { kind: "book", version: "b2", ordinal: 99, published_by: "another", reason: "it ended" } as const
    const instants = { effective_at: BigInt(START + HOUR_MS), published_at: BigInt(START) }
    const left = { ...row, ...instants, data: JSON.stringify(b2) }
    await parts.database.kysely.insertInto("version").values(left).execute()
    expect(await ask("book-publish", { book: b2, apply: true, ...who })).toMatchObject({
      refused: { code: "version_exists" },
    })
    await eventually(async () => (await listed(BUCKETS.priceBooks)).includes("b2") || undefined, "b2 is in the bucket")
  })

  it("R7.1 a version that could not be read back after it was kept holds and is pushed all the same", async () => {
    await pricing.stop()
    let [isKept, failures] = [false, 0]
    const plugin: KyselyPlugin = {
      transformQuery: ({ node }) => {
        if (node.kind === "InsertQueryNode" && node.into?.table.identifier.name === "version") isKept = true
        else if (isKept && node.kind === "SelectQueryNode" && failures++ === 0) throw new Error("the connection broke")
        return node
      },
      transformResult: async ({ result }) => result,
    }
    const database = { ...parts.database, kysely: parts.database.kysely.withPlugin(plugin) }
    pricing = await startTestPricing({ ...parts, database }, { clock })
    expect(await ask("book-publish", { book: book("b2", "now", "100"), apply: true, ...who })).toMatchObject({
      refused: { code: "unavailable" },
    })
    await eventually(async () => (await listed(BUCKETS.priceBooks)).includes("b2") || undefined, "b2 is in the bucket")
    expect(await answer<BookAnswer>("book-show")).toMatchObject({ version: "b2" })
  })

  it("R0.2 R0.1 publishing is refused with the field's name, and never back into the past", async () => {
    const plans = defaultCatalogueData.plans.map((plan) => (plan.id === "pro" ? { ...plan, rank: 1 } : plan))
    const catalogue = { ...defaultCatalogueData, version: "bad", effectiveAt: iso(START + 1), plans }
    expect(await ask("catalogue-publish", { catalogue, apply: true, ...who })).toMatchObject({
      refused: { code: "invalid", field: "plans[2].rank", invalid: [{ code: "rank_repeats" }] },
    })
    const past = { book: book("late", iso(START - 1), "1"), apply: true, ...who }
    expect(await ask("book-publish", past)).toMatchObject({
      refused: { code: "effective_in_past", field: "effectiveAt" },
    })
    const sixDigits = { book: book("digits", "now", "0.0000001"), apply: true, ...who }
    expect(await ask("book-publish", sixDigits)).toMatchObject({
      refused: { code: "invalid", field: "models[0].input", invalid: [{ code: "invalid_price" }] },
    })
    expect(await ask("book-publish", { book: book("b", "now", "1"), apply: true, by: "test" })).toMatchObject({
      refused: { code: "invalid" },
    })
    expect((await answer<VersionsAnswer>("book-list")).items).toHaveLength(defaultPriceBooksData.length)
  })

  it("R7.1 published versions outlive a restart; seeds are not published again", async () => {
    await answer("book-publish", { book: book("b2", "now", "100"), apply: true, ...who })
    await pricing.stop()
    pricing = await startTestPricing(parts, { clock })
    expect(await answer<BookAnswer>("book-show")).toMatchObject({
      version: "b2",
      effectiveAt: START,
      data: { version: "b2" },
    })
    expect((await answer<VersionsAnswer>("book-list")).items).toHaveLength(defaultPriceBooksData.length + 1)
    expect(await ask("book-show", { version: "nope" })).toMatchObject({ refused: { code: "version_not_found" } })
  })

  it("R7.1 an import publishes only what changes something: nothing after the seed", async () => {
    const request = { apply: true, by: "test", reason: "newer prices" }
    expect(await answer<ImportAnswer>("import", request)).toMatchObject({ published: false, books: [] })
    await answer("book-publish", { book: book("b2", "now", "100"), apply: true, ...who })
    now = START + HOUR_MS
    const dryRun = await answer<ImportAnswer>("import", { ...request, apply: false })
    expect(dryRun.published).toBe(false)
    expect(dryRun.books).toMatchObject([
      { version: "genai-0.1.8-20261101T010000", effectiveAt: now, removed: [], changed: ["gpt-5"] },
    ])
    expect(dryRun.books[0]!.added.length).toBe(dryRun.books[0]!.models - 1)
    expect(dryRun.skipped.length).toBeGreaterThan(0)
    expect(await answer<ModelsAnswer>("models")).toMatchObject({ version: "b2" })
    expect(await answer<ImportAnswer>("import", request)).toMatchObject({ published: true })
    expect(await answer<ModelsAnswer>("models")).toMatchObject({ version: "genai-0.1.8-20261101T010000" })
    // The change of prices that the source announces for 2027 was seeded and still follows.
    expect(await answer<ModelsAnswer>("models", { at: Date.parse("2027-01-01T00:00:00Z") })).toMatchObject({
      version: "genai-0.1.8-20270101",
    })
  })

  it("R6.2 a quote names the book; unknown models, fields and operations are typed refusals", async () => {
    const estimate = { inputTokens: 1, maxOutputTokens: 1 }
    const refusals = [
      [await ask("quote", { model: "no-such-model", estimate }), "model_unknown"],
      [await ask("quote", { model: "gpt-5", estimate: { ...estimate, more: 1 } }), "invalid"],
      [await ask("quote", { model: "gpt-5", estimate: { inputTokens: -1, maxOutputTokens: 1 } }), "invalid"],
      [await ask("quote", { model: "gpt-5", estimate, at: 0 }), "no_price_book"],
      [await ask("usage", { account: "not an account", by: "day" }), "invalid"],
      [await ask("usage", { account: "acc_a", by: "day", from: 10, to: 5 }), "invalid"],
      [await ask("plans", { at: 0 }), "no_catalogue"],
      [await ask("melt"), "unknown_op"],
    ] as const
    for (const [reply, code] of refusals) expect(reply).toMatchObject({ refused: { code } })
    const text = await parts.bus.connection.request(SUBJECTS.pricingRequest("quote"), "{")
    expect(JSON.parse(text.string())).toMatchObject({ refused: { code: "invalid" } })
  })

  it("contract 2 and 3: plans and model prices have the shapes the clients read", async () => {
    const { plans } = await answer<PlansAnswer>("plans")
    expect(plans[1]).toEqual({
      id: "plus",
      name: "Plus",
      rank: 1,
      hostedModels: true,
      monthly: { firstMonthUsd: "16.00", renewalUsd: "20.00" },
      yearly: { totalUsd: "168.00", monthlyEquivalentUsd: "14.00" },
      creditsPerCycleUsd: "20.00",
      features: defaultCatalogueData.plans[1]!.features,
    })
    const models = await answer<ModelsAnswer>("models")
    expect(models).toMatchObject({ currency: "USD", unit: "per_1m_tokens" })
    expect(models.models.find((model) => model.id === "gemini-2.5-pro")).toEqual({
      id: "gemini-2.5-pro",
      provider: "google",
      input: "1.25",
      output: "10",
      cacheRead: "0.125",
      cacheWrite: null,
      cacheWrite1h: null,
      longContext: { aboveInputTokens: 200_000, input: "2.5", output: "15", cacheRead: "0.25" },
      enabled: true,
    })
  })

  it("an invalid seed stops the first start with its file and field, and keeps nothing of it", async () => {
    const empty = await startParts()
    const bad = book("b1", "now", "one dollar")
    const start = startPricing({
      bus: empty.bus,
      database: empty.database,
      clock,
      seeds: {
        books: { data: [book("b0", "now", "1"), bad], from: "CREDITS_PRICE_BOOK prices.json" },
        catalogues: { data: [defaultCatalogueData], from: "shipped" },
      },
      freeSpace: { folder: empty.dataDir, mark: 0 },
      report: () => undefined,
    })
    await expect(start).rejects.toThrow(/CREDITS_PRICE_BOOK prices\.json holds no valid book: models\[0\]\.input/)
    expect(await empty.database.kysely.selectFrom("version").selectAll().execute()).toEqual([])
    await empty.stop()
  })

  it.skipIf(findPostgresBinaries() === undefined)("R7.1 versions published at the same moment all hold", async () => {
    await withPostgres(async ({ url }) => {
      const own = await startParts(url)
      const other = await startTestPricing(own, { clock })
      const publish = (version: string) => {
        const text = JSON.stringify({ op: "book-publish", book: book(version, "now", "100"), apply: true, ...who })
        return own.bus.connection.request(SUBJECTS.pricingRequest("book-publish"), text, { timeout: 10_000 })
      }
      const versions = Array.from({ length: 8 }, (_, i) => `b${i}`)
      const answers = await Promise.all(versions.map(publish))
      expect(answers.map((reply) => JSON.parse(reply.string()) as object)).toEqual(
        versions.map((version) => ({ ok: { version, effectiveAt: START, published: true } })),
      )
      const isListed = async (): Promise<boolean> => {
        const list = await kvGet(own.bus, BUCKETS.priceBooks, CURRENT_KEY)
        return versions.every((version) => list!.text.includes(`"${version}"`))
      }
      await eventually(async () => (await isListed()) || undefined, "all are in the bucket")
      await other.stop()
      await own.stop()
    })
  })

  it("R12.1 the clock command is answered with the status, in the new time", async () => {
    now = START + 31 * 24 * HOUR_MS
    const reply = await parts.bus.connection.request(
      SUBJECTS.pricingControl,
      JSON.stringify({ op: "clock", now, run: true }),
    )
    expect(JSON.parse(reply.string())).toMatchObject({ service: "pricing", now, nextDue: null, outboxPending: 0 })
  })
})
