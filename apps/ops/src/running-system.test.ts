/**
 * Goal: the command line works on the system that `npm start` starts. Method: start it, follow one customer from
 * sign-in over a plan, credit, a call and its charge to the statement, and another one who pays; then look at the
 * ledger's proof, the dead letters and the doctor.
 */
import { Customer, startSystem, type SystemUnderTest } from "@credits/testkit"
import BetterSqlite3 from "better-sqlite3"
import { readFile, writeFile } from "node:fs/promises"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { REPLAYABLE } from "./replay/message.ts"
import { shellWith, type Shell } from "./testing/terminal.ts"

let system: SystemUnderTest
let credits: Shell
let account: string
let key: string
let payer: Customer

const BATCH = "application/cloudevents-batch+json"
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
    const { checks } = doctor.json<{ checks: Array<{ name: string; status: string }> }>()
    // Nobody whom the supervisor started is forgotten.
    const { services } = JSON.parse(await readFile(`${system.dataDir}/run.json`, "utf8")) as { services: object }
    const names = Object.keys(services).map((name) => (name === "processor" ? "sandbox processor" : `${name} ready`))
    assert.includeMembers(
      checks.map(({ name }) => name),
      names,
    )
    assert.deepEqual(
      checks.filter((check) => check.status === "fail"),
      [],
    )
    assert.strictEqual(doctor.exit, 0)
  })

  it("top shows every service at work, its owner and how far it has read", async () => {
    const [run, text] = await Promise.all([credits("top", "--json"), credits("top", "--once")])
    const { services, openHolds } = run.json<{
      openHolds: number
      services: ReadonlyArray<{ service: string; ready: boolean; owner: string | null; lagMessages: number }>
    }>()
    assert.deepEqual(
      services.filter(({ ready, owner }) => !ready || owner === null),
      [],
    )
    assert.isNumber(openHolds)
    assert.match(text.stdout, /ledger +ready +64 /)
    assert.strictEqual((await credits("top", "--every", "2")).exit, 2)
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

  it("R7.4 a wrong price is corrected and its calls are priced again; a repeat gives nothing back", async () => {
    const [bookFile, id] = [`${system.dataDir}/book.json`, "acc_wronglypriced"]
    const publishes = async (version: string, effectiveAt: string, input: string, corrects?: string) => {
      const { data } = (await credits("prices", "show", "--json")).json<{ data: { models: Array<{ id: string }> } }>()
      const models = data.models.map((model) => (model.id === "gpt-5" ? { ...model, input } : model))
      await writeFile(bookFile, JSON.stringify({ ...data, version, effectiveAt, models, corrects }))
      const run = await credits("prices", "publish", bookFile, ...applied, "--json")
      assert.strictEqual(run.exit, 0, run.stderr)
      return run.json<{ effectiveAt: string }>().effectiveAt
    }
    assert.strictEqual((await credits("account", "entitle", id, "--plan", "pro", ...applied)).exit, 0)
    assert.strictEqual((await credits("account", "adjust", id, "--amount", "25", ...applied)).exit, 0)
    const from = await publishes("wrong", "now", "12.5")
    const wallet = async () => (await credits("account", "show", id, "--json")).json<{ availableUsd: string }>()
    const usedAt = new Date().toISOString()
    await post("/api/v1/gateway/usage", [{ ...usage("evt-wrong", "gpt-5", usedAt), subject: id }], key, BATCH)
    assert.strictEqual((await until(wallet, ({ availableUsd }) => availableUsd !== "25.00")).availableUsd, "12.50")
    await publishes("right", from, "1.25", "wrong")
    const to = new Date(Date.parse(usedAt) + 1).toISOString()
    const rerate = (...more: ReadonlyArray<string>) =>
      credits("prices", "rerate", "--from", from, "--to", to, "--json", ...more)
    const planned = (await rerate()).json<Record<string, unknown>>()
    assert.deepInclude(planned, { applied: false, calls: 1, tooMuch: 1, accounts: 1, backUsd: "11.25" })
    assert.strictEqual((await wallet()).availableUsd, "12.50")
    const done = await rerate(...applied)
    assert.strictEqual(done.exit, 0, done.stderr)
    assert.deepInclude(done.json<Record<string, unknown>>(), { applied: true, givenBack: 1, givenBackUsd: "11.25" })
    assert.strictEqual((await wallet()).availableUsd, "23.75")
    const [line] = (await credits("account", "statement", id, "--json")).json<{ items: Array<object> }>().items
    assert.deepInclude(line, { kind: "reversed", amountUsd: "11.25", cause: "evt-wrong", usage: null })
    assert.deepInclude((await rerate(...applied)).json<Record<string, unknown>>(), { tooMuch: 0, givenBack: 0 })
    assert.strictEqual((await wallet()).availableUsd, "23.75")
  })

  it("decision 14 damaged usage tables are noticed, rebuilt beside the live ones and put in place", async () => {
    const verify = async () => {
      const run = await credits("projection", "verify", "usage", "--json")
      return { exit: run.exit, ...run.json<{ comparison: { differing: number; liveHash: string } }>() }
    }
    const before = await until(verify, ({ exit }) => exit === 0)
    assert.strictEqual(before.comparison.differing, 0)
    const database = new BetterSqlite3(`${system.dataDir}/pricing.db`)
    assert.isAbove(database.prepare("DELETE FROM usage_rollup WHERE account = ?").run(account).changes, 0)
    database.close()
    const damaged = await verify()
    assert.strictEqual(damaged.exit, 1)
    assert.isAbove(damaged.comparison.differing, 0)
    const rebuilt = await credits("projection", "rebuild", "usage", ...applied, "--json")
    assert.strictEqual(rebuilt.exit, 0, rebuilt.stderr)
    assert.deepInclude(rebuilt.json<Record<string, unknown>>(), { applied: true, swapped: true })
    const after = await verify()
    assert.deepStrictEqual([after.exit, after.comparison.liveHash], [0, before.comparison.liveHash])
  })
})

