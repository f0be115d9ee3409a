/**
 * One system per data folder: two would share nats-server's store and the databases. The lock is a file created
 * exclusively that names its owner; one left behind by a crash is recognised by its owner being gone.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, type Scope } from "effect"
import { isSame, type KnownProcess, known } from "./process-info.ts"
import { StartRefused } from "./refusal.ts"

export const lockFile = (dataDir: string): string => join(dataDir, "lock")

const readOwner = (file: string): KnownProcess | undefined => {
  try {
    const owner = JSON.parse(readFileSync(file, "utf8")) as Partial<KnownProcess>
    return typeof owner.pid === "number" ? { pid: owner.pid, mark: owner.mark } : undefined
  } catch {
    return undefined
  }
}

const ATTEMPTS_MAX = 5

/** @throws StartRefused with the owner's pid when the folder is in use, or why it cannot be written. */
export const takeLock = (dataDir: string): void => {
  const file = lockFile(dataDir)
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (created(file)) return
      const owner = readOwner(file)
      if (owner !== undefined && isSame(owner)) {
        throw new StartRefused({
          reason: `the data folder ${dataDir} is in use by process ${owner.pid}`,
          next: `stop it (Ctrl-C in its terminal, or kill ${owner.pid}), or set CREDITS_DATA_DIR to another folder`,
        })
      }
      // Of several that see the stale file only one can move it away; the others find the new one.
      const stale = `${file}.${process.pid}`
      try {
        renameSync(file, stale)
        rmSync(stale, { force: true })
      } catch {
        continue
      }
    }
  } catch (error) {
    if (error instanceof StartRefused) throw error
    throw new StartRefused({
      reason: `the data folder ${dataDir} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      next: "make it writable, or set CREDITS_DATA_DIR to another folder",
    })
  }
  throw new StartRefused({ reason: `the lock ${file} keeps changing hands`, next: "try again in a moment" })
}

const created = (file: string): boolean => {
  try {
    writeFileSync(file, `${JSON.stringify(known(process.pid))}\n`, { flag: "wx", mode: 0o600 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false
    throw error
  }
}

/** Gives the folder back; a lock that is not ours stays. */
export const releaseLock = (dataDir: string): void => {
  if (readOwner(lockFile(dataDir))?.pid === process.pid) rmSync(lockFile(dataDir), { force: true })
}

export const dataFolderLock = (dataDir: string): Effect.Effect<void, StartRefused, Scope.Scope> =>
  Effect.acquireRelease(Effect.try({ try: () => takeLock(dataDir), catch: (error) => error as StartRefused }), () =>
    Effect.sync(() => releaseLock(dataDir)),
  )
