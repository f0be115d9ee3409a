/**
 * Goal: every command keeps the conventions of contract section 6: result on stdout, remarks on stderr, JSON on
 * request, exit
 * codes with a meaning, nothing changed without --apply and a reason. Method: the whole command line in this process, a
 * real nats-server, stand-ins for the services.
 */
import { SUBJECTS, type DeadLetter } from "@credits/contracts"
import { publish } from "@credits/bus"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { smallSystem, type SmallSystem } from "./testing/small-system.ts"
import { shellWith } from "./testing/terminal.ts"

let system: SmallSystem
const USD = 1_000_000_000n
type Fields = Record<string, unknown>

beforeAll(async () => {
  system = await smallSystem()
})
afterAll(() => system.stop())

const given = (account: string, available: bigint, plan = "pro") =>
  system.accounts.set(account, { available, plan, seq: 1, frozen: null })

describe("account", () => {
  it("show prints the wallet for people and, with --json, exact USD strings for programs", async () => {
    given("acc_show", 12_340_000_001n)
    const text = await system.credits("account", "show", "acc_show")
    assert.strictEqual(text.exit, 0)
    assert.match(text.stdout, /available +12\.340000001 USD/)
    const json = await system.credits("account", "show", "acc_show", "--json")
    assert.deepInclude(json.json<Fields>(), {
      accountId: "acc_show",
      availableUsd: "12.340000001",
      plan: "pro",
      seq: 1,
    })
    assert.strictEqual(json.stderr, "")
  })

  it("show of an account the ledger never saw is 'not found' (3), with a next step", async () => {
    const run = await system.credits("account", "show", "acc_nobody", "--json")
    assert.strictEqual(run.exit, 3)
    assert.nestedPropertyVal(run.json(), "error.code", "not_found")
    assert.include(run.stderr, "check the id")
  })

  it("statement lists entries", async () => {
    given("acc_lines", 2n * USD)
    const run = await system.credits("account", "statement", "acc_lines", "--limit", "5")
    assert.strictEqual(run.exit, 0)
    assert.match(run.stdout, /adjusted +2\.00 +2\.00 +adjustment/)
    assert.strictEqual((await system.credits("account", "statement", "acc_lines", "--limit", "501")).exit, 2)
  })

  it("adjust is a dry run until --apply, and --apply needs a reason", async () => {
    given("acc_dry", USD)
    const dry = await system.credits("account", "adjust", "acc_dry", "--amount", "5.00", "--json")
    assert.strictEqual(dry.exit, 0)
    assert.deepInclude(dry.json<Fields>(), { applied: false, amountUsd: "5.00" })
    assert.include(dry.stderr, "dry run")
    const unreasoned = await system.credits("account", "adjust", "acc_dry", "--amount", "5.00", "--apply")
    assert.strictEqual(unreasoned.exit, 2)
    assert.strictEqual(system.accounts.get("acc_dry")?.available, USD)
  })

  it("adjust gives and takes; taking more than there is is a conflict (4)", async () => {
    given("acc_adjust", USD)
    const apply = ["--apply", "--reason", "ticket 1"]
    const run = await system.credits("account", "adjust", "acc_adjust", "--amount", "5.00", ...apply)
    assert.strictEqual(run.exit, 0)
    assert.strictEqual(system.accounts.get("acc_adjust")?.available, 6n * USD)
    assert.strictEqual((await system.credits("account", "adjust", "acc_adjust", "--amount", "-2", ...apply)).exit, 0)
    assert.strictEqual(system.accounts.get("acc_adjust")?.available, 4n * USD)
    const tooMuch = await system.credits("account", "adjust", "acc_adjust", "--amount=-9", ...apply, "--json")
    assert.strictEqual(tooMuch.exit, 4)
    assert.include(tooMuch.stdout, "insufficient_balance")
  })

  it("the same adjustment id is done once per account", async () => {
    given("acc_once", 0n)
    const same = ["account", "adjust", "acc_once", "--amount", "3", "--id", "t-1", "--apply", "--reason", "ticket 2"]
    assert.strictEqual((await system.credits(...same)).exit, 0)
    assert.strictEqual((await system.credits(...same)).exit, 0)
    assert.strictEqual(system.accounts.get("acc_once")?.available, 3n * USD)
  })

  it("many accounts in one process: when some fail the exit code is 'partly' (6)", async () => {
    given("acc_rich", 10n * USD)
    given("acc_poor", 0n)
    const file = join(system.dataDir, "accounts.txt")
    await writeFile(file, "acc_rich # the first\n\nacc_poor\n")
    const take = ["--amount=-1", "--apply", "--reason", "ticket 3", "--json"]
    const run = await system.credits("account", "adjust", "--accounts-file", file, ...take)
    assert.strictEqual(run.exit, 6)
    assert.match(run.stderr, /repeat it with --id cmd_/)
    const { items } = run.json<{ items: Array<{ accountId: string; status: string }> }>()
    assert.deepEqual(
      items.map((item) => [item.accountId, item.status]),
      [
        ["acc_rich", "done"],
        ["acc_poor", "failed"],
      ],
    )
  })

  it("an account named twice, a bad id, a bad amount, no account: usage (2), nothing sent", async () => {
    const adjust = (...args: ReadonlyArray<string>) => system.credits("account", "adjust", ...args)
    assert.strictEqual((await adjust("acc_a", "acc_a", "--amount", "1")).exit, 2)
    assert.strictEqual((await adjust("nobody", "--amount", "1")).exit, 2)
    assert.strictEqual((await adjust("acc_a", "--amount", "1.0000000001")).exit, 2)
    assert.strictEqual((await adjust("acc_a", "--amount", "0")).exit, 2)
    assert.strictEqual((await adjust("--amount", "1")).exit, 2)
    assert.strictEqual((await adjust("acc_a")).exit, 2)
  })

  it("entitle takes the plan from the catalogue; an unknown plan is not found (3); free ends it", async () => {
    given("acc_plan", 0n, "free")
    const apply = ["--apply", "--reason", "partner"]
    assert.strictEqual((await system.credits("account", "entitle", "acc_plan", "--plan", "pro", ...apply)).exit, 0)
    assert.strictEqual(system.accounts.get("acc_plan")?.plan, "pro")
    const gold = await system.credits("account", "entitle", "acc_plan", "--plan", "gold", ...apply)
    assert.strictEqual(gold.exit, 3)
    assert.include(gold.stderr, "its plans: free, pro")
    assert.strictEqual((await system.credits("account", "entitle", "acc_plan", "--plan", "free", ...apply)).exit, 0)
    assert.strictEqual(system.accounts.get("acc_plan")?.plan, "free")
  })

  it("freeze and unfreeze", async () => {
    given("acc_cold", USD)
    assert.strictEqual((await system.credits("account", "freeze", "acc_cold", "--apply", "--reason", "fraud")).exit, 0)
    assert.match((await system.credits("account", "show", "acc_cold")).stdout, /FROZEN +fraud/)
    assert.strictEqual((await system.credits("account", "unfreeze", "acc_cold", "--apply", "--reason", "ok")).exit, 0)
    assert.strictEqual(system.accounts.get("acc_cold")?.frozen, null)
  })
})

