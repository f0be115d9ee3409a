/**
 * ops' own database: the audit, append-only, and how far each replay has come. Owns the tables and their opening, for
 * the scope of the command that needs it: most commands never touch a database.
 */
import * as Effect from "effect/Effect"
import type { Database, Migration } from "@credits/store"
import { sql, type Generated } from "kysely"
import { mkdirSync } from "node:fs"
import { failed, sentence, type CommandFailure } from "./failure.ts"
import type { System } from "./system.ts"

export interface OpsTables {
  readonly audit: {
    readonly id: Generated<number>
    readonly run: string
    readonly phase: "began" | "ended"
    readonly at: string
    readonly os_user: string
    readonly command: string
    readonly reason: string
    readonly detail: string
  }
  readonly replay: {
    /** The run's id in the audit. */
    readonly run: string
    /** JSON: what was selected, with its end fixed. */
    readonly selection: string
    /** Everything selected below it is stored again. */
    readonly next_seq: number
    /** JSON: what was counted so far. */
    readonly counts: string
    readonly is_done: number
  }
}
export type OpsDatabase = Database<OpsTables>

const MIGRATIONS: Readonly<Record<string, Migration>> = {
  "0001_audit": {
    up: async (kysely, dialect) => {
      const id = dialect === "sqlite" ? sql`integer primary key autoincrement` : sql`bigserial primary key`
      await sql`create table audit (id ${id}, run text not null, phase text not null, at text not null,
        os_user text not null, command text not null, reason text not null, detail text not null)`.execute(kysely)
      // Nobody rewrites history by accident, this program included.
      if (dialect === "sqlite") {
        await sql`create trigger audit_no_update before update on audit
          begin select raise(abort, 'the audit is append-only'); end`.execute(kysely)
        await sql`create trigger audit_no_delete before delete on audit
          begin select raise(abort, 'the audit is append-only'); end`.execute(kysely)
      } else {
        await sql`create function audit_refuse() returns trigger language plpgsql as
          $$ begin raise exception 'the audit is append-only'; end $$`.execute(kysely)
        await sql`create trigger audit_append_only before update or delete on audit
          for each statement execute function audit_refuse()`.execute(kysely)
      }
    },
  },
  "0002_replay": {
    up: async (kysely) => {
      await sql`create table replay (run text primary key, selection text not null, next_seq bigint not null,
        counts text not null, is_done integer not null)`.execute(kysely)
    },
  },
}
const SCHEMA_VERSION = 2

const unwritable = (error: unknown): CommandFailure =>
  failed(
    "audit_unavailable",
    `the audit cannot be used: ${sentence(error)}`,
    "nothing was changed without its audit row",
  )

export const writing = <A>(work: () => Promise<A>): Effect.Effect<A, CommandFailure> =>
  Effect.tryPromise({ try: work, catch: unwritable })

export const openOps = (system: System["Service"]) =>
  Effect.gen(function* () {
    const config = yield* system.config
    const store = yield* Effect.promise(() => import("@credits/store"))
    yield* Effect.try({ try: () => mkdirSync(config.dataDir, { recursive: true }), catch: unwritable })
    const database: OpsDatabase = yield* Effect.mapError(
      store.openDatabase<OpsTables>({ service: "ops", dataDir: config.dataDir, databaseUrl: config.databaseUrl }),
      unwritable,
    )
    yield* Effect.mapError(store.migrate(database, MIGRATIONS, SCHEMA_VERSION), unwritable)
    return database
  })