describe("credits about a customer who pays", () => {
  type Fields = Record<string, unknown>
  let customer: Customer
  beforeAll(async () => {
    customer = payer = await Customer.signIn(system.url, "grace@example.com")
    await customer.saveCard("tok_ok")
    await customer.buy("plus", "monthly")
    await customer.buy("pro", "monthly")
  }, START_MS)
  const json = async (...args: ReadonlyArray<string>): Promise<Fields> => {
    const run = await credits(...args, "--json")
    return { exit: run.exit, ...run.json<Fields>() }
  }

  it("a plan that was paid for is not replaced by a complimentary one: conflict (4)", async () => {
    const run = await credits("account", "entitle", customer.account, "--plan", "plus", ...applied)
    assert.strictEqual(run.exit, 4)
    assert.deepInclude(await json("subscription", "show", customer.account), { plan: "pro", status: "active" })
  })

  it("charges are listed and shown; our books and the card processor's agree (R10.4)", async () => {
    const listed = await json("charge", "list", "--account", customer.account)
    const charges = listed["items"] as ReadonlyArray<Fields>
    assert.deepEqual(
      charges.map(({ kind, amountUsd, status }) => [kind, amountUsd, status]),
      [
        ["upgrade", "84.00", "succeeded"],
        ["first", "16.00", "succeeded"],
      ],
    )
    assert.strictEqual((await credits("charge", "show", String(charges[0]?.["chargeId"]))).exit, 0)
    assert.strictEqual((await credits("charge", "show", "chg_00000000000000000000000000")).exit, 3)
    assert.deepInclude(await json("recon", "run"), { exit: 0, ok: true })
  })

  it("R5.2 a case is opened by the customer, looked at and answered by support", async () => {
    const [charge] = await customer.history()
    await customer.call("billing/reviews", { json: { chargeId: charge!.chargeId, reason: "why 84.00?" } })
    const open = await json("review", "list", "--status", "open")
    const items = open["items"] as ReadonlyArray<Fields>
    const reviewId = String(items[0]?.["reviewId"])
    assert.include((await credits("review", "show", reviewId)).stdout, "why 84.00?")
    const answer = ["--answer", "100.00 less the unused 16.00 of Plus."]
    assert.strictEqual((await credits("review", "answer", reviewId, ...answer, ...applied)).exit, 0)
    const seen = await customer.call<{ items: ReadonlyArray<Fields> }>("billing/reviews")
    assert.deepInclude(seen.body.items[0], { status: "answered", answer: "100.00 less the unused 16.00 of Plus." })
  })

  it("R5.3 a downgrade is scheduled, and the customer sees it; R5.1 cancel ends with the period", async () => {
    const downgraded = await credits("subscription", "downgrade", customer.account, "--plan", "plus", ...applied)
    assert.strictEqual(downgraded.exit, 0, downgraded.stderr)
    assert.deepInclude((await customer.subscription()).pendingChange, { plan: "plus", interval: "monthly" })
    assert.strictEqual((await credits("subscription", "cancel", customer.account, ...applied)).exit, 0)
    assert.strictEqual((await customer.subscription()).status, "canceling")
    await customer.change("resume")
  })

  it("auto top-up is shown with its consents and suspended until the customer acts (R9.1)", async () => {
    await customer.setAutoTopUp("100.00")
    assert.deepInclude(await json("topup", "show", customer.account), { enabled: true, monthlyCapUsd: "100.00" })
    assert.strictEqual((await credits("topup", "suspend", customer.account, ...applied)).exit, 0)
    assert.strictEqual((await customer.autoTopUp()).state, "suspended")
    const shown = await json("topup", "show", customer.account)
    const consents = shown["consents"] as ReadonlyArray<Fields>
    assert.deepEqual(
      consents.map(({ action }) => action),
      ["enabled", "suspended"],
    )
  })

  it("R5.2 a charge is refunded with a reason; a second time changes nothing", async () => {
    const [charge] = await customer.history()
    const refund = ["charge", "refund", charge!.chargeId, "--apply", "--reason", "charged in error"]
    const run = await credits(...refund)
    assert.strictEqual(run.exit, 0, run.stderr)
    assert.strictEqual(
      (await customer.book()).find(({ chargeId }) => chargeId === charge!.chargeId)?.status,
      "refunded",
    )
    assert.strictEqual((await credits(...refund)).exit, 0)
    const book = await customer.book()
    assert.strictEqual(book.find(({ chargeId }) => chargeId === charge!.chargeId)?.refundedUsd, "84.00")
    assert.deepInclude(await json("recon", "run"), { exit: 0, ok: true })
  })
})

