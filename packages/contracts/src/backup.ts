/**
 * What lies in the folder of a backup, written by `credits backup create` and read by whoever restores it. Owns the
 * form of `manifest.json` and the order of copying.
 */
import type { BusUser } from "./permissions.ts"

/**
 * Databases are copied in this order, each after everybody who asks it: an asker's copy is then never newer than that
 * of who answered it, and what it repeats after a restore has been answered before, by the same id. Streams are copied
 * last, so that they hold at least what each reader's cursor says.
 */
export const BACKUP_ORDER = [
  "edge",
  "notifications",
  "topup",
  "subscriptions",
  "payments",
  "pricing",
  "ledger",
  "ops",
] as const satisfies ReadonlyArray<BusUser>

/** In the folder of a backup, and in `nats/restore` of a data folder whose streams are still to be made. */
export const MANIFEST_FILE = "manifest.json"

export interface BackupFile {
  /** Relative to the backup's folder. */
  readonly file: string
  readonly bytes: number
  /** Hexadecimal. */
  readonly sha256: string
}

export interface BackedUpStream extends BackupFile {
  readonly name: string
  /** The server's own configuration of it. */
  readonly config: Readonly<Record<string, unknown>>
  readonly state: {
    readonly messages: number
    readonly bytes: number
    readonly first_seq: number
    readonly last_seq: number
  }
  /** What cursors call it. */
  readonly incarnation: string
}

export interface BackupManifest {
  readonly v: 1
  /** Real time, ISO 8601: when the first database was copied. What came later is not surely in it. */
  readonly from: string
  /** When the last stream was. */
  readonly to: string
  readonly database: "sqlite" | "postgres"
  /** SQLite: one file a service (and the sandbox's processor). Postgres: one archive of all schemas. */
  readonly databases: ReadonlyArray<BackupFile & { readonly service: string }>
  readonly streams: ReadonlyArray<BackedUpStream>
  /** How far each partition of the ledger had committed: its outputs beyond that are of a life that is not restored. */
  readonly ledgerSeqs: Readonly<Record<string, number>>
}

/** @throws SyntaxError, or Error with a sentence, for what is no manifest of ours. */
export const parseManifest = (text: string): BackupManifest => {
  const manifest = JSON.parse(text) as Partial<BackupManifest> | null
  if (typeof manifest !== "object" || manifest === null || !Array.isArray(manifest.streams)) {
    throw new Error("this is no manifest of a backup")
  }
  if (manifest.v !== 1) throw new Error(`a manifest of version ${String(manifest.v)}; this release knows version 1`)
  return manifest as BackupManifest
}
