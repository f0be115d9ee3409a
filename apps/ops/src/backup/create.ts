/**
 * Makes a backup of a running system: databases in the order of who asks whom, then every stream, then the manifest.
 * A folder without a manifest is no backup: the manifest is written last, when everything it names is on the disk.
 */
import { mkdir, readdir, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { backUpStream, type BusHandle } from "@credits/bus"
import { type BackedUpStream, type BackupManifest, MANIFEST_FILE } from "@credits/contracts"
import { STREAM_NAMES } from "../streams.ts"
import { copyFiles, dumpSchemas } from "./databases.ts"
import { fileOf, onDisk } from "./files.ts"

/** Tells a person what is being copied; `bytes` of it so far. */
export type Progress = (what: string, bytes?: number) => void

export interface BackupSource {
  readonly bus: BusHandle
  readonly dataDir: string
  /** Postgres; undefined: the SQLite files of the data folder. */
  readonly databaseUrl: string | undefined
  /** Of the sandbox's card processor, when it runs here. */
  readonly processorUrl: string | undefined
}

/** A backup is never written over another, nor among other files. @throws Error with a sentence */
const emptyFolder = async (folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const there = await readdir(folder)
  if (there.length > 0) throw new Error(`${folder} is not empty (${there[0]}); name a new folder`)
}

const copyStreams = async (bus: BusHandle, folder: string, told: Progress): Promise<ReadonlyArray<BackedUpStream>> => {
  await mkdir(join(folder, "streams"), { mode: 0o700 })
  const streams: Array<BackedUpStream> = []
  for (const name of STREAM_NAMES) {
    const file = join("streams", `${name}.tar.s2`)
    told(name)
    const { config, state, incarnation } = await backUpStream(bus, name, join(folder, file), {
      user: "ops",
      told: (bytes) => told(name, bytes),
    })
    const plain = JSON.parse(JSON.stringify(config)) as Record<string, unknown>
    streams.push({ name, config: plain, state, incarnation, ...(await fileOf(folder, file)) })
  }
  return streams
}

/** @throws Error with a sentence; what is in the folder is then no backup */
export const createBackup = async (source: BackupSource, folder: string, told: Progress): Promise<BackupManifest> => {
  await emptyFolder(folder)
  const from = new Date().toISOString()
  const copied =
    source.databaseUrl === undefined
      ? await copyFiles(source.dataDir, source.processorUrl, folder, told)
      : await dumpSchemas(source.databaseUrl, folder, told)
  if (copied.databases.length === 0) throw new Error(`there are no databases in ${source.dataDir}`)
  const streams = await copyStreams(source.bus, folder, told)
  const manifest: BackupManifest = { v: 1, from, to: new Date().toISOString(), ...copied, streams }
  const draft = join(folder, `${MANIFEST_FILE}.draft`)
  await writeFile(draft, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 })
  await onDisk(draft)
  await rename(draft, join(folder, MANIFEST_FILE))
  await onDisk(folder)
  return manifest
}
