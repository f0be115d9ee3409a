/**
 * What an idle account costs in the ledger's memory: a fresh process that holds a fifth of the accounts and one that
 * holds all of them, each read twice. The difference is accounts; what the process itself needs is in both.
 */
import { fundAccounts } from "./bench.ts"
import { generate } from "./generator.ts"
import type { BenchOptions } from "./options.ts"
import type { Report } from "./report.ts"
import type { LoadSystem } from "./system.ts"

const SAMPLE_MS = 20
const SHARE = 5

interface Memory {
  /** Live objects of the thread that holds the accounts. */
  readonly heap: number
  readonly resident: number
}

/** Garbage comes and goes while wallets are read; the lowest heap seen is what stays. */
const lowestWhile = async (system: LoadSystem, work: Promise<unknown>): Promise<Memory> => {
  let heap = Number.POSITIVE_INFINITY
  let isDone = false
  const finished = work.finally(() => {
    isDone = true
  })
  while (!isDone) {
    const used = Number((await system.status("ledger"))?.detail["heapUsedBytes"] ?? Number.POSITIVE_INFINITY)
    heap = Math.min(heap, used)
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS))
  }
  await finished
  return { heap, resident: system.memory() }
}

/** Restarts the ledger, loads the first `accounts` accounts, and measures while it reads them again `rounds` times. */
const memoryWith = async (system: LoadSystem, accounts: number, rounds: number): Promise<Memory> => {
  await system.untilQuiet()
  await system.stop("ledger")
  await system.start("ledger")
  const load = { kind: "closed", callers: 64, seconds: 1 } as const
  const job = { job: "requests", what: "wallets", servers: system.servers, name: "bench-load", seed: 29, load } as const
  await generate({ ...job, accounts })
  const again = async (): Promise<void> => {
    for (let round = 0; round < rounds; round++) await generate({ ...job, accounts })
  }
  return lowestWhile(system, again())
}

/** Gives all accounts a plan and money, and measures on the way. */
export const fundAndMeasureMemory = async (
  system: LoadSystem,
  options: BenchOptions,
  report: Report,
): Promise<void> => {
  const all = options.accounts
  const few = Math.max(1, Math.floor(all / SHARE))
  await fundAccounts(system, few, report)
  const some = await memoryWith(system, few, SHARE)
  await fundAccounts(system, all, report, few)
  const every = await memoryWith(system, all, 1)
  const perAccount = (every.heap - some.heap) / (all - few)
  const mib = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(0)} MiB`
  const told = (name: string, memory: Memory): string =>
    `with ${name} accounts: heap ${mib(memory.heap)}, resident ${mib(memory.resident)}`
  const detail = `${told(String(few), some)} · ${told(String(all), every)}`
  report.row("memory of the ledger", "idle account, heap", `${perAccount.toFixed(0)} B`, "", detail)
  report.figure("memory", { some, every, perAccount })
  report.bound("idle account in memory", perAccount / 1024, "at most", 1, "KiB")
}
