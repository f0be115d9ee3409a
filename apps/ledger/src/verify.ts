/**
 * `credits ledger verify`: recomputes every balance and identity from the entries alone (I1, I10) and checks the hash
 * chains, in one consistent read of the database, beside a running ledger or without one. Its own entry point: `node
 * dist/verify.js`. stdout: one JSON document with `"ok"`; stderr: progress. Exit code 1 when not ok.
 */
import BetterSqlite3 from "better-sqlite3"
import { existsSync } from "node:fs"
import { PostgresActorStore, SqliteActorStore, type ActorStore } from "@credits/actor"
import { formatUsd } from "@credits/kernel"
import { databaseFile, openPostgresPool } from "@credits/store"
import { BUCKETS } from "./entry.ts"
import { Verifier } from "./verifier.ts"

const PAGE = 1_000

interface Database {
  readonly store: ActorStore
  readonly rows: (sql: string) => Promise<ReadonlyArray<Record<string, unknown>>>
  readonly close: () => Promise<void>
}

/** Read-only, one snapshot of the data for the whole run. */
const open = async (dataDir: string, databaseUrl: string | undefined): Promise<Database> => {
  if (databaseUrl !== undefined && databaseUrl !== "") {
    const pool = await openPostgresPool({ service: "ledger", databaseUrl, connectionsMax: 1, silenceMaxMs: null })
    await pool.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    // Between two pages it counts, on a full machine for longer than a service may be silent in a transaction.
    await pool.query("SET LOCAL idle_in_transaction_session_timeout = 0")
    return {
      store: new PostgresActorStore(pool),
      rows: async (sql) => (await pool.query(sql)).rows as Array<Record<string, unknown>>,
      close: () => pool.end(),
    }
  }
  const file = databaseFile(dataDir, "ledger")
  if (!existsSync(file)) throw new Error(`no ledger database at ${file}; set CREDITS_DATA_DIR or CREDITS_DATABASE_URL`)
  const db = new BetterSqlite3(file, { readonly: true })
  db.exec("BEGIN")
  return {
    store: new SqliteActorStore(db),
    rows: async (sql) => db.prepare(sql).all() as Array<Record<string, unknown>>,
    close: async () => void db.close(),
  }
}

const totalsOf = (verifier: Verifier): Record<string, string> => {
  const totals = Object.fromEntries(BUCKETS.map((bucket) => [bucket, 0n])) as Record<(typeof BUCKETS)[number], bigint>
  for (const { account } of verifier.accounts.values()) for (const bucket of BUCKETS) totals[bucket] += account[bucket]
  return Object.fromEntries(BUCKETS.map((bucket) => [`${bucket}Usd`, formatUsd(totals[bucket])]))
}

const walk = async (database: Database, verifier: Verifier, expected: number): Promise<void> => {
  const partitions = Array.from({ length: 64 }, (_, id) => id)
  let told = performance.now()
  for (let from = 0; ;) {
    const blocks = await database.store.blocksFrom(from, partitions, PAGE)
    const last = blocks.at(-1)
    if (last === undefined) return
    for (const block of blocks) verifier.take(block)
    from = last.id + 1
    if (performance.now() - told > 500) {
      told = performance.now()
      process.stderr.write(`\rverifying ${verifier.entries} of ${expected} entries`)
    }
  }
}

const verify = async (): Promise<boolean> => {
  const started = performance.now()
  const database = await open(process.env["CREDITS_DATA_DIR"] ?? ".data", process.env["CREDITS_DATABASE_URL"])
  const heads = new Map(
    (await database.rows("SELECT id, seq, chain, floor FROM partition")).map((row) => [
      Number(row.id),
      { seq: Number(row.seq), chain: row.chain as string, floor: Number(row.floor) },
    ]),
  )
  const snapshots = new Map(
    (await database.rows("SELECT account, head, state FROM snapshot")).map((row) => [
      row.account as string,
      { head: Number(row.head), state: row.state as string },
    ]),
  )
  const verifier = new Verifier(heads, snapshots)
  const expected = [...heads.values()].reduce((sum, head) => sum + head.seq, 0)
  await walk(database, verifier, expected)
  verifier.finish()
  const hashes = verifier.hashes()
  const receipts = Number(
    (await database.rows("SELECT count(*) AS n FROM receipt WHERE key >= 'c:' AND key < 'c;'"))[0]!.n,
  )
  if (receipts < verifier.charges) verifier.problem(`${verifier.charges} charges but only ${receipts} receipts (I2)`)
  await database.close()
  process.stderr.write(
    `\rverified ${verifier.entries} entries in ${((performance.now() - started) / 1000).toFixed(1)} s\n`,
  )
  const ok = verifier.problemCount === 0
  const report = {
    ok,
    entries: verifier.entries,
    charges: verifier.charges,
    accounts: verifier.accounts.size,
    snapshots: verifier.snapshotsChecked,
    partitions: heads.size,
    totals: totalsOf(verifier),
    ...hashes,
    problemCount: verifier.problemCount,
    problems: verifier.problems,
  }
  process.stdout.write(`${JSON.stringify(report)}\n`)
  return ok
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

verify().then(
  (ok) => process.exit(ok ? 0 : 1),
  (error: unknown) => {
    process.stdout.write(`${JSON.stringify({ ok: false, entries: 0, problems: [messageOf(error)] })}\n`)
    process.exit(1)
  },
)
