/**
 * Putting an unpacked program where the cache keeps it: whole or not at all, so that a broken set-up leaves no half of
 * one.
 */
import { chmodSync, copyFileSync, mkdirSync, renameSync } from "node:fs"
import { basename, join } from "node:path"

/**
 * @param {string} unpacked
 * @param {string} folder
 * @returns {string} where it is now
 */
export const placeProgram = (unpacked, folder) => {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, basename(unpacked))
  const draft = `${path}.${process.pid}`
  copyFileSync(unpacked, draft)
  chmodSync(draft, 0o755)
  renameSync(draft, path)
  return path
}
