/**
 * Reads a backup, says whether it is whole, and puts it where a system will start from it. Streams are only laid ready:
 * whoever provisions the streams of the new system makes them, before any service reads (apps/dev).
 */
import { cp, mkdir, readdir, readFile, rename } from "node:fs/promises"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { type BackupManifest, MANIFEST_FILE, parseManifest } from "@credits/contracts"
import { loadSchemas, placeFiles, schemasThere } from "./databases.ts"
import { faultOf, onDisk } from "./files.ts"

/** @throws Error with a sentence when the folder holds no backup */
export const readManifest = async (folder: string): Promise<BackupManifest> => {
  const file = join(folder, MANIFEST_FILE)
  if (!existsSync(file)) throw new Error(`${folder} holds no finished backup: it has no ${MANIFEST_FILE}`)
  return parseManifest(await readFile(file, "utf8"))
}

/** Every file that is not as it was written, a sentence each. */
export const faultsOf = async (folder: string, manifest: BackupManifest): Promise<ReadonlyArray<string>> => {
  const faults = await Promise.all([...manifest.databases, ...manifest.streams].map((file) => faultOf(folder, file)))
  return faults.filter((fault) => fault !== null)
}

/** Why a backup cannot be restored there, as a sentence; null when it can. Nothing is ever written over. */
export const obstacleOf = async (
  manifest: BackupManifest,
  dataDir: string,
  databaseUrl: string | undefined,
): Promise<string | null> => {
  const wanted = databaseUrl === undefined ? "sqlite" : "postgres"
  if (manifest.database !== wanted) {
    const named = databaseUrl === undefined ? "is not set" : "names Postgres"
    return `the backup is of ${manifest.database}, and CREDITS_DATABASE_URL ${named}`
  }
  const there = existsSync(dataDir) ? await readdir(dataDir) : []
  const taken = there.find((name) => name.endsWith(".db") || name === "run.json" || name === "nats")
  if (taken !== undefined) return `${dataDir} is a data folder already (${taken}); restore into a new one`
  if (databaseUrl === undefined) return null
  const schemas = await schemasThere(databaseUrl)
  return schemas.length === 0
    ? null
    : `the database has the schemas ${schemas.join(", ")} already; restore into a new one`
}

/** Databases to their places, streams laid ready. @throws Error with a sentence */
export const restoreBackup = async (
  folder: string,
  manifest: BackupManifest,
  dataDir: string,
  databaseUrl: string | undefined,
): Promise<void> => {
  // Databases first: one that is started without its streams finds a cursor gap and stops, and nothing is lost.
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  if (databaseUrl === undefined) await placeFiles(folder, manifest, dataDir)
  else await loadSchemas(databaseUrl, folder)
  await mkdir(join(dataDir, "nats"), { recursive: true, mode: 0o700 })
  const ready = join(dataDir, "nats", "restore")
  const draft = `${ready}.draft`
  await mkdir(draft, { mode: 0o700 })
  await cp(join(folder, "streams"), join(draft, "streams"), { recursive: true })
  await cp(join(folder, MANIFEST_FILE), join(draft, MANIFEST_FILE))
  for (const { file } of manifest.streams) await onDisk(join(draft, file))
  await rename(draft, ready)
  await onDisk(join(dataDir, "nats"))
}
