/** What an idle account costs in the ledger's memory: a fresh process that has every account loaded, against an empty one. */
import type { Bench } from "./bench.ts"
import { generate } from "./generator.ts"

/** Resident memory settles as the collector runs; the lowest of several readings is what the process needs. */
const READINGS = 20
const READING_GAP_MS = 100

export const memoryPerAccount = async (bench: Bench, emptyBytes: number): Promise<void> => {
  const { system, options, report } = bench
  await system.stop("ledger")
  await system.start("ledger")
  await system.untilDrained()
  const load = { kind: "closed", callers: 64, seconds: 1 } as const
  const job = { job: "requests", what: "wallets", servers: system.servers, name: "bench-load", seed: 29, load } as const
  await generate({ ...job, accounts: options.accounts })
  let bytes = Number.POSITIVE_INFINITY
  for (let i = 0; i < READINGS; i++) {
    bytes = Math.min(bytes, system.memory())
    await new Promise((resolve) => setTimeout(resolve, READING_GAP_MS))
  }
  const perAccount = (bytes - emptyBytes) / options.accounts
  const detail = `${(emptyBytes / 1024 ** 2).toFixed(0)} MiB empty, ${(bytes / 1024 ** 2).toFixed(0)} MiB with all of them loaded`
  report.row("memory of the ledger", "idle account", `${perAccount.toFixed(0)} B`, "", detail)
  report.figure("memory", { emptyBytes, bytes, perAccount })
  report.bound("idle account in memory", perAccount / 1024, "at most", 1, "KiB")
}
