/**
 * The write-ahead log of SQLite is synced beside the next commit (ADR 26): the deciding thread commits into the log and
 * goes on, and nothing of what it says afterwards leaves the process before the log is on the disk (I5). Owns the mark
 * between a commit and what follows from it, and the gate that holds it. Only for a store that names its log.
 */
import { fdatasync, fdatasyncSync, openSync } from "node:fs"
import { open } from "node:fs/promises"
import type { FromWorker, Unsynced } from "./protocol.ts"

export const logOf = (databaseFile: string): string => `${databaseFile}-wal`

/** SQLite keeps no lock on the log, so a handle of our own may be opened and closed beside its own. */
const openLog = (file: string): number => openSync(file, "r")

/** The process must end: after such an error the next sync may say that all is well. */
export class LogNotSynced extends Error {
  override readonly name = "LogNotSynced"
}

/** The side of the thread that commits. */
export class LogWriter {
  readonly #file: string | undefined
  readonly #isMoreWaiting: () => boolean
  readonly #send: (mark: Unsynced) => void
  #handle: number | null = null

  /** `file`: undefined where a commit is durable when it returns. */
  constructor(file: string | undefined, isMoreWaiting: () => boolean, send: (mark: Unsynced) => void) {
    this.#file = file
    this.#isMoreWaiting = isMoreWaiting
    this.#send = send
  }

  /** Call after each commit, before anything that follows from it is sent. @throws LogNotSynced */
  written(): void {
    if (this.#file === undefined) return
    // With nothing else to do, waiting here is quicker than the way over two more threads.
    if (this.#isMoreWaiting()) {
      this.#send({ t: "unsynced", log: this.#file })
      return
    }
    try {
      fdatasyncSync((this.#handle ??= openLog(this.#file)))
    } catch (cause) {
      throw new LogNotSynced(`${this.#file} could not be synced`, { cause })
    }
  }
}

/** The side of whoever speaks to the world. */
export class SyncGate {
  readonly #deliver: (message: FromWorker) => void
  readonly #failed: (error: Error) => void
  readonly #disk: typeof fdatasync
  /** From the first mark that is not synced. */
  #held: Array<FromWorker | Unsynced> = []
  #handle: number | null = null
  #isSyncing = false

  /** `failed`: the disk refused; what is held is never delivered, and the process must end. */
  constructor(deliver: (message: FromWorker) => void, failed: (error: Error) => void, disk = fdatasync) {
    this.#deliver = deliver
    this.#failed = failed
    this.#disk = disk
  }

  /** In order, each when the commits before it are on the disk. */
  take(message: FromWorker | Unsynced): void {
    if (message.t !== "unsynced") {
      if (this.#held.length === 0) this.#deliver(message)
      else this.#held.push(message)
      return
    }
    this.#handle ??= openLog(message.log)
    this.#held.push(message)
    this.#sync()
  }

  /** One at a time; it covers every commit whose mark is here when it begins. */
  #sync(): void {
    if (this.#isSyncing || this.#handle === null) return
    this.#isSyncing = true
    const covered = this.#held.findLastIndex(({ t }) => t === "unsynced")
    this.#disk(this.#handle, (error) => {
      // Closed for ever, as LogNotSynced says.
      if (error !== null) return this.#failed(error)
      this.#isSyncing = false
      const next = this.#held.findIndex(({ t }, i) => i > covered && t === "unsynced")
      const released = next === -1 ? this.#held : this.#held.slice(0, next)
      this.#held = next === -1 ? [] : this.#held.slice(next)
      if (next !== -1) this.#sync()
      for (const each of released) if (each.t !== "unsynced") this.#deliver(each)
    })
  }
}

/** For whoever reads the file beside its owner: what was read is on the disk when this resolves. */
export const syncedLog = async (databaseFile: string): Promise<void> => {
  const log = await open(logOf(databaseFile), "r")
  try {
    await log.datasync()
  } finally {
    await log.close()
  }
}
