/**
 * `credits ledger verify`: recomputes every balance and identity from the entries alone (I1, I10) and checks the hash
 * chains, in one consistent read of the database, beside a running ledger or without one. Its own entry point: `node
 * dist/verify.js`. stdout: one JSON document with `"ok"`; stderr: progress. Exit code 1 when not ok.
 */
import BetterSqlite3 from "better-sqlite3"
import { existsSync } from "node:fs"
import {
  chainHash,
  entriesOf,
  PostgresActorStore,
  SqliteActorStore,
  type ActorStore,
  type NewBlock,
  type StoredEntry,
} from "@credits/actor"
import type { EntryKind } from "@credits/contracts"
import { formatUsd } from "@credits/kernel"
import { databaseFile, openPostgresPool } from "@credits/store"
import { assertHolds, assertIdentity, emptyAccount, evolve, type Account } from "./account.ts"
import { BUCKETS, decodeBody } from "./entry.ts"
import { encodeSnapshot } from "./snapshot.ts"

const PAGE = 1_000
const PROBLEMS_MAX = 20

interface Database {
  readonly store: ActorStore
  readonly rows: (sql: string) => Promise<ReadonlyArray<Record<string, unknown>>>
  readonly close: () => Promise<void>
}

/** Read-only, one snapshot of the data for the whole run. */
const open = async (dataDir: string, databaseUrl: string | undefined): Promise<Database> => {
  if (databaseUrl !== undefined && databaseUrl !== "") {
    const pool = await openPostgresPool({ service: "ledger", databaseUrl, connectionsMax: 1 })
    await pool.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
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

interface PartitionHead {
  readonly seq: number
  readonly chain: string
}

/** Walks every entry once and keeps what the checks need. */
class Verifier {
  readonly problems: Array<string> = []
  problemCount = 0
  entries = 0
  charges = 0
  readonly accounts = new Map<string, { account: Account; head: number }>()
  readonly #chains = new Map<number, { seq: number; chain: string }>()
  readonly #snapshots: ReadonlyMap<string, { readonly head: number; readonly state: string }>
  readonly #broken = new Set<string>()
  readonly #checked = new Set<string>()

  constructor(snapshots: ReadonlyMap<string, { readonly head: number; readonly state: string }>) {
    this.#snapshots = snapshots
  }

  get snapshotsChecked(): number {
    return this.#checked.size
  }

  problem(text: string): void {
    this.problemCount += 1
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(text)
  }

  take(block: NewBlock): void {
    this.#link(block)
    for (const stored of entriesOf(block)) {
      this.entries += 1
      if (this.#broken.has(stored.account)) continue
      try {
        this.#replay(stored)
      } catch (error) {
        this.#broken.add(stored.account)
        this.problem(error instanceof Error ? error.message : String(error))
      }
    }
  }

  #link(block: NewBlock): void {
    const { partition, seq, count, chain, text } = block
    const link = this.#chains.get(partition) ?? { seq: 0, chain: "" }
    if (seq !== link.seq + 1) this.problem(`partition ${partition}: entry ${seq} follows ${link.seq}`)
    if (chainHash(link.chain, text) !== chain)
      this.problem(`partition ${partition}: the hash chain breaks at block ${block.id} (entry ${seq})`)
    this.#chains.set(partition, { seq: seq + count - 1, chain })
  }

  #replay(stored: StoredEntry): void {
    let known = this.accounts.get(stored.account)
    if (known === undefined)
      this.accounts.set(stored.account, (known = { account: emptyAccount(stored.account), head: 0 }))
    const { account } = known
    if (stored.prev !== known.head)
      this.problem(`account ${stored.account}: entry ${stored.n} points to ${stored.prev}, not ${known.head}`)
    if (stored.n !== account.n + 1) this.problem(`account ${stored.account}: entry ${stored.n} follows ${account.n}`)
    const entry = decodeBody(stored.kind as EntryKind, stored.at, stored.body)
    evolve(account, entry)
    assertIdentity(account)
    if (entry.kind === "charged") this.charges += 1
    known.head = stored.id
    const snapshot = this.#snapshots.get(stored.account)
    if (snapshot === undefined || snapshot.head !== stored.id) return
    this.#checked.add(stored.account)
    if (encodeSnapshot(account) !== snapshot.state)
      this.problem(`account ${stored.account}: its snapshot is not what its entries give (I10)`)
  }

  finish(heads: ReadonlyMap<number, PartitionHead>): void {
    for (const [id, { seq, chain }] of heads) {
      const link = this.#chains.get(id) ?? { seq: 0, chain: "" }
      if (link.seq !== seq) this.problem(`partition ${id}: its row says ${seq} entries, there are ${link.seq}`)
      if (link.chain !== chain) this.problem(`partition ${id}: the chain's head is not its row's`)
    }
    for (const [account, { head }] of this.#snapshots) {
      if (head === 0 || this.#checked.has(account) || this.#broken.has(account)) continue
      this.problem(`account ${account}: its snapshot is of entry ${head}, which the account does not have (I10)`)
    }
    for (const { account } of this.accounts.values()) {
      if (this.#broken.has(account.id)) continue
      try {
        assertHolds(account)
      } catch (error) {
        this.problem((error as Error).message)
      }
    }
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
    (await database.rows("SELECT id, seq, chain FROM partition")).map((row) => [
      Number(row.id),
      { seq: Number(row.seq), chain: row.chain as string },
    ]),
  )
  const snapshots = new Map(
    (await database.rows("SELECT account, head, state FROM snapshot")).map((row) => [
      row.account as string,
      { head: Number(row.head), state: row.state as string },
    ]),
  )
  const verifier = new Verifier(snapshots)
  const expected = [...heads.values()].reduce((sum, head) => sum + head.seq, 0)
  await walk(database, verifier, expected)
  verifier.finish(heads)
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
