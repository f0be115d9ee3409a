/**
 * Goal: an operator's bad day is put right through the `credits` command alone, and nobody has paid twice or been given
 * twice at its end. Method: one system at work, the command line as a process; each trouble is made as it would happen,
 * seen, repaired and looked at again. HTTP is only looked at, and is what customers and gateways do.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type BusHandle, closeBus, connectBus, publish } from "@credits/bus"
import { SUBJECTS } from "@credits/contracts"
import type { UsageRow } from "@credits/contracts/http"
import { openSqliteFile } from "@credits/store"
import {
  advanceClock,
  businessNow,
  callUntilServed,
  commandLine,
  type CommandRun,
  Customer,
  setProcessorFaults,
  startSystem,
  type SystemUnderTest,
} from "@credits/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { booksAgree, grantCauses } from "./book.ts"

type Fields = Readonly<Record<string, unknown>>
interface List {
  readonly items: ReadonlyArray<Fields>
}
interface Book {
  readonly version: string
  readonly effectiveAt: string
  readonly models: ReadonlyArray<Fields & { readonly id: string }>
}
interface Check {
  readonly name: string
  readonly status: string
  readonly repair?: string
}

const MODEL = "gpt-4o"
const POLL = { timeout: 20_000, interval: 50 }
const CONFIRM = { method: "POST", path: "/v1/payment_intents/*/confirm" }
const DECIDED = ["--apply", "--reason", "a bad day"]
const STREAMS_REPLAYED = ["USAGE", "LEDGER_COMMANDS", "LEDGER_JOURNAL", "PAYMENTS", "SUBSCRIPTIONS"]

let folder = ""
let system: SystemUnderTest
let bus: BusHandle
let key = ""
let ada: Customer

const home = () => join(folder, "home")
const credits = (...args: ReadonlyArray<string>): Promise<CommandRun> => commandLine(home())(...args)
/** A command that must succeed, as JSON. */
const told = async <A = Fields>(...args: ReadonlyArray<string>): Promise<A> => {
  const run = await credits(...args, "--json")
  expect(run.exit, `${args.join(" ")}\n${run.stdout}\n${run.stderr}`).toBe(0)
  return run.json<A>()
}
/** What the doctor says about one thing; its exit code is not 0 while something fails. */
const doctorOn = async (name: string): Promise<Check | undefined> => {
  const { checks } = (await credits("doctor", "--json")).json<{ checks: ReadonlyArray<Check> }>()
  return checks.find((check) => check.name === name)
}
const stateHash = async (): Promise<unknown> => (await told("ledger", "verify"))["stateHash"]

const event = (id: string, model: string, input: number, at: number): Fields => ({
  specversion: "1.0",
  type: "ai.usage.v1",
  id,
  source: "bad-day",
  subject: ada.account,
  time: new Date(at).toISOString(),
  data: {
    requestId: id,
    mode: "hosted",
    provider: "openai",
    model,
    status: "ok",
    tokens: { convention: "inclusive", input, output: 0 },
  },
})
/** A call of Ada's, reported as its gateway does. */
const used = async (id: string, model: string, input: number): Promise<void> => {
  const json = event(id, model, input, await businessNow(system.url))
  const answer = await callUntilServed(system.url, "/api/v1/gateway/usage", { token: key, json })
  expect(answer.status).toBe(202)
}
const available = async (): Promise<string> => (await ada.wallet()).availableUsd
const lineKinds = async (): Promise<ReadonlyArray<unknown>> =>
  (await ada.call<List>("wallet/entries?limit=500")).body.items.map(({ kind }) => kind)
const usageRows = async (): Promise<ReadonlyArray<UsageRow>> =>
  (await ada.call<{ items: ReadonlyArray<UsageRow> }>("wallet/usage?by=model")).body.items

const bookNow = async (): Promise<Book> => (await told<{ data: Book }>("prices", "show")).data
const publishes = async (book: Fields): Promise<string> => {
  const file = join(folder, "book.json")
  await writeFile(file, JSON.stringify(book))
  return (await told<{ effectiveAt: string }>("prices", "publish", file, ...DECIDED)).effectiveAt
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "credits-bad-day-"))
  system = await startSystem({ dataDir: home() })
  bus = await connectBus({ servers: system.natsUrl, seed: system.seeds.gateway, name: "gateway" })
  key = (await callUntilServed<{ key: string }>(system.url, "/api/v1/dev/gateway-key", { json: {} })).body.key
  ada = await Customer.signIn(system.url, "ada@example.com")
  await ada.saveCard("tok_ok")
  await ada.buy("plus", "monthly")
})
afterAll(async () => {
  await closeBus(bus)
  await system.stop()
  await rm(folder, { recursive: true, force: true })
})

