/** Whether a process still is the one we knew: pids are reused, so a pid alone proves nothing. */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives, as somebody else's.
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

/**
 * A text that differs between two processes which had the same pid; undefined when there is no such process. Linux:
 * start time in ticks since boot and the boot's id; elsewhere what `ps` prints.
 */
export const processMark = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    // The name in parentheses may hold anything, spaces and parentheses too.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    // Field 3 is the state, 22 the start time. A zombie has ended; only its parent has not noticed.
    if (fields[0] === "Z" || fields[0] === "X") return undefined
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}:${fields[19]}`
  } catch {
    if (process.platform === "linux") return undefined
  }
  try {
    const started = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim()
    return started === "" ? undefined : started
  } catch {
    return undefined
  }
}

export interface KnownProcess {
  readonly pid: number
  readonly mark: string | undefined
}

export const known = (pid: number): KnownProcess => ({ pid, mark: processMark(pid) })

/** True when the process runs and is the same one. */
export const isSame = (one: KnownProcess): boolean => {
  if (!isAlive(one.pid)) return false
  const now = processMark(one.pid)
  return now !== undefined && (one.mark === undefined || now === one.mark)
}

const POLL_MS = 20

/** Waits until the process is gone. Resolves false when it still runs after `timeoutMs`. */
export const gone = async (one: KnownProcess, timeoutMs: number): Promise<boolean> => {
  const deadline = performance.now() + timeoutMs
  while (isSame(one)) {
    if (performance.now() > deadline) return false
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  return true
}