describe("audit", () => {
  it("what was applied leaves two rows: who, why, and the answer; a dry run leaves none", async () => {
    given("acc_audit", 0n)
    const before = (await system.credits("audit", "list", "--json")).json<{ items: Array<unknown> }>().items.length
    await system.credits("account", "adjust", "acc_audit", "--amount", "7", "--apply", "--reason", "ticket 9")
    await system.credits("account", "adjust", "acc_audit", "--amount", "7")
    const { items } = (await system.credits("audit", "list", "--json")).json<{
      items: Array<Record<string, unknown>>
    }>()
    assert.strictEqual(items.length, before + 2)
    const [ended, began] = items
    assert.deepInclude(began, { phase: "began", command: "account adjust", reason: "ticket 9" })
    assert.deepInclude(ended, { phase: "ended", run: began?.run })
    assert.match(String(began?.osUser), /.+@.+/)
    assert.include(JSON.stringify(ended?.detail), '"availableAfterUsd":"7.00"')
  })

  it("rows can be neither changed nor deleted", async () => {
    await system.credits("account", "adjust", "acc_audit", "--amount", "1", "--apply", "--reason", "ticket 10")
    const { default: Sqlite } = await import("better-sqlite3")
    const database = new Sqlite(join(system.dataDir, "ops.db"))
    assert.throws(() => database.exec("delete from audit"), /append-only/)
    assert.throws(() => database.exec("update audit set reason = ''"), /append-only/)
    database.close()
  })
})

