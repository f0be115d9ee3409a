/**
 * Checkpoints of a SQLite database in a thread of their own: copying the write-ahead log into the file takes 100 ms
 * and more for 32 MB, and inside a commit every caller would wait for it. Owns when the log is copied and how it
 * starts over; durability is the commits' own and does not depend on this.
 */
import { receiveMessageOnPort, type MessagePort } from "node:worker_threads"
import type BetterSqlite3 from "better-sqlite3"

/** Pages in the log before it is copied: 32 MB of 4 KiB pages. */
const LOG_PAGES = 8_000
/** So few are left to copy that the committing thread does it between two commits: only it can start the log over. */
const REST_PAGES = 512
const PASSES_MAX = 6
/** How often the thread is asked to look. */
const LOOK_MS = 50
/** Should the thread fall behind, SQLite itself copies inside a commit: 256 MB. */
const AUTOCHECKPOINT_PAGES = 64_000

interface LogSize {
  readonly log: number
  readonly checkpointed: number
}

const checkpoint = (db: BetterSqlite3.Database, mode: "NOOP" | "PASSIVE"): LogSize =>
  (db.pragma(`wal_checkpoint(${mode})`) as ReadonlyArray<LogSize>)[0]!

/** Whether the committing thread may do the rest. */
const isNearlyDone = (db: BetterSqlite3.Database): boolean => {
  if (checkpoint(db, "NOOP").log < LOG_PAGES) return false
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    const { log, checkpointed } = checkpoint(db, "PASSIVE")
    if (log - checkpointed <= REST_PAGES) return true
  }
  return false
}

/** The thread: looks when a committing thread asks. Never waits for one. */
export const runCheckpoints = (db: BetterSqlite3.Database, ports: ReadonlyArray<MessagePort>): void => {
  let open = ports.length
  for (const port of ports) {
    port.on("message", () => {
      if (isNearlyDone(db)) port.postMessage("nearly")
    })
    port.on("close", () => {
      open -= 1
      if (open === 0) db.close()
    })
  }
}

/** The side of a thread that commits. */
export class Checkpoints {
  readonly #port: MessagePort
  #lookAt = 0

  constructor(port: MessagePort) {
    this.#port = port
    port.unref()
  }

  /** Call once for a connection that commits. */
  own(db: BetterSqlite3.Database): void {
    db.pragma(`wal_autocheckpoint = ${AUTOCHECKPOINT_PAGES}`)
  }

  /** Call after a commit, outside a transaction. */
  committed(db: BetterSqlite3.Database): void {
    const real = performance.now()
    if (real < this.#lookAt) return
    if (receiveMessageOnPort(this.#port) !== undefined) {
      checkpoint(db, "PASSIVE")
      return
    }
    this.#lookAt = real + LOOK_MS
    this.#port.postMessage("look")
  }

  close(): void {
    this.#port.close()
  }
}
