/**
 * Goal: `ledger verify` is content with a ledger's own books and with nobody else's (I1, I2, I10). Method: a real
 * ledger writes a database; copies of it are tampered with, each in one way, and verified by the real program.
 */
import { spawn } from "node:child_process"
import { cp, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import BetterSqlite3 from "better-sqlite3"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { usd } from "@credits/kernel"
import { databaseFile } from "@credits/store"
import { startTestLedger, type TestLedger } from "./ledger.fixture.ts"

const nano = (text: string): string => usd(text).toString()
const USAGE = "openai|gpt-x|book-1|100|20|0|0|0|0|0|1|ok|req-1"

interface Report {
  readonly ok: boolean
  readonly entries: number
  readonly charges: number
  readonly accounts: number
  readonly snapshots: number
  readonly totals: Readonly<Record<string, string>>
  readonly stateHash: string
  readonly loadedHash: string
  readonly problems: ReadonlyArray<string>
}

describe("ledger verify", () => {
  let ledger: TestLedger
  let home: string

  beforeAll(async () => {
    ledger = await startTestLedger()
    await ledger.ready()
    home = await mkdtemp(join(tmpdir(), "verify-"))
    for (const account of ["acc_st0", "acc_st39", "acc_st1"]) {
      await ledger.request({ op: "entitle", id: "e1", account, plan: "plus", hostedModels: true, from: 1 })
      await ledger.request({ op: "grant", id: "g1", account, kind: "topup", amount: nano("20"), cause: "test" })
      const { ok } = (await ledger.request({ op: "authorize", id: "a1", account, amount: nano("5") })) as {
        readonly ok: { readonly holdId: string }
      }
      await ledger.charge(["evt-1", account, 1_000, nano("1.25"), ok.holdId, "h", USAGE])
      await ledger.charge(["evt-2", account, 1_000, nano("0.25"), "", "h", USAGE])
      await ledger.until(
        "charged",
        () => ledger.wallet(account),
        (wallet) => wallet.totals.spent === nano("1.5"),
      )
      const grant = { kind: "plan", amount: nano("3"), cause: "upgrade" }
      await ledger.request({ op: "exchange", id: "x1", account, from: "test", back: nano("2"), grant })
    }
    // An idle ledger writes snapshots; a tampered one must be noticed too.
    const database = new BetterSqlite3(databaseFile(ledger.dataDir, "ledger"), { readonly: true })
    const snapshots = database.prepare("SELECT count(*) AS n FROM snapshot")
    const count = () => Promise.resolve((snapshots.get() as { readonly n: number }).n)
    await ledger.until("snapshots", count, (n) => n >= 3)
    database.close()
    await ledger.kill()
  }, 60_000)
  afterAll(async () => {
    await ledger.stop()
    await rm(home, { recursive: true, force: true })
  })

  const verified = (dataDir: string): Promise<Report & { readonly code: number | null }> =>
    new Promise((resolve, reject) => {
      const program = fileURLToPath(new URL("./verify.ts", import.meta.url))
      const env = { ...process.env, CREDITS_DATA_DIR: dataDir, CREDITS_DATABASE_URL: "" }
      const child = spawn(process.execPath, [program], { env, stdio: ["ignore", "pipe", "ignore"] })
      let text = ""
      child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()))
      child.once("error", reject)
      child.once("close", (code) => resolve({ ...(JSON.parse(text) as Report), code }))
    })

  /** A copy of the books after some changes to them: its folder. */
  const changed = async (name: string, ...statements: ReadonlyArray<string>): Promise<string> => {
    const dataDir = join(home, name)
    await cp(ledger.dataDir, dataDir, { recursive: true })
    const database = new BetterSqlite3(databaseFile(dataDir, "ledger"))
    for (const statement of statements) assert.isAbove(database.prepare(statement).run().changes, 0, statement)
    database.close()
    return dataDir
  }
  /** What the verifier says of such a copy. */
  const tampered = async (name: string, ...statements: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
    const report = await verified(await changed(name, ...statements))
    assert.deepStrictEqual(
      [report.ok, report.code],
      [report.problems.length === 0, report.problems.length === 0 ? 0 : 1],
    )
    return report.problems
  }
  const noticed = (problems: ReadonlyArray<string>, what: RegExp) =>
    assert.isTrue(
      problems.some((problem) => what.test(problem)),
      `${what} in ${JSON.stringify(problems)}`,
    )

  it("I1 I10 is content with the ledger's own books and adds them up", async () => {
    const report = await verified(ledger.dataDir)
    assert.deepStrictEqual([report.ok, report.code, report.problems], [true, 0, []])
    assert.deepInclude(report, { entries: 21, charges: 6, accounts: 3, snapshots: 3 })
    const [grantedUsd, spentUsd, revokedUsd] = ["69.00", "4.50", "6.00"]
    assert.strictEqual(report.loadedHash, report.stateHash)
    assert.deepInclude(report.totals, { grantedUsd, spentUsd, revokedUsd, availableUsd: "58.50", debtUsd: "0.00" })
  })

  it("I1 notices an amount that was changed: the chain breaks and the account's books do not close", async () => {
    const problems = await tampered(
      "amount",
      `UPDATE entry_block SET text = replace(text, '"spent":"${nano("1.25")}"', '"spent":"${nano("1.15")}"')
       WHERE id = (SELECT min(id) FROM entry_block WHERE text LIKE '%"spent":"${nano("1.25")}"%')`,
    )
    noticed(problems, /hash chain breaks/)
    noticed(problems, /identity|buckets/)
  })

  it("I10 notices a block that is missing, at the end and in the middle", async () => {
    const last = "DELETE FROM entry_block WHERE id = (SELECT max(id) FROM entry_block)"
    noticed(await tampered("end", last), /row says/)
    const middle = `DELETE FROM entry_block WHERE id = (SELECT min(id) FROM entry_block WHERE seq > 1)`
    noticed(await tampered("middle", middle), /follows/)
  })

  it("I10 notices a balance that was changed where it is remembered", async () => {
    const more = `UPDATE snapshot SET state = replace(state, '"${nano("19.5")}"', '"${nano("20.5")}"')`
    noticed(await tampered("balance", more), /snapshot is not what its entries give/)
  })

  it("I10 notices a remembered balance that points to no entry", async () => {
    noticed(await tampered("nowhere", "UPDATE snapshot SET head = head + 100000"), /snapshot/)
  })

  it("I10 the state hash is of the entries alone: a copy without its snapshots has the same", async () => {
    const whole = await verified(ledger.dataDir)
    const dataDir = await changed("again", "DELETE FROM snapshot", "UPDATE partition SET floor = 0")
    const again = await verified(dataDir)
    assert.deepStrictEqual([again.ok, again.stateHash, again.loadedHash], [true, whole.stateHash, whole.stateHash])
  })

  it("I10 notices that an owner would start without an account, and with credit of one without entries", async () => {
    const copy = `INSERT INTO snapshot (account, partition, head, next_due, state)
      SELECT 'acc_nobody', partition, 0, next_due, state FROM snapshot WHERE account = 'acc_st1'`
    const problems = await tampered("lost", copy, "DELETE FROM snapshot WHERE account = 'acc_st1'")
    noticed(problems, /acc_st1: what its owner would load/)
    noticed(problems, /acc_nobody: its snapshot/)
  })

  it("I10 a ledger started to rebuild trusts no snapshot: wrong and lost ones are mended", async () => {
    const whole = await verified(ledger.dataDir)
    const before = new BetterSqlite3(databaseFile(ledger.dataDir, "ledger"))
    before.exec(`UPDATE snapshot SET state = replace(state, '"${nano("19.5")}"', '"${nano("20.5")}"')
      WHERE account = 'acc_st0'; DELETE FROM snapshot WHERE account = 'acc_st1'`)
    before.close()
    assert.isFalse((await verified(ledger.dataDir)).ok)
    ledger.start({ CREDITS_LEDGER_REBUILD: "true" })
    await ledger.ready()
    assert.strictEqual((await ledger.wallet("acc_st1")).totals.spent, nano("1.5"))
    const mended = await ledger.until(
      "mended",
      () => verified(ledger.dataDir),
      ({ ok, snapshots }) => ok && snapshots >= 3,
    )
    assert.deepStrictEqual([mended.stateHash, mended.loadedHash], [whole.stateHash, whole.stateHash])
    await ledger.kill()
  })

  it("I2 notices a charge whose event could be charged again", async () => {
    const forget = "DELETE FROM receipt WHERE key = 'c:evt-1' AND account = 'acc_st0'"
    noticed(await tampered("receipt", forget), /receipts/)
  })

  it("says in one line what is missing when there is no ledger", async () => {
    const report = await verified(join(home, "nothing"))
    assert.deepStrictEqual([report.ok, report.code, report.problems.length], [false, 1, 1])
    noticed(report.problems, /no ledger database/)
  })
})
