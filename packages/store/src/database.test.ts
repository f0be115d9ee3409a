/**
 * One behaviour suite over both databases: what a service may rely on whichever it runs on.
 * A real SQLite file and a real Postgres cluster; without Postgres on the machine that half is reported as skipped.
 */
import { execFile } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { findPostgresBinaries, postgresForTests, type TestPostgres } from "@credits/testkit"
import BetterSqlite3 from "better-sqlite3"
import { Effect } from "effect"
import { sql } from "kysely"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  columnTypes,
  type Dialect,
  type Migration,
  migrateNow,
  openDatabase,
  openDatabaseNow,
  type OpenedDatabase,
  openSqliteFile,
  query,
  SchemaTooNew,
  storeErrorOf,
  StoreUnavailable,
  transact,
} from "./index.ts"

interface Tables {
  readonly thing: {
    readonly id: string
    readonly kind: number
    readonly nano: bigint
    readonly body: Uint8Array | null
  }
}

const CREATE: Migration = {
  up: async (kysely, dialect) => {
    await kysely.schema
      .createTable("thing")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("kind", "integer", (column) => column.notNull())
      .addColumn("nano", "bigint", (column) => column.notNull())
      .addColumn("body", columnTypes(dialect).bytes as "blob")
      .execute()
  },
}
const INDEX: Migration = {
  up: async (kysely) => {
    await kysely.schema.createIndex("thing_kind").on("thing").column("kind").execute()
  },
}
const BROKEN: Migration = {
  up: async (kysely) => {
    await kysely.schema.createTable("half").addColumn("id", "text").execute()
    throw new Error("the migration fails on purpose")
  },
}

const DIALECTS: ReadonlyArray<Dialect> = ["sqlite", "postgres"]
const HERE = import.meta.dirname
const POSTGRES_START_MS = 60_000

