/**
 * What processes cost: processor time and memory from /proc, by pid. Owns the reading only. Linux; elsewhere all is 0.
 */
import { readFileSync } from "node:fs"

/** Clock ticks a second of /proc/<pid>/stat: 100 on every Linux that Node supports. */
const TICKS_PER_SECOND = 100

/** User and system time of a process in seconds. */
export const cpuSeconds = (pid: number): number => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  } catch {
    return 0
  }
}

/** Resident memory in bytes. */
export const residentBytes = (pid: number): number => {
  try {
    const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))
    return Number(line?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

export type Cpu = Readonly<Record<string, number>>

/** Measures named processes over a span: the returned function gives the processor share of each (1 = one core). */
export const measureCpu = (pids: Readonly<Record<string, number>>): (() => Cpu) => {
  const start = performance.now()
  const before = Object.entries(pids).map(([name, pid]) => [name, pid, cpuSeconds(pid)] as const)
  return () => {
    const seconds = (performance.now() - start) / 1000
    return Object.fromEntries(before.map(([name, pid, used]) => [name, (cpuSeconds(pid) - used) / seconds]))
  }
}
