/** `credits backup create FOLDER`: databases and streams of the running system, into a new folder. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { resolve } from "node:path"
import type { BackupManifest } from "@credits/contracts"
import { answering, remark } from "../../answer.ts"
import { createBackup, type Progress } from "../../backup/create.ts"
import { failed, sentence } from "../../failure.ts"
import { System } from "../../system.ts"
import { bytes, facts, table } from "../../table.ts"

export const folderArgument = Argument.String("folder").pipe(Argument.withDescription("The folder of the backup"))

/** One line a thing, and how far it has come where that takes long. */
const telling = (write: (line: string) => void): Progress => {
  const every = 64 * 1024 * 1024
  let [current, next] = ["", every]
  return (what, done = 0) => {
    if (what !== current) {
      write(`copying ${what}`)
      ;[current, next] = [what, every]
    } else if (done >= next) {
      write(`copying ${what}: ${bytes(done)}`)
      next = done + every
    }
  }
}

export const manifestText = (manifest: BackupManifest): string =>
  [
    facts([
      ["from", manifest.from],
      ["to", manifest.to],
      ["database", manifest.database],
    ]),
    table(
      [
        { title: "FILE" },
        { title: "SIZE", align: "right" },
        { title: "MESSAGES", align: "right" },
        { title: "SHA-256" },
      ],
      [
        ...manifest.databases.map((each) => [each.file, bytes(each.bytes), null, each.sha256.slice(0, 16)]),
        ...manifest.streams.map((each) => [
          each.file,
          bytes(each.bytes),
          each.state.messages,
          each.sha256.slice(0, 16),
        ]),
      ],
    ),
  ].join("\n\n")

const create = (folder: string) =>
  Effect.gen(function* () {
    const system = yield* System
    const config = yield* system.config
    const { processorUrl } = yield* system.locate
    const bus = yield* system.connect
    const console = yield* Console.Console
    const databaseUrl = config.databaseUrl === undefined ? undefined : Redacted.value(config.databaseUrl)
    const manifest = yield* Effect.tryPromise({
      try: () =>
        createBackup(
          { bus, dataDir: config.dataDir, databaseUrl, processorUrl },
          resolve(folder),
          telling((line) => console.error(line)),
        ),
      catch: (error) =>
        failed("backup_failed", `no backup was made: ${sentence(error)}`, "remove the folder and try again"),
    })
    yield* remark(`done; prove it with \`credits backup verify ${folder}\`, and keep a copy on another machine`)
    return { json: manifest, text: manifestText(manifest) }
  })

export const backupCreate = Command.make("create", { folder: folderArgument }, ({ folder }) =>
  answering(create(folder)),
).pipe(
  Command.withDescription("Copy databases and streams into a new folder, while the system runs"),
  Command.withExamples([
    { command: "credits backup create /backups/2026-11-26", description: "A backup of the system that runs here" },
  ]),
)
