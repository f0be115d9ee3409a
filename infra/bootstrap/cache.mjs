/**
 * The project's cache: the one folder that set-up writes tools to (CREDITS_CACHE_DIR, default `.cache` in the
 * checkout). Deleting it costs a download and nothing else. Also owns the lock that keeps two set-ups from working at
 * once.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { say, SetupFailed } from "./progress.mjs"

/** The checkout this set-up belongs to. */
export const repositoryDir = fileURLToPath(new URL("../..", import.meta.url))

export const cacheDir = resolve(repositoryDir, process.env["CREDITS_CACHE_DIR"] || ".cache")

/**
 * @param {string[]} parts
 * @returns {string} a folder inside the cache, created
 */
export const cacheFolder = (...parts) => {
  const folder = join(cacheDir, ...parts)
  mkdirSync(folder, { recursive: true })
  return folder
}

/**
 * A stamp is a small file holding a fingerprint of what a step was done for; equal means there is nothing to do.
 * @param {string} path
 * @returns {string | null}
 */
export const readStamp = (path) => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return null
  }
}

/**
 * @param {string} path
 * @param {string} fingerprint
 */
export const writeStamp = (path, fingerprint) => {
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, fingerprint)
  renameSync(draft, path)
}

/** A cold set-up takes under 3 minutes; who holds the lock longer than this is stuck. */
const LOCK_WAIT_MS = 10 * 60_000

/**
 * Runs `work` while no other set-up of this checkout does. A lock whose process is gone is taken over.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export const withSetupLock = async (work) => {
  const lock = join(cacheFolder(), "set-up.lock")
  const giveUpAt = performance.now() + LOCK_WAIT_MS
  let waiting = false
  while (!takeLock(lock)) {
    if (performance.now() > giveUpAt)
      throw new SetupFailed("another set-up does not finish", `stop it, or remove ${lock}`)
    if (!waiting) say("waiting for another set-up of this checkout")
    waiting = true
    await pause(200)
  }
  const release = () => rmSync(lock, { force: true })
  process.once("exit", release)
  try {
    return await work()
  } finally {
    process.off("exit", release)
    release()
  }
}

/**
 * @param {string} lock
 * @returns {boolean} whether the lock is ours now
 */
const takeLock = (lock) => {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" })
    return true
  } catch {
    const holder = Number(readStamp(lock))
    // An empty file is a lock being written this moment; the next look will tell.
    if (holder > 0 && !isAlive(holder)) rmSync(lock, { force: true })
    return false
  }
}

/** @param {number} pid */
const isAlive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}