for (const dialect of DIALECTS) {
  const isMissing = dialect === "postgres" && findPostgresBinaries() === undefined
  describe.skipIf(isMissing)(`a database on ${dialect}`, () => {
    let postgres: TestPostgres | undefined
    let folder = ""
    let counter = 0
    const opened: Array<OpenedDatabase<Tables>> = []
    const open = async (service = `thing_${++counter}`): Promise<OpenedDatabase<Tables>> => {
      const database = await openDatabaseNow<Tables>({ service, dataDir: folder, databaseUrl: postgres?.url })
      opened.push(database)
      return database
    }
    const close = async (database: OpenedDatabase<Tables>): Promise<void> => {
      opened.splice(opened.indexOf(database), 1)
      await database.close()
    }

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "credits-store-"))
      if (dialect === "postgres") postgres = await postgresForTests()
    }, POSTGRES_START_MS)
    afterAll(async () => {
      for (const database of opened) await database.close()
      await postgres?.stop()
      await rm(folder, { recursive: true, force: true })
    }, POSTGRES_START_MS)

    it("applies each migration once, in the order of the names, and keeps rows over a reopen", async () => {
      const first = await open()
      expect((await migrateNow(first, { "0002_index": INDEX, "0001_thing": CREATE }, 2)).applied).toEqual([
        "0001_thing",
        "0002_index",
      ])
      await first.kysely.insertInto("thing").values({ id: "a", kind: 1, nano: 5n, body: null }).execute()
      await close(first)
      const again = await open(first.service)
      expect((await migrateNow(again, { "0001_thing": CREATE, "0002_index": INDEX }, 2)).applied).toEqual([])
      expect(await again.kysely.selectFrom("thing").select("id").execute()).toEqual([{ id: "a" }])
    })

    it("refuses a database that a newer program migrated, and names both versions", async () => {
      const database = await open()
      await migrateNow(database, { "0001_thing": CREATE, "0002_index": INDEX }, 2)
      const older = migrateNow(database, { "0001_thing": CREATE }, 1)
      await expect(older).rejects.toBeInstanceOf(SchemaTooNew)
      await expect(older).rejects.toThrow(/schema 2 \(0002_index\), this program knows only 1/)
      await expect(migrateNow(database, { "0001_thing": CREATE, "0002_index": INDEX }, 1)).rejects.toThrow(/schema 2/)
    })

    it("leaves nothing of a migration that fails, also of those before it", async () => {
      const database = await open()
      await expect(migrateNow(database, { "0001_thing": CREATE, "0002_broken": BROKEN }, 2)).rejects.toThrow(
        /on purpose/,
      )
      expect((await migrateNow(database, { "0001_thing": CREATE }, 1)).applied).toEqual(["0001_thing"])
      await expect(sql`select * from half`.execute(database.kysely)).rejects.toThrow(/half/)
    })

    it(
      "lets several processes start together: one migrates, the others find it done",
      async () => {
        const service = `thing_${++counter}`
        const options = JSON.stringify({ service, dataDir: folder, databaseUrl: postgres?.url })
        const program = `
        import { migrateNow, openDatabaseNow } from "@credits/store"
        const database = await openDatabaseNow(${options})
        const up = async (kysely) => kysely.schema.createTable("thing").addColumn("id", "text").execute()
        process.stdout.write(JSON.stringify((await migrateNow(database, { "0001_thing": { up } }, 1)).applied))
        await database.close()`
        const start = () =>
          promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], { cwd: HERE })
        const outputs = await Promise.all([start(), start(), start()])
        expect(outputs.map((output) => output.stdout).toSorted()).toEqual(['["0001_thing"]', "[]", "[]"])
      },
      POSTGRES_START_MS,
    )

    it("R1.6 keeps 64-bit money exactly: bigint columns and sums are bigint, integer columns are numbers", async () => {
      const database = await open()
      await migrateNow(database, { "0001_thing": CREATE }, 1)
      const large = 9_007_199_254_740_993n // 2^53 + 1: a double would lose it
      await database.kysely
        .insertInto("thing")
        .values([
          { id: "a", kind: 7, nano: large, body: new Uint8Array([0, 255, 1]) },
          { id: "b", kind: 8, nano: -1n, body: null },
        ])
        .execute()
      const rows = await database.kysely.selectFrom("thing").selectAll().orderBy("id").execute()
      expect(rows[0]!.nano).toBe(large)
      expect(rows[0]!.kind).toBe(7)
      expect([...rows[0]!.body!]).toEqual([0, 255, 1])
      expect(rows[1]!.body).toBeNull()
      const totals = await database.kysely
        .selectFrom("thing")
        .select((eb) => [eb.fn.sum("nano").as("total"), eb.fn.countAll().as("count")])
        .executeTakeFirstOrThrow()
      expect(totals).toEqual({ total: large - 1n, count: 2n })
    })

    it("rolls a transaction back as a whole when it fails, and the next one works", async () => {
      const database = await open()
      await migrateNow(database, { "0001_thing": CREATE }, 1)
      const failing = transact(database, async (transaction) => {
        await transaction.insertInto("thing").values({ id: "a", kind: 1, nano: 1n, body: null }).execute()
        await transaction.insertInto("thing").values({ id: "a", kind: 1, nano: 1n, body: null }).execute()
      })
      const error = await Effect.runPromise(Effect.flip(failing))
      expect(error._tag).toBe("StoreFailed")
      await Effect.runPromise(
        transact(database, (transaction) =>
          transaction.insertInto("thing").values({ id: "b", kind: 1, nano: 1n, body: null }).execute(),
        ),
      )
      const ids = await Effect.runPromise(
        query(database, (kysely) => kysely.selectFrom("thing").select("id").execute()),
      )
      expect(ids).toEqual([{ id: "b" }])
    })

    it("runs transactions that overlap in one process one after another", async () => {
      const database = await open()
      await migrateNow(database, { "0001_thing": CREATE }, 1)
      await database.kysely.insertInto("thing").values({ id: "a", kind: 0, nano: 0n, body: null }).execute()
      const add = () =>
        database.kysely.transaction().execute(async (transaction) => {
          await transaction
            .updateTable("thing")
            .set((eb) => ({ nano: eb("nano", "+", 1n) }))
            .execute()
          await transaction.selectFrom("thing").selectAll().execute()
        })
      await Promise.all(Array.from({ length: 10 }, add))
      const row = await database.kysely.selectFrom("thing").select("nano").executeTakeFirstOrThrow()
      expect(row.nano).toBe(10n)
    })

    it("keeps services apart: the same table name in two services is two tables", async () => {
      const [one, two] = [await open(), await open()]
      await migrateNow(one, { "0001_thing": CREATE }, 1)
      await migrateNow(two, { "0001_thing": CREATE }, 1)
      await one.kysely.insertInto("thing").values({ id: "a", kind: 1, nano: 1n, body: null }).execute()
      expect(await two.kysely.selectFrom("thing").selectAll().execute()).toEqual([])
    })

    it("closes with its scope", async () => {
      const program = Effect.scoped(
        openDatabase<Tables>({ service: "scoped", dataDir: folder, databaseUrl: postgres?.url }),
      )
      const database = await Effect.runPromise(program)
      await expect(sql`select 1`.execute(database.kysely)).rejects.toThrow(/not open|after calling end/)
    })
  })
}

