/**
 * What an idle account costs in the ledger's memory: the same number of reads over a fifth of the accounts and over all of
 * them. The difference is accounts; what the reads themselves leave behind is in both.
 */
import type { Bench } from "./bench.ts"
import { generate } from "./generator.ts"
import type { LoadSystem } from "./system.ts"

/** Resident memory settles as the collector runs; the lowest of several readings is what the process needs. */
const READINGS = 20
const READING_GAP_MS = 100

const SHARE = 5

export const memoryPerAccount = async (bench: Bench): Promise<void> => {
  const { system, options, report } = bench
  const few = Math.floor(options.accounts / SHARE)
  await system.stop("ledger")
  await system.start("ledger")
  await system.untilDrained()
  const read = async (accounts: number): Promise<number> => {
    const load = { kind: "closed", callers: 64, seconds: 1 } as const
    const job = {
      job: "requests",
      what: "wallets",
      servers: system.servers,
      name: "bench-load",
      seed: 29,
      load,
    } as const
    for (let done = 0; done < options.accounts; done += accounts) await generate({ ...job, accounts })
    return settled(system)
  }
  // Twice: the first time the process itself grows to the size it works with.
  await read(few)
  const fewBytes = await read(few)
  const allBytes = await read(options.accounts)
  const perAccount = (allBytes - fewBytes) / (options.accounts - few)
  const mib = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(0)} MiB`
  const detail = `resident ${mib(fewBytes)} with ${few} accounts in use, ${mib(allBytes)} with ${options.accounts}`
  report.row("memory of the ledger", "idle account", `${perAccount.toFixed(0)} B`, "", detail)
  report.figure("memory", { fewBytes, allBytes, perAccount })
  report.bound("idle account in memory", perAccount / 1024, "at most", 1, "KiB")
}

const settled = async (system: LoadSystem): Promise<number> => {
  let bytes = Number.POSITIVE_INFINITY
  for (let i = 0; i < READINGS; i++) {
    bytes = Math.min(bytes, system.memory())
    await new Promise((resolve) => setTimeout(resolve, READING_GAP_MS))
  }
  return bytes
}
