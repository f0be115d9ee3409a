/**
 * The audit of the command line: append-only rows in ops' own database. Everything that changes something writes a row
 * before it starts and another with its answer, so a command that died half-way leaves a beginning without an end.
 */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Database, Migration } from "@credits/store"
import { formatInstant, ulid } from "@credits/kernel"
import { sql, type Generated } from "kysely"
import { randomBytes } from "node:crypto"
import { existsSync, mkdirSync } from "node:fs"
import { hostname, userInfo } from "node:os"
import { join } from "node:path"
import { failed, sentence, type CommandFailure } from "./failure.ts"
import { System } from "./system.ts"

export interface AuditRow {
  readonly id: number
  /** The same in both rows of one command. */
  readonly run: string
  readonly phase: "began" | "ended"
  /** ISO 8601, real time: who did what when is a question about the real world, also in the sandbox. */
  readonly at: string
  readonly osUser: string
  readonly command: string
  readonly reason: string
  /** JSON: the command's input, or its answer. */
  readonly detail: string
}

interface AuditTables {
  readonly audit: Omit<AuditRow, "id" | "osUser"> & { readonly id: Generated<number>; readonly os_user: string }
}

/** `user@host`, as the operating system knows them. */
export const osUser = (): string => {
  const name = process.env["SUDO_USER"] ?? userInfo().username
  return `${name}@${hostname()}`
}

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
}
const SCHEMA_VERSION = 1

export interface AuditRun {
  readonly id: string
  /** Never fails: what was done is done. A row that cannot be written is said on stderr; the beginning stands alone. */
  readonly ended: (answer: unknown) => Effect.Effect<void>
}

export class Audit extends Context.Service<
  Audit,
  {
    /** Writes the first row; fails, before anything is changed, when it cannot be written. */
    readonly began: (
      command: string,
      reason: string,
      input: unknown,
    ) => Effect.Effect<AuditRun, CommandFailure, Scope.Scope>
    /** Newest first. */
    readonly list: (limit: number) => Effect.Effect<ReadonlyArray<AuditRow>, CommandFailure, Scope.Scope>
  }
>()("ops/Audit") {}

const unwritable = (error: unknown): CommandFailure =>
  failed(
    "audit_unavailable",
    `the audit cannot be used: ${sentence(error)}`,
    "nothing was changed without its audit row",
  )

const writing = <A>(work: () => Promise<A>): Effect.Effect<A, CommandFailure> =>
  Effect.tryPromise({ try: work, catch: unwritable })

/** Opened by the command that needs it, for its scope: most commands never touch a database. */
const openAudit = (system: System["Service"]) =>
  Effect.gen(function* () {
    const config = yield* system.config
    const store = yield* Effect.promise(() => import("@credits/store"))
    yield* Effect.try({ try: () => mkdirSync(config.dataDir, { recursive: true }), catch: unwritable })
    const database: Database<AuditTables> = yield* Effect.mapError(
      store.openDatabase<AuditTables>({ service: "ops", dataDir: config.dataDir, databaseUrl: config.databaseUrl }),
      unwritable,
    )
    yield* Effect.mapError(store.migrate(database, MIGRATIONS, SCHEMA_VERSION), unwritable)
    return database
  })

type NewRow = Omit<AuditRow, "id" | "osUser" | "at">

const append = (database: Database<AuditTables>, row: NewRow): Effect.Effect<void, CommandFailure> =>
  Effect.gen(function* () {
    const at = formatInstant(yield* Clock.currentTimeMillis)
    yield* writing(() =>
      database.kysely
        .insertInto("audit")
        .values({ ...row, at, os_user: osUser() })
        .execute(),
    )
  })

export const makeAudit = Effect.gen(function* () {
  const system = yield* System
  return Audit.of({
    began: (command, reason, input) =>
      Effect.gen(function* () {
        const database = yield* openAudit(system)
        const run = ulid(yield* Clock.currentTimeMillis, randomBytes(10))
        const row = { run, command, reason }
        yield* append(database, { ...row, phase: "began", detail: JSON.stringify(input) })
        const ended = (answer: unknown) =>
          append(database, { ...row, phase: "ended", detail: JSON.stringify(answer) }).pipe(
            Effect.catch((failure) =>
              Console.error(`credits: done, but run ${run} has no end in the audit: ${failure.detail}`),
            ),
          )
        return { id: run, ended }
      }),
    list: (limit) =>
      Effect.gen(function* () {
        const config = yield* system.config
        // Reading must not make a data folder where none is.
        if (config.databaseUrl === undefined && !existsSync(join(config.dataDir, "ops.db"))) return []
        const database = yield* openAudit(system)
        const rows = yield* writing(() =>
          database.kysely.selectFrom("audit").selectAll().orderBy("id", "desc").limit(limit).execute(),
        )
        return rows.map(({ os_user, id, ...row }) => ({ ...row, id: Number(id), osUser: os_user }))
      }),
  })
})