/** Last: everything that happened above is what is replayed. */
describe("credits sends again what the services had before", () => {
  type Fields = Record<string, unknown>
  const json = async (...args: ReadonlyArray<string>) => (await credits(...args, "--json")).json<Fields>()
  const charges = async () => (await json("charge", "list", "--limit", "200"))["items"]
  const statementOf = async (of: string) => (await json("account", "statement", of))["items"]

  interface AtWork {
    readonly services: ReadonlyArray<{ readonly lagMessages: number; readonly outbox: number }>
    readonly streams: ReadonlyArray<{ readonly messages: number }>
  }
  /** Every service has read and told what there is: twice in a row, because a look is not one instant for all. */
  const untilAtRest = async (): Promise<void> => {
    let before = ""
    const isAtRest = ({ services, streams }: AtWork): boolean => {
      const isIdle = services.every(({ lagMessages, outbox }) => lagMessages === 0 && outbox === 0)
      const now = isIdle ? JSON.stringify(streams.map(({ messages }) => messages)) : ""
      const isSame = now !== "" && now === before
      before = now
      return isSame
    }
    let isThere = false
    await until(
      async () => (await credits("top", "--json")).json<AtWork>(),
      (picture) => (isThere = isAtRest(picture)),
    )
    assert.isTrue(isThere, "a service has not come to rest")
  }

  let told: ReadonlyArray<Fields>
  let charged: unknown
  beforeAll(async () => {
    await untilAtRest()
    told = (await payer.call<{ items: ReadonlyArray<Fields> }>("notifications")).body.items
    charged = (await json("ledger", "verify"))["charges"]
  })

  it("a dead letter redriven goes through the same door: still unknown, it is a letter again (R7.1)", async () => {
    const [before] = (await json("dlq", "list"))["items"] as ReadonlyArray<{ seq: number; id: string }>
    const lines = await statementOf(account)
    assert.strictEqual((await credits("dlq", "redrive", String(before!.seq), ...applied)).exit, 0)
    const after = await until(
      async () => (await json("dlq", "list"))["items"] as ReadonlyArray<{ seq: number; headers: Fields }>,
      (items) => items.length === 1 && items[0]!.seq !== before!.seq,
    )
    assert.deepInclude(after[0]?.headers, { "Credits-Redrive": before!.id })
    assert.deepEqual(await statementOf(account), lines)
  })

  it("I10 all streams from the beginning, at once, change nothing: books, charges of cards, letters", async () => {
    const books = async () => ({ charges: await charges(), lines: await statementOf(account) })
    const before = await books()
    const replayed = async (stream: string): Promise<void> => {
      const run = await credits("stream", "replay", stream, "--rate", "5000", ...applied, "--json")
      assert.strictEqual(run.exit, 0, run.stderr)
      const report = run.json<{
        messages: number
        tooOld: number
        stateHash: { before: string | null; same: boolean | null }
        deadLetters: { before: number; after: number }
      }>()
      if (stream !== "LEDGER_SIGNALS") assert.isAbove(report.messages, 0, stream)
      assert.strictEqual(report.tooOld, 0, stream)
      assert.isString(report.stateHash.before, stream)
      assert.isTrue(report.stateHash.same, stream)
      assert.deepEqual(report.deadLetters, { before: 1, after: 1 }, stream)
    }
    await Promise.all(REPLAYABLE.map(replayed))
    assert.deepEqual(await books(), before)
  })

  it("I10 and nobody was told anything twice, no usage counted twice, no card charged twice", async () => {
    await untilAtRest()
    const inbox = await payer.call<{ items: ReadonlyArray<Fields> }>("notifications")
    assert.deepEqual(inbox.body.items, told)
    assert.deepInclude(await json("ledger", "verify"), { ok: true, charges: charged })
    assert.deepInclude(await json("recon", "run"), { ok: true })
  })
})
