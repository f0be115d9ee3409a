/**
 * `credits backup restore FOLDER`: into the data folder (and database) that the environment names, which must be new.
 * The streams are made by the next start.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Command from "effect/cli/Command"
import { resolve } from "node:path"
import { answering, remark } from "../../answer.ts"
import { Audit } from "../../audit.ts"
import { faultsOf, obstacleOf, readManifest, restoreBackup } from "../../backup/restore.ts"
import { applyFlag, reasonFlag, requireReason } from "../../changes.ts"
import { CommandFailure, EXIT, failed, notFound, sentence } from "../../failure.ts"
import { System } from "../../system.ts"
import { folderArgument, manifestText } from "./create.ts"

interface Input {
  readonly folder: string
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

const conflict = (detail: string) => new CommandFailure({ exit: EXIT.conflict, code: "not_empty", detail })

const NEXT = [
  "start the system on it: its streams are made before any service reads them",
  "then `credits doctor`, `credits ledger verify`, and `credits recon run`:",
  "charges that were made after the backup are with the card processor, and recon names them",
].join("\n")

const restore = (input: Input) =>
  Effect.gen(function* () {
    const reason = yield* requireReason(input.apply, input.reason)
    const folder = resolve(input.folder)
    const { dataDir, databaseUrl: url } = yield* (yield* System).config
    const databaseUrl = url === undefined ? undefined : Redacted.value(url)
    const manifest = yield* Effect.tryPromise({
      try: () => readManifest(folder),
      catch: (error) => notFound(sentence(error)),
    })
    const looked = yield* Effect.tryPromise({
      try: async () => [await obstacleOf(manifest, dataDir, databaseUrl), await faultsOf(folder, manifest)] as const,
      catch: (error) => failed("restore_failed", sentence(error)),
    })
    const [obstacle, faults] = looked
    if (obstacle !== null) return yield* conflict(obstacle)
    if (faults.length > 0) return yield* failed("backup_damaged", faults.join("; "), "use another backup")
    const json = { applied: input.apply, reason, folder, dataDir, manifest }
    if (!input.apply) {
      yield* remark(`dry run: nothing was written to ${dataDir}; add --apply --reason "…" to do it`)
      return { json, text: manifestText(manifest) }
    }
    yield* Effect.tryPromise({
      try: () => restoreBackup(folder, manifest, dataDir, databaseUrl),
      catch: (error) => failed("restore_failed", sentence(error), "remove what was written, and try again"),
    })
    // Only now is there a database that can take the row: the audit that was restored goes on.
    const run = yield* (yield* Audit).began("backup restore", reason, { folder, from: manifest.from, to: manifest.to })
    yield* run.ended({ dataDir })
    yield* remark(NEXT)
    return { json, text: manifestText(manifest) }
  })

export const backupRestore = Command.make(
  "restore",
  { folder: folderArgument, apply: applyFlag, reason: reasonFlag },
  (input) => answering(restore(input)),
).pipe(
  Command.withDescription("Put a backup into a new data folder (CREDITS_DATA_DIR) or database (CREDITS_DATABASE_URL)"),
  Command.withExamples([
    {
      command: 'CREDITS_DATA_DIR=/srv/new credits backup restore /backups/2026-11-26 --apply --reason "disk lost"',
      description: "Then start the system with that data folder",
    },
  ]),
)
