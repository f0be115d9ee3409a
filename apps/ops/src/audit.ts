/**
 * The audit of the command line: append-only rows in ops' own database. Everything that changes something writes a row
 * before it starts and another with its answer, so a command that died half-way leaves a beginning without an end.
 */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { formatInstant, ulid } from "@credits/kernel"
import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { hostname, userInfo } from "node:os"
import { join } from "node:path"
import type { CommandFailure } from "./failure.ts"
import { openOps, writing, type OpsDatabase } from "./ops-store.ts"
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

/** `user@host`, as the operating system knows them. */
export const osUser = (): string => {
  const name = process.env["SUDO_USER"] ?? userInfo().username
  return `${name}@${hostname()}`
}

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
    /** Newest first; `command` given: only its rows. */
    readonly list: (
      limit: number,
      command?: string,
    ) => Effect.Effect<ReadonlyArray<AuditRow>, CommandFailure, Scope.Scope>
  }
>()("ops/Audit") {}

type NewRow = Omit<AuditRow, "id" | "osUser" | "at">

const append = (database: OpsDatabase, row: NewRow): Effect.Effect<void, CommandFailure> =>
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
        const database = yield* openOps(system)
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
    list: (limit, command) =>
      Effect.gen(function* () {
        const config = yield* system.config
        // Reading must not make a data folder where none is.
        if (config.databaseUrl === undefined && !existsSync(join(config.dataDir, "ops.db"))) return []
        const database = yield* openOps(system)
        const all = database.kysely.selectFrom("audit").selectAll().orderBy("id", "desc").limit(limit)
        const rows = yield* writing(() => (command === undefined ? all : all.where("command", "=", command)).execute())
        return rows.map(({ os_user, id, ...row }) => ({ ...row, id: Number(id), osUser: os_user }))
      }),
  })
})