describe("an operator's bad day", () => {
  it("R7.4 a wrong price was published and used: corrected, and the difference is given back once", async () => {
    const book = await bookNow()
    const priced = (input: string) => book.models.map((model) => (model.id === MODEL ? { ...model, input } : model))
    const from = await publishes({ ...book, version: "wrong", effectiveAt: "now", models: priced("25") })
    await used("too-dear", MODEL, 400_000)
    await expect.poll(available, POLL).toBe("10.00")

    await publishes({ ...book, version: "right", effectiveAt: from, corrects: "wrong", models: priced("2.5") })
    const to = new Date((await businessNow(system.url)) + 1).toISOString()
    const rerate = ["prices", "rerate", "--from", from, "--to", to]
    expect(await told(...rerate)).toMatchObject({ applied: false, tooMuch: 1, backUsd: "9.00" })
    expect(await available()).toBe("10.00")
    expect(await told(...rerate, ...DECIDED)).toMatchObject({ givenBack: 1, givenBackUsd: "9.00" })
    expect(await told(...rerate, ...DECIDED)).toMatchObject({ tooMuch: 0, givenBack: 0 })
    expect(await available()).toBe("19.00")
    expect((await lineKinds()).filter((kind) => kind === "reversed")).toHaveLength(1)
  })

  it("R7.1 usage nobody could use: what can be mended is charged once, the hopeless is discarded", async () => {
    await used("unpriced", "brand-new", 1_000_000)
    await publish(bus.js, SUBJECTS.usage, "no JSON, {")
    const letters = async () => (await told<List>("dlq", "list")).items
    const reasons = async () => new Set((await letters()).map(({ reason }) => reason))
    await expect.poll(reasons, POLL).toEqual(new Set(["malformed", "model_unknown"]))
    expect((await doctorOn("dead letters"))?.repair).toContain("credits dlq list")
    const seqOf = async (wanted: string) => String((await letters()).find(({ reason }) => reason === wanted)?.["seq"])
    const [unpriced, hopeless] = [await seqOf("model_unknown"), await seqOf("malformed")]
    const shown = await credits("dlq", "show", unpriced)
    expect(shown.stdout).toContain('"id": "unpriced"')
    expect(shown.stderr).toMatch(/publish a book .*dlq redrive/s)

    // The call has happened: the model's price must hold from before it, as a correction of the book in force then.
    const book = await bookNow()
    const like = book.models.find(({ id }) => id === MODEL)!
    const models = [...book.models, { ...like, id: "brand-new", aliases: [], input: "1" }]
    await publishes({ ...book, version: "with-brand-new", corrects: book.version, models })
    await told("dlq", "redrive", unpriced, ...DECIDED)
    await expect.poll(available, POLL).toBe("18.00")
    await told("dlq", "discard", hopeless, ...DECIDED)
    expect(await letters()).toEqual([])
    const metrics = async () => (await fetch(new URL("/metrics", system.url))).text()
    await expect.poll(metrics, POLL).toMatch(/^dead_letters_pending 0$/m)
    expect((await lineKinds()).filter((kind) => kind === "charged")).toHaveLength(2)
    const audit = await told<List>("audit", "list")
    expect(audit.items.map(({ command }) => command)).toEqual(expect.arrayContaining(["dlq redrive", "dlq discard"]))
  })

  it("R6.3 a hold whose gateway is gone is seen, and gives its credit back by itself", async () => {
    const asked = { accountId: ada.account, requestId: "gone", model: MODEL, amountUsd: "5.00" }
    const held = await callUntilServed(system.url, "/api/v1/gateway/authorizations", { token: key, json: asked })
    expect(held.status).toBe(201)
    expect(await told("account", "show", ada.account)).toMatchObject({ openHolds: 1, heldUsd: "5.00" })
    const top = await told<{ openHolds: number; firstHoldLapsesInSeconds: number }>("top", "--once")
    expect(top.openHolds).toBe(1)
    expect(top.firstHoldLapsesInSeconds).toBeGreaterThan(0)
    await advanceClock(system.url, { by: "PT1H" })
    expect(await told("account", "show", ada.account)).toMatchObject({ openHolds: 0, availableUsd: "18.00" })
  })

  it("R10.2 a charge whose answer was lost and cannot be looked up is decided by a person, granted once", async () => {
    const grace = await Customer.signIn(system.url, "grace@example.com")
    await grace.saveCard("tok_ok")
    const { quoteId } = await grace.quote("pro", "monthly")
    // It charges, and then answers nothing that tells of it. (Too many requests: the SDK does not repeat those itself.)
    const busy = { kind: "rate_limited" }
    await setProcessorFaults(system.processorUrl!, [
      { match: CONFIRM, fault: { kind: "lose_answer" }, times: 3 },
      { match: CONFIRM, fault: busy },
      { match: { method: "GET", path: "/v1/payment_intents/**" }, fault: busy },
      { match: { method: "GET", path: "/v1/events" }, fault: busy },
      { match: { event: "*" }, fault: { kind: "webhook_lose" } },
    ])
    expect((await grace.confirm(quoteId)).status).toBe(202)
    const [unknown] = (await told<List>("charge", "list", "--status", "unknown")).items
    expect(unknown).toMatchObject({ accountId: grace.account, kind: "first" })
    const charge = String(unknown?.["chargeId"])
    const resolve = ["charge", "resolve", charge, "--outcome", "succeeded"]
    // While it is being looked up by itself nobody has to guess.
    const early = await credits(...resolve)
    expect(early.exit).toBe(4)
    expect(early.stderr).toContain("24 hours")

    await advanceClock(system.url, { by: "PT25H" })
    expect((await doctorOn("charges"))?.repair).toContain("charge list --status review")
    const [inReview] = (await told<List>("charge", "list", "--status", "review")).items
    expect(inReview?.["chargeId"]).toBe(charge)
    // The person has looked at the processor's own page: the money has moved.
    expect((await grace.book()).map(({ chargeId }) => chargeId)).toEqual([charge])
    await told(...resolve, ...DECIDED)
    await told(...resolve, ...DECIDED)
    await grace.settled()
    await setProcessorFaults(system.processorUrl!, [])
    expect(await grace.subscription()).toMatchObject({ plan: "pro", status: "active" })
    expect(await grantCauses(grace)).toHaveLength(1)
    await booksAgree([ada, grace])
    expect(await told("recon", "run", "--from", "2026-01-01T00:00:00Z")).toMatchObject({ ok: true, findings: [] })
  })

  it("decision 14 usage tables that were lost are rebuilt, although pricing is killed meanwhile", async () => {
    const before = await usageRows()
    expect(before.length).toBeGreaterThan(1)
    const database = openSqliteFile(join(home(), "pricing.db"))
    database.exec("delete from usage_rollup; delete from account_total")
    database.close()
    expect(await usageRows()).toEqual([])

    // Slowly enough to be killed at it.
    const slow = credits("projection", "rebuild", "usage", "--rate", "1", ...DECIDED)
    const state = async () => (await told<List>("projection", "list")).items[0]?.["rebuild"]
    await expect.poll(state, POLL).toBe("running")
    const pid = system.pidOf("pricing")
    system.kill("pricing")
    const broken = await slow
    expect([broken.exit, broken.stderr]).toEqual([1, expect.stringContaining("the same command goes on where it was")])
    await system.restarted("pricing", pid)
    const tables = () => doctorOn("usage tables")
    await expect.poll(async () => (await tables())?.repair, POLL).toContain("credits projection rebuild usage")

    const verified = await credits("projection", "verify", "usage")
    expect(verified.exit).toBe(1)
    expect(verified.stderr).toContain("credits projection rebuild usage --apply")
    const rebuilt = await told<{ comparison: Fields }>("projection", "rebuild", "usage", ...DECIDED)
    expect(rebuilt.comparison["differing"]).toBeGreaterThan(0)
    expect(await usageRows()).toEqual(before)
    const deep = (await told<{ checks: ReadonlyArray<Check> }>("doctor", "--deep")).checks
    for (const name of ["usage tables", "ledger's books"])
      expect(deep.find((check) => check.name === name)).toMatchObject({ status: "ok" })
  })

  it("I10 everything replayed from the beginning changes nothing", async () => {
    const before = { hash: await stateHash(), lines: await lineKinds(), rows: await usageRows() }
    const same = { stateHash: { before: before.hash, same: true }, deadLetters: { before: 0, after: 0 } }
    for (const stream of STREAMS_REPLAYED) {
      const report = await told("stream", "replay", stream, "--rate", "5000", ...DECIDED)
      expect(report).toMatchObject({ stream, ...same })
    }
    expect({ hash: await stateHash(), lines: await lineKinds(), rows: await usageRows() }).toEqual(before)
  })

  it("I10 a backup restored into a fresh folder has the same state, and starts", async () => {
    const [backup, fresh] = [join(folder, "backup"), join(folder, "fresh")]
    await told("backup", "create", backup)
    expect(await told("backup", "verify", backup)).toMatchObject({ ok: true })
    const restored = commandLine(fresh)
    expect((await restored("backup", "restore", backup, ...DECIDED)).exit).toBe(0)
    const hash = await stateHash()
    const wallet = await ada.wallet()
    const again = await startSystem({ dataDir: fresh })
    try {
      expect((await restored("ledger", "verify", "--json")).json()).toMatchObject({ ok: true, stateHash: hash })
      const same = await Customer.signIn(again.url, "ada@example.com")
      expect(await same.wallet()).toMatchObject({ availableUsd: wallet.availableUsd, seq: wallet.seq })
      expect((await restored("doctor")).exit).toBe(0)
    } finally {
      await again.stop()
    }
  })
})
