/** `credits backup verify FOLDER`: is every file as it was written, and does the ledger in it close? */
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { resolve } from "node:path"
import { answering } from "../../answer.ts"
import { faultsOf, readManifest } from "../../backup/restore.ts"
import { EXIT, failed, notFound, sentence } from "../../failure.ts"
import { System } from "../../system.ts"
import { runVerifier } from "../../verifier.ts"
import { verdictText } from "../ledger/verify.ts"
import { folderArgument, manifestText } from "./create.ts"

const verify = (folder: string) =>
  Effect.gen(function* () {
    const path = resolve(folder)
    const manifest = yield* Effect.tryPromise({
      try: () => readManifest(path),
      catch: (error) => notFound(sentence(error)),
    })
    const faults = yield* Effect.tryPromise({
      try: () => faultsOf(path, manifest),
      catch: (error) => failed("backup_unreadable", sentence(error)),
    })
    const config = yield* (yield* System).config
    // An archive of Postgres is proven after it was restored: `credits ledger verify` there.
    const isFile = manifest.database === "sqlite" && faults.length === 0
    const ledger = isFile ? yield* runVerifier({ ...config, dataDir: path, databaseUrl: undefined }) : null
    const ok = faults.length === 0 && ledger?.ok !== false
    const text = [
      faults.length === 0 ? "OK: every file is as it was written" : ["NOT OK:", ...faults].join("\n  "),
      ...(ledger === null ? [] : [verdictText(ledger)]),
      manifestText(manifest),
    ].join("\n\n")
    return { json: { ok, faults, ledger, manifest }, text, exit: ok ? EXIT.ok : EXIT.failed }
  })

export const backupVerify = Command.make("verify", { folder: folderArgument }, ({ folder }) =>
  answering(verify(folder)),
).pipe(
  Command.withDescription("Compare every file with its digest, and recompute the ledger in the backup"),
  Command.withExamples([
    { command: "credits backup verify /backups/2026-11-26", description: "Exit code 1 when it is damaged" },
  ]),
)