describe("catalogue and prices", () => {
  it("catalogue show lists the plans; a missing price book is not found (3)", async () => {
    assert.match((await system.credits("catalogue", "show")).stdout, /pro +2 +yes/)
    assert.strictEqual((await system.credits("prices", "show")).exit, 3)
  })

  it("R0.2 a refused publication names every wrong field; a dry run publishes nothing", async () => {
    const file = join(system.dataDir, "catalogue.json")
    await writeFile(file, "{}")
    const refused = await system.credits("catalogue", "publish", file)
    assert.strictEqual(refused.exit, 2)
    assert.include(refused.stderr, "plans[1].rank: rank 0 is taken by free (R0.2)")
    await writeFile(file, JSON.stringify(CATALOGUE_FILE))
    const dry = await system.credits("catalogue", "publish", file, "--json")
    assert.deepInclude(dry.json<Fields>(), { version: "2026-12", published: false })
    const published = await system.credits("catalogue", "publish", file, "--apply", "--reason", "new plans", "--json")
    assert.deepInclude(published.json<Fields>(), { version: "2026-12", published: true })
  })
})

const CATALOGUE_FILE = { version: "2026-12" }

describe("streams and dead letters", () => {
  const letter = (id: string, reason: string): DeadLetter => ({
    v: 1,
    id,
    service: "pricing",
    reason,
    detail: `nobody knows ${id}`,
    origin: { stream: "USAGE", seq: 7, index: 3 },
    account: "acc_dead",
    at: 1_795_000_000_000,
    payload: '{"a":1}',
  })

  it("stream list and show know the streams of the contracts; another name is not found (3)", async () => {
    const list = await system.credits("stream", "list")
    assert.strictEqual(list.exit, 0)
    assert.match(list.stdout, /LEDGER_COMMANDS +0/)
    assert.match((await system.credits("stream", "show", "USAGE")).stdout, /discard +new/)
    assert.strictEqual((await system.credits("stream", "show", "NOPE")).exit, 3)
  })

  it("dlq lists newest first, counts by reason, filters, and shows one with its original", async () => {
    assert.include((await system.credits("dlq", "list")).stdout, "no dead letters")
    for (const [id, reason] of [
      ["e1", "model_unknown"],
      ["e2", "malformed"],
      ["e3", "model_unknown"],
    ] as const) {
      await publish(system.bus.js, SUBJECTS.deadLetter("pricing"), JSON.stringify(letter(id, reason)))
    }
    const all = (await system.credits("dlq", "list", "--json")).json<{
      byReason: object
      items: Array<{ id: string }>
    }>()
    assert.deepEqual(all.byReason, { model_unknown: 2, malformed: 1 })
    assert.deepEqual(
      all.items.map((item) => item.id),
      ["e3", "e2", "e1"],
    )
    const unknown = await system.credits("dlq", "list", "--reason", "model_unknown", "--limit", "1", "--json")
    assert.deepEqual(
      unknown.json<{ items: Array<{ id: string }> }>().items.map((item) => item.id),
      ["e3"],
    )
    const shown = await system.credits("dlq", "show", "e2")
    assert.match(shown.stdout, /origin +USAGE message 7, item 3/)
    assert.include(shown.stdout, '"a": 1')
    assert.match(shown.stderr, /next: .*credits dlq (redrive|discard) \d+ --apply/)
    assert.strictEqual((await system.credits("dlq", "show", "2", "--json")).json().id, "e2")
    assert.strictEqual((await system.credits("dlq", "show", "nope")).exit, 3)
  })
})

