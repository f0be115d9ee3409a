/**
 * Backups of a real Postgres: one archive as of one instant, and back into another database. Without Postgres's own
 * `pg_dump` on the machine these are reported as skipped; SQLite is tested with the whole system (tests/e2e/backup).
 */
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import type { BackupManifest } from "@credits/contracts"
import { connectPostgres } from "@credits/store"
import { findPostgresBinaries, postgresForTests, type TestPostgres } from "@credits/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { dumpSchemas, loadSchemas } from "./databases.ts"
import { obstacleOf } from "./restore.ts"

const hasDump = (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, "pg_dump")))

const run = async (url: string, ...statements: ReadonlyArray<string>): Promise<ReadonlyArray<unknown>> => {
  const client = await connectPostgres(url)
  let rows: ReadonlyArray<unknown> = []
  for (const statement of statements) rows = (await client.query(statement)).rows as ReadonlyArray<unknown>
  await client.end()
  return rows
}

describe.skipIf(!hasDump || findPostgresBinaries() === undefined)("a backup of Postgres", () => {
  let postgres: TestPostgres
  let folder = ""
  let other = ""

  beforeAll(async () => {
    postgres = (await postgresForTests())!
    folder = await mkdtemp(join(tmpdir(), "credits-dump-"))
    await run(
      postgres.url,
      "create schema ledger",
      "create table ledger.partition (id integer primary key, seq bigint not null)",
      "insert into ledger.partition values (3, 17), (4, 9007199254740)",
      "create schema edge",
      "create table edge.identity (subject text primary key)",
      "insert into edge.identity values ('somebody')",
      "create schema payments",
      "create table payments.restored (at bigint not null)",
      "create schema elses",
      "create table elses.thing (id integer)",
      "create database restored",
    )
    const url = new URL(postgres.url)
    url.pathname = "/restored"
    other = url.href
  })
  afterAll(async () => {
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it("has our schemas, as of one instant, and how far each partition was", async () => {
    const dumped = await dumpSchemas(postgres.url, folder, () => undefined)
    expect(dumped).toMatchObject({ database: "postgres", ledgerSeqs: { "3": 17, "4": 9007199254740 } })
    await loadSchemas(other, folder)
    expect(await run(other, "select * from ledger.partition order by id")).toEqual([
      { id: 3, seq: 17n },
      { id: 4, seq: 9007199254740n },
    ])
    // I6: payments has to ask the processor before it charges.
    expect(await run(other, "select at from payments.restored")).toEqual([{ at: 0n }])
    expect(await run(other, "select nspname from pg_namespace where nspname = 'elses'")).toEqual([])
  })

  it("is not restored over schemas that are there, nor into a database of another kind", async () => {
    const manifest = { database: "postgres" } as BackupManifest
    const nowhere = join(folder, "no-data-folder")
    expect(await obstacleOf(manifest, nowhere, other)).toContain("has the schemas edge, ledger, payments already")
    expect(await obstacleOf(manifest, nowhere, undefined)).toContain("the backup is of postgres")
    await expect(loadSchemas(other, folder)).rejects.toThrow(/already exists/)
    expect(await run(other, "select subject from edge.identity")).toEqual([{ subject: "somebody" }])
  })
})
