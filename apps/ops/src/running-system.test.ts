/**
 * Goal: the command line works on the system that `npm start` starts. Method: start it, follow one customer from
 * sign-in
 * over a plan, credit, a call and its charge to the statement, then look at the ledger's proof, the dead letters and
 * the
 * doctor.
 */
import { startSystem, type SystemUnderTest } from "@credits/testkit"
import { writeFile } from "node:fs/promises"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { shellWith, type Shell } from "./testing/terminal.ts"

let system: SystemUnderTest
let credits: Shell
let account: string
let key: string

const START_MS = 90_000
const FACT_MS = 15_000

const post = async <A>(path: string, body: unknown, token?: string, type = "application/json"): Promise<A> => {
  const response = await fetch(`${system.url}${path}`, {
    method: "POST",
    headers: { "content-type": type, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  assert.isTrue(response.ok, `${path} answered ${response.status} ${text}`)
  return JSON.parse(text) as A
}

/** Asks until the answer is what is waited for, or the time is up. */
const until = async <A>(ask: () => Promise<A>, isThere: (answer: A) => boolean): Promise<A> => {
  const deadline = performance.now() + FACT_MS
  for (;;) {
    const answer = await ask()
    if (isThere(answer) || performance.now() > deadline) return answer
    await new Promise((again) => setTimeout(again, 50))
  }
}

const usage = (id: string, model: string, time: string, holdId?: string) => ({
  specversion: "1.0",
  id,
  source: "gateway/test",
  type: "ai.usage.v1",
  subject: account,
  time,
  data: {
    requestId: `r-${id}`,
    mode: "hosted",
    provider: "openai",
    model,
    status: "ok",
    tokens: { convention: "inclusive", input: 1_000_000, output: 0 },
    ...(holdId === undefined ? {} : { holdId }),
  },
})

beforeAll(async () => {
  system = await startSystem()
  credits = shellWith({ CREDITS_DATA_DIR: system.dataDir })
  const signedIn = await post<{ accountId: string; accessToken: string }>("/api/v1/dev/sign-in", {
    email: "ada@example.com",
  })
  account = signedIn.accountId
  key = (await post<{ key: string }>("/api/v1/dev/gateway-key", {}, signedIn.accessToken)).key
}, START_MS)

afterAll(() => system.stop())

const applied = ["--apply", "--reason", "test"]

describe("credits on a running system", () => {
  it("entitles and funds an account; the wallet says so (R1.8, R1.2)", async () => {
    assert.strictEqual((await credits("account", "entitle", account, "--plan", "pro", ...applied)).exit, 0)
    assert.strictEqual((await credits("account", "adjust", account, "--amount", "25", ...applied)).exit, 0)
    const wallet = (await credits("account", "show", account, "--json")).json<Record<string, unknown>>()
    assert.deepInclude(wallet, { plan: "pro", hostedModels: true, availableUsd: "25.00", debtUsd: "0.00" })
  })

  it("a call is held, charged and shown in the statement (R6.1, R6.3)", async () => {
    const hold = await post<{ holdId: string }>(
      "/api/v1/gateway/authorizations",
      { accountId: account, requestId: "r-1", model: "gpt-5", amountUsd: "3.00" },
      key,
    )
    const event = usage("evt-1", "gpt-5", new Date().toISOString(), hold.holdId)
    await post("/api/v1/gateway/usage", [event], key, "application/cloudevents-batch+json")
    const lines = await until(
      async () =>
        (await credits("account", "statement", account, "--json")).json<{
          items: Array<{ kind: string; amountUsd: string }>
        }>(),
      ({ items }) => items.some((item) => item.kind === "charged"),
    )
    const charge = lines.items.find((item) => item.kind === "charged")
    // 1,000,000 input tokens at 1.25 USD a million.
    assert.strictEqual(charge?.amountUsd, "-1.25")
    const wallet = (await credits("account", "show", account, "--json")).json<Record<string, unknown>>()
    assert.deepInclude(wallet, { availableUsd: "23.75", openHolds: 0 })
  })

  it("usage of a model without a price is a dead letter with its reason (R7.1)", async () => {
    const event = usage("evt-2", "no-such-model", new Date().toISOString())
    await post("/api/v1/gateway/usage", [event], key, "application/cloudevents-batch+json")
    const letters = await until(
      async () => (await credits("dlq", "list", "--json")).json<{ items: Array<{ reason: string }> }>(),
      ({ items }) => items.length > 0,
    )
    assert.deepEqual(
      letters.items.map((item) => item.reason),
      ["model_unknown"],
    )
  })

  it("prices and plans are read, edited and published; a version never changes (R0.1, R7.1)", async () => {
    const { data } = (await credits("catalogue", "show", "--json")).json<{ data: { version: string } }>()
    const file = `${system.dataDir}/catalogue.json`
    await writeFile(file, JSON.stringify({ ...data, version: "test-1", effectiveAt: "2099-01-01T00:00:00.000Z" }))
    assert.strictEqual((await credits("catalogue", "publish", file)).exit, 0)
    assert.strictEqual((await credits("catalogue", "publish", file, ...applied)).exit, 0)
    await writeFile(file, JSON.stringify({ ...data, version: "test-1", effectiveAt: "2098-01-01T00:00:00.000Z" }))
    assert.strictEqual((await credits("catalogue", "publish", file, ...applied)).exit, 4)
    assert.strictEqual((await credits("prices", "show", "--model", "gpt-5")).exit, 0)
    assert.strictEqual((await credits("prices", "import")).exit, 0)
  })

  it("the ledger proves itself, and the doctor finds nothing failing (I1, I10)", async () => {
    const verified = await credits("ledger", "verify", "--json")
    assert.strictEqual(verified.exit, 0)
    assert.deepInclude(verified.json<Record<string, unknown>>(), { ok: true, charges: 1 })
    const doctor = await credits("doctor", "--json")
    const { checks } = doctor.json<{ checks: Array<{ status: string }> }>()
    assert.deepEqual(
      checks.filter((check) => check.status === "fail"),
      [],
    )
    assert.strictEqual(doctor.exit, 0)
  })

  it("50 accounts are entitled and funded by two processes' worth of work", async () => {
    const file = `${system.dataDir}/accounts.txt`
    const accounts = Array.from({ length: 50 }, (_, i) => `acc_batch${i}`)
    await writeFile(file, accounts.join("\n"))
    const entitled = await credits("account", "entitle", "--accounts-file", file, "--plan", "plus", ...applied)
    assert.strictEqual(entitled.exit, 0)
    const funded = await credits("account", "adjust", "--accounts-file", file, "--amount", "2", ...applied, "--json")
    assert.strictEqual(funded.exit, 0)
    const { items } = funded.json<{ items: Array<{ availableAfterUsd: string }> }>()
    assert.deepEqual(new Set(items.map((item) => item.availableAfterUsd)), new Set(["2.00"]))
  })
})
