/**
 * What an idle account costs in the ledger's memory: a fresh process that holds a fifth of the accounts and one that
 * holds all of them, after the same number of reads. The difference is accounts; what the process itself needs is in
 * both.
 */
import { fundAccounts } from "./bench.ts"
import { generate } from "./generator.ts"
import type { BenchOptions } from "./options.ts"
import type { Report } from "./report.ts"
import type { LoadSystem } from "./system.ts"

/** Resident memory settles as the collector runs; the lowest of several readings is what the process needs. */
const READINGS = 20
const READING_GAP_MS = 100
const SHARE = 5

const settled = async (system: LoadSystem): Promise<number> => {
  let bytes = Number.POSITIVE_INFINITY
  for (let i = 0; i < READINGS; i++) {
    bytes = Math.min(bytes, system.memory())
    await new Promise((resolve) => setTimeout(resolve, READING_GAP_MS))
  }
  return bytes
}

/** Restarts the ledger and reads `reads` wallets of the first `accounts` accounts. */
const memoryWith = async (system: LoadSystem, accounts: number, reads: number): Promise<number> => {
  await system.untilQuiet()
  await system.stop("ledger")
  await system.start("ledger")
  const load = { kind: "closed", callers: 64, seconds: 1 } as const
  const job = { job: "requests", what: "wallets", servers: system.servers, name: "bench-load", seed: 29, load } as const
  for (let done = 0; done < reads; done += accounts) await generate({ ...job, accounts })
  return settled(system)
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
  const fewBytes = await memoryWith(system, few, all)
  await fundAccounts(system, all, report, few)
  const allBytes = await memoryWith(system, all, all)
  const perAccount = (allBytes - fewBytes) / (all - few)
  const mib = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(0)} MiB`
  const detail = `resident ${mib(fewBytes)} with ${few} accounts, ${mib(allBytes)} with ${all}`
  report.row("memory of the ledger", "idle account", `${perAccount.toFixed(0)} B`, "", detail)
  report.figure("memory", { fewBytes, allBytes, perAccount })
  report.bound("idle account in memory", perAccount / 1024, "at most", 1, "KiB")
}
