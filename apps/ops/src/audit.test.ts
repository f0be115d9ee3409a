/** Goal: the audit is the same, and as unchangeable, in Postgres as in SQLite. Method: real databases of both kinds. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { openDatabaseNow } from "@credits/store"
import { findPostgresBinaries, postgresForTests, type TestPostgres } from "@credits/testkit"
import { sql } from "kysely"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { Audit, makeAudit } from "./audit.ts"
import { makeSystem, System } from "./system.ts"

const DIALECTS = findPostgresBinaries() === undefined ? (["sqlite"] as const) : (["sqlite", "postgres"] as const)

for (const dialect of DIALECTS) {
  describe(`audit on ${dialect}`, () => {
    let dataDir: string
    let postgres: TestPostgres | undefined
    let environment: Record<string, string>

    beforeAll(async () => {
      dataDir = await mkdtemp(join(tmpdir(), "credits-audit-"))
      if (dialect === "postgres") postgres = await postgresForTests()
      environment = {
        CREDITS_DATA_DIR: dataDir,
        ...(postgres === undefined ? {} : { CREDITS_DATABASE_URL: postgres.url }),
      }
    })
    afterAll(async () => {
      await postgres?.stop()
      await rm(dataDir, { recursive: true, force: true })
    })

    const withAudit = <A, E>(use: (audit: Audit["Service"]) => Effect.Effect<A, E, Scope.Scope>) =>
      Effect.runPromise(
        Effect.scoped(Effect.flatMap(Audit, use)).pipe(
          Effect.provide(
            Layer.effect(Audit, makeAudit).pipe(
              Layer.provideMerge(Layer.effect(System, makeSystem)),
              Layer.provideMerge(NodeServices.layer),
              Layer.provideMerge(ConfigProvider.layer(ConfigProvider.fromUnknown(environment))),
            ),
          ),
        ),
      )

    it("keeps a beginning and an end under one run, newest first", async () => {
      await withAudit((audit) =>
        Effect.gen(function* () {
          const run = yield* audit.began("account adjust", "ticket 1", { accounts: ["acc_a"] })
          yield* run.ended({ items: [] })
        }),
      )
      const rows = await withAudit((audit) => audit.list(10))
      assert.deepEqual(
        rows.map((row) => [row.phase, row.command, row.reason, row.detail]),
        [
          ["ended", "account adjust", "ticket 1", '{"items":[]}'],
          ["began", "account adjust", "ticket 1", '{"accounts":["acc_a"]}'],
        ],
      )
      assert.strictEqual(rows[0]?.run, rows[1]?.run)
    })

    it("refuses to change or remove a row, whoever asks", async () => {
      const database = await openDatabaseNow({
        service: "ops",
        dataDir,
        databaseUrl: environment["CREDITS_DATABASE_URL"],
      })
      const refused = async (statement: string) => {
        const outcome = await sql.raw(statement).execute(database.kysely).then(String, String)
        assert.match(outcome, /append-only/)
      }
      await refused("update audit set reason = 'another'")
      await refused("delete from audit")
      await database.close()
    })
  })
}
