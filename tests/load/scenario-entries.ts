/** (e) Millions of stored entries: does it get slower, how fast is a statement page, and what do random ids cost. */
import { STREAMS } from "@credits/contracts"
import { streamState } from "@credits/bus"
import { type Bench, eventPlan, fundAccounts } from "./bench.ts"
import { drain, reportDrain } from "./drain.ts"
import { generate, generateMeasured } from "./generator.ts"
import { cores, count, latencyOf, perSecond } from "./report.ts"
import { LoadSystem } from "./system.ts"

const SCENARIO = "(e) with many stored entries"
/** Charges prepared at once: what fits into a generator's memory. */
const FILL_CHUNK = 1_000_000

/** Adds charges until about `wanted` are stored, with the ledger running. */
const fill = async (
  bench: Bench,
  system: LoadSystem,
  wanted: number,
  ids: "time-ordered" | "random",
): Promise<number> => {
  const start = performance.now()
  for (let done = 0; done < wanted; done += FILL_CHUNK) {
    const plan = eventPlan(bench.options.accounts, Math.min(FILL_CHUNK, wanted - done), "even", ids)
    const job = { job: "charges", servers: system.servers, name: "bench-load", plan } as const
    await generate({ ...job, perMessage: 500, messagesPerBatch: 200 })
    await system.untilDrained()
    bench.report.say(`    ${count(done + plan.events)} ${ids} entries stored`)
  }
  return wanted / ((performance.now() - start) / 1000)
}

const statementPages = async (bench: Bench): Promise<void> => {
  const { system, options, report } = bench
  const load = { kind: "closed", callers: 1, seconds: Math.min(5, options.seconds) } as const
  const job = {
    job: "requests",
    what: "statement",
    servers: system.servers,
    name: "bench-load",
    seed: 23,
    load,
  } as const
  await system.untilQuiet()
  const { result, cpu } = await generateMeasured({ ...job, accounts: options.accounts }, system.pids)
  report.row(
    SCENARIO,
    "statement page of 50, one reader",
    perSecond(result.perSecond),
    latencyOf(result.latency),
    `cores: ${cores(cpu)}`,
  )
  report.figure("statement page", result.latency)
  report.bound("statement page p99", result.latency.p99, "at most", 5, "ms")
  if (result.ok === 0) throw new Error("no statement page was answered")
}

/** A system of its own: random ids make every insert dirty its own page, and would slow the others down for ever. */
const randomIds = async (bench: Bench): Promise<void> => {
  const { options, report } = bench
  const system = await LoadSystem.create()
  try {
    await system.start("ledger")
    await fundAccounts(system, options.accounts, report)
    const wanted = Math.min(options.storedEntries, 3_000_000)
    await fill(bench, system, wanted, "random")
    const result = await drain(system, eventPlan(options.accounts, Math.min(options.events, 300_000), "even", "random"))
    const slower =
      bench.emptyDrainPerSecond === null
        ? ""
        : `${(result.perSecond / bench.emptyDrainPerSecond).toFixed(2)} × of time-ordered and empty · `
    report.row(
      SCENARIO,
      `drain at ${count(wanted)} entries, random ids`,
      perSecond(result.perSecond),
      "",
      `${slower}cores: ${cores(result.cpu)}`,
    )
    report.figure("drain with random ids", { stored: wanted, ...result })
    const verdict = await system.verify()
    if (!verdict.ok) throw new Error(`ledger verify failed after random ids: ${verdict.text}`)
  } finally {
    await system.destroy()
  }
}

export const entriesScenario = async (bench: Bench): Promise<void> => {
  const { system, options, report } = bench
  report.say(SCENARIO)
  const stored = (await streamState(system.bus.jsm, STREAMS.ledgerCommands.name)).last
  report.say(`  command stream at ${count(stored)} messages; storing ${count(options.storedEntries)} entries`)
  await fill(bench, system, options.storedEntries, "time-ordered")
  const full = await reportDrain(
    bench,
    `drain at ${count(options.storedEntries)} entries, time-ordered ids`,
    eventPlan(options.accounts, options.events),
    SCENARIO,
  )
  if (bench.emptyDrainPerSecond !== null) {
    const ratio = full.perSecond / bench.emptyDrainPerSecond
    report.bound(`drain at ${count(options.storedEntries)} entries to empty`, ratio, "at least", 0.8, "×")
  }
  report.row(SCENARIO, "database of the ledger", `${(system.databaseBytes("ledger") / 1024 ** 2).toFixed(0)} MiB`)
  await statementPages(bench)
  await randomIds(bench)
}