describe("doctor", () => {
  interface Report {
    readonly ok: boolean
    readonly checks: ReadonlyArray<{ name: string; status: string; detail: string; repair?: string }>
  }
  const doctor = async () => {
    const run = await system.credits("doctor", "--json")
    return { exit: run.exit, report: run.json<Report>() }
  }
  const find = (report: Report, name: string) => report.checks.find((check) => check.name === name)

  it("finds a healthy system healthy", async () => {
    const { exit, report } = await doctor()
    assert.deepEqual(
      report.checks.filter((check) => check.status === "fail"),
      [],
    )
    assert.strictEqual(exit, 0)
    assert.strictEqual(find(report, "streams")?.status, "ok")
    assert.strictEqual(find(report, "ledger ready")?.status, "ok")
  })

  it("a cursor beyond the end of its stream is a cursor_gap, with the repair explained", async () => {
    system.status.cursors = { LEDGER_COMMANDS: 100 }
    const { exit, report } = await doctor()
    system.status.cursors = {}
    assert.strictEqual(exit, 1)
    const check = find(report, "ledger on LEDGER_COMMANDS")
    assert.strictEqual(check?.status, "fail")
    assert.include(check?.detail, "cursor_gap")
    assert.include(check?.repair, "restore")
  })

  it("a gateway that this machine started is looked at: ready, not ready, gone", async () => {
    let isReady = true
    const gateway = createServer((_, response) => {
      response.writeHead(isReady ? 200 : 503).end(JSON.stringify({ ready: isReady }))
    })
    await new Promise<void>((resolve) => gateway.listen(0, "127.0.0.1", resolve))
    const gatewayUrl = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`
    const runFile = join(system.dataDir, "run.json")
    await writeFile(runFile, JSON.stringify({ natsUrl: system.natsUrl, pid: process.pid, gatewayUrl }))
    const looked = async () => {
      const { exit, report } = await doctor()
      const check = find(report, "gateway ready")
      if (check?.status === "fail") assert.include(check.repair, "supervisor")
      return [check?.status, exit]
    }
    assert.deepEqual(await looked(), ["ok", 0])
    isReady = false
    assert.deepEqual(await looked(), ["fail", 1])
    gateway.closeAllConnections()
    await new Promise((resolve) => gateway.close(resolve))
    assert.deepEqual(await looked(), ["fail", 1])
    await rm(runFile)
    assert.isUndefined(find((await doctor()).report, "gateway ready"))
  })

  it("a service that is not ready and a missing stream fail by name", async () => {
    system.status.ready = false
    await system.bus.jsm.streams.delete("LEDGER_SIGNALS")
    const { exit, report } = await doctor()
    system.status.ready = true
    assert.strictEqual(exit, 1)
    assert.strictEqual(find(report, "ledger ready")?.status, "fail")
    assert.strictEqual(find(report, "stream LEDGER_SIGNALS")?.status, "fail")
  })
})

describe("without a system", () => {
  it("says what it looked for and what to do; the wrong words are usage (2)", async () => {
    const empty = await mkdtemp(join(tmpdir(), "credits-nothing-"))
    const credits = shellWith({ CREDITS_DATA_DIR: empty })
    const run = await credits("account", "show", "acc_a", "--json")
    assert.strictEqual(run.exit, 1)
    assert.nestedPropertyVal(run.json(), "error.code", "nothing_running")
    assert.include(run.stderr, "npm start")
    assert.strictEqual((await credits("account", "shwo", "acc_a")).exit, 2)
    assert.strictEqual((await credits("account")).exit, 2)
    assert.strictEqual((await credits("--help")).exit, 0)
    await rm(empty, { recursive: true })
  })

  it("a run.json of a process that is gone says so", async () => {
    const folder = await mkdtemp(join(tmpdir(), "credits-gone-"))
    await writeFile(join(folder, "run.json"), JSON.stringify({ natsUrl: "nats://127.0.0.1:1", pid: 2 ** 22 + 1 }))
    const run = await shellWith({ CREDITS_DATA_DIR: folder })("stream", "list")
    assert.strictEqual(run.exit, 1)
    assert.include(run.stderr, "has stopped")
    await rm(folder, { recursive: true })
  })
})
