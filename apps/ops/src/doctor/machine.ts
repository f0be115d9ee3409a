/**
 * The doctor's look at this machine: space, the disk's honesty about fsync, the databases' files, the server's
 * settings.
 */
import { open, readFile, rm, statfs } from "node:fs/promises"
import { join } from "node:path"
import { bytes } from "../table.ts"
import { fail, ok, skipped, warn, type Check } from "./check.ts"

const GIB = 1024 ** 3
/** Above the mark below which the services stop intake (decision 21): this warns while there is time. */
const FREE_WARN = 5 * GIB
const FREE_FAIL = GIB

export const checkSpace = async (dataDir: string): Promise<Check> => {
  const stats = await statfs(dataDir).catch(() => null)
  if (stats === null) return skipped("disk", `${dataDir} is not on this machine`)
  const free = stats.bavail * stats.bsize
  const detail = `${bytes(free)} free in ${dataDir}`
  const repair = "free space or move the data folder: below CREDITS_FREE_SPACE_MIB usage and authorizations stop"
  if (free < FREE_FAIL) return fail("disk", detail, repair)
  return free < FREE_WARN ? warn("disk", detail, repair) : ok("disk", detail)
}

const FSYNC_ROUNDS = 11
/** A real device needs longer; less means a cache answers, which is honest only when it survives a power failure. */
const FSYNC_SUSPICIOUS_MS = 0.02

/** Median time of a 4 KiB write with fsync beside the databases, in ms; null when the folder is not ours to write. */
export const measureFsync = async (dataDir: string): Promise<number | null> => {
  const path = join(dataDir, `.fsync-${process.pid}`)
  const file = await open(path, "wx").catch(() => null)
  if (file === null) return null
  try {
    const block = Buffer.alloc(4096, 1)
    const times: Array<number> = []
    for (let i = 0; i < FSYNC_ROUNDS; i++) {
      const began = performance.now()
      await file.write(block, 0, block.length, 0)
      await file.sync()
      times.push(performance.now() - began)
    }
    return times.toSorted((a, b) => a - b)[Math.floor(FSYNC_ROUNDS / 2)]!
  } finally {
    await file.close()
    await rm(path, { force: true })
  }
}

export const checkFsync = (median: number | null): Check => {
  if (median === null) return skipped("fsync", "the data folder is not writable from here")
  const detail = `${median.toFixed(2)} ms (median of ${FSYNC_ROUNDS} writes of 4 KiB)`
  return median < FSYNC_SUSPICIOUS_MS
    ? warn("fsync", `${detail}: too quick for a disk`, "check that the file system or the host does not ignore fsync")
    : ok("fsync", detail)
}

/** Bytes 18 and 19 of an SQLite file: 2 = write-ahead log. */
const WAL = 2

/**
 * Journal mode of a service's database file, without opening it; `synchronous=FULL` is asserted by each service
 * itself.
 */
export const checkDatabase = async (dataDir: string, service: string): Promise<Check> => {
  const name = `${service} database`
  const file = await open(join(dataDir, `${service}.db`), "r").catch(() => null)
  if (file === null) return skipped(name, `no ${service}.db in ${dataDir} (Postgres, or another machine)`)
  try {
    const header = Buffer.alloc(20)
    await file.read(header, 0, 20, 0)
    return header[18] === WAL && header[19] === WAL
      ? ok(name, "SQLite with a write-ahead log; the service asserts synchronous=FULL when it opens it")
      : fail(
          name,
          "the SQLite file is not in WAL mode",
          "stop the system and start it again; if it stays so, the file was replaced",
        )
  } finally {
    await file.close()
  }
}

/**
 * Whether every acknowledged message was flushed: asked of the server, else read from the configuration it was given.
 */
export const readSyncAlways = async (dataDir: string, monitorUrl: string | undefined): Promise<boolean | null> => {
  if (monitorUrl !== undefined) {
    const { readMonitor } = await import("@credits/bus")
    const told = await readMonitor(monitorUrl)
    if (told !== null) return told.syncAlways
  }
  const text = await readFile(join(dataDir, "nats", "nats.conf"), "utf8").catch(() => null)
  return text === null ? null : /\bsync_interval\s*[:=]?\s*"?always"?/.test(text)
}