describe("SQLite", () => {
  it("decision 1: every handle commits with synchronous FULL in WAL, also on a file opened again", async () => {
    const folder = await mkdtemp(join(tmpdir(), "credits-store-"))
    const file = join(folder, "a.db")
    for (let round = 0; round < 3; round++) {
      const sqlite = openSqliteFile(file)
      expect(sqlite.pragma("synchronous", { simple: true })).toBe(2)
      expect(sqlite.pragma("journal_mode", { simple: true })).toBe("wal")
      sqlite.exec(`create table t${round} (id integer)`)
      sqlite.close()
    }
    await rm(folder, { recursive: true, force: true })
  })

  it("waits for another process's transaction, then says that it is busy", async () => {
    const folder = await mkdtemp(join(tmpdir(), "credits-store-"))
    const file = join(folder, "a.db")
    const holder = openSqliteFile(file)
    holder.exec("create table t (id integer); begin immediate")
    const other = openSqliteFile(file, { busyTimeoutMs: 20 })
    expect(() => other.exec("insert into t values (1)")).toThrow(/locked/)
    holder.exec("commit")
    other.exec("insert into t values (1)")
    holder.close()
    other.close()
    await rm(folder, { recursive: true, force: true })
  })

  it("opens a readonly handle beside a writer for reports, and refuses its writes", async () => {
    const folder = await mkdtemp(join(tmpdir(), "credits-store-"))
    const file = join(folder, "a.db")
    const writer = openSqliteFile(file)
    writer.exec("create table t (id integer); insert into t values (7)")
    const reader: BetterSqlite3.Database = openSqliteFile(file, { readonly: true })
    expect(reader.prepare("select id from t").get()).toEqual({ id: 7 })
    expect(() => reader.exec("delete from t")).toThrow(/readonly/)
    reader.close()
    writer.close()
    await rm(folder, { recursive: true, force: true })
  })
})

describe("Postgres", () => {
  it.each([
    "Connection terminated unexpectedly",
    "Client has encountered a connection error and is not queryable",
    "Client was closed and is not queryable",
    "timeout exceeded when trying to connect",
    "timeout expired",
  ])("without a connection is unavailable, whatever the client calls it: %s", (message) => {
    expect(storeErrorOf("a", new Error(message))).toBeInstanceOf(StoreUnavailable)
  })
  it.each(["EHOSTUNREACH", "ENETUNREACH", "EAI_AGAIN"])("behind a network that says %s is unavailable", (code) => {
    expect(storeErrorOf("a", Object.assign(new Error(code), { code }))).toBeInstanceOf(StoreUnavailable)
  })
  it("that cannot be reached is StoreUnavailable, not a crash", async () => {
    const url = "postgres://credits@127.0.0.1:1/postgres"
    const opening = openDatabaseNow({ service: "ledger", dataDir: "unused", databaseUrl: url })
    await expect(opening).rejects.toBeInstanceOf(StoreUnavailable)
  })
  it.skipIf(findPostgresBinaries() === undefined)(
    "that crashes between two statements of a transaction fails the transaction, not the process",
    async () => {
      const postgres = (await postgresForTests())!
      const database = await openDatabaseNow<Tables>({ service: "a", dataDir: "unused", databaseUrl: postgres.url })
      const broken = database.kysely.transaction().execute(async (transaction) => {
        await sql`select 1`.execute(transaction)
        await postgres.kill()
        await sql`select 1`.execute(transaction)
      })
      await expect(broken).rejects.toThrow(/terminat|reset|closed|not queryable/i)
      expect(storeErrorOf("a", await broken.catch((error: unknown) => error))).toBeInstanceOf(StoreUnavailable)
      await postgres.restart()
      expect((await sql`select 1 as one`.execute(database.kysely)).rows).toEqual([{ one: 1 }])
      await database.close()
      await postgres.stop()
    },
    POSTGRES_START_MS,
  )
})
