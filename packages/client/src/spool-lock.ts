/**
 * One process per spool directory. Owns the file `lock`; knows nothing of segments.
 * The lock names its process by pid and, where /proc tells, by its start tick: after a kill -9 in a container the next
 * process often has the same pid, and must not mistake the old lock for a living owner.
 */
import { closeSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs"
import { join } from "node:path"

const startTick = (pid: number): string => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""
  } catch {
    return ""
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

const isHeld = (text: string): boolean => {
  const [pid, tick] = text.trim().split(" ")
  const owner = Number(pid)
  return Number.isInteger(owner) && owner > 0 && isAlive(owner) && (tick ?? "") === startTick(owner)
}

/** Takes the lock or returns null when a living process has it. The returned function gives it back. */
export const takeSpoolLock = (directory: string): (() => void) | null => {
  const path = join(directory, "lock")
  const mine = `${process.pid} ${startTick(process.pid)}\n`
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = openSync(path, "wx", 0o600)
      writeSync(file, mine)
      closeSync(file)
      return () => unlinkSync(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
      if (isHeld(readFileSync(path, "utf8"))) return null
      unlinkSync(path)
    }
  }
  return null
}
