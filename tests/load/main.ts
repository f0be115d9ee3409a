/**
 * `npm run bench`: the load tests. Starts a system of its own in a temporary folder, loads it from processes of their
 * own, prints a table with the bounds, writes JSON to bench-results/, and ends with `ledger verify`: a fast run with
 * a wrong ledger is a failed run. Bounds that are missed are printed and do not fail the run: figures depend on the
 * machine.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Bench } from "./bench.ts"
import { fundAndMeasureMemory } from "./memory.ts"
import { type BenchOptions, readOptions, USAGE } from "./options.ts"
import { machine, Report } from "./report.ts"
import { authorizeScenario } from "./scenario-authorize.ts"
import { baselinesScenario } from "./scenario-baselines.ts"
import { payingScenario } from "./scenario-paying.ts"
import { entriesScenario } from "./scenario-entries.ts"
import { throughputScenarios } from "./scenario-throughput.ts"
import { LoadSystem } from "./system.ts"

const DURABILITY =
  "nats-server sync_interval: always, R1 file storage · SQLite WAL, synced before answers · real processes, one machine"

const run = async (options: BenchOptions, report: Report, system: LoadSystem): Promise<boolean> => {
  const { only } = options
  // The echo is what authorizations are compared with, so (a) brings (f) along.
  const baselines = only.has("f") || only.has("a") ? await baselinesScenario(system, options, report) : null
  if (only.has("g")) await payingScenario(options, report)
  if ([...only].every((each) => each === "f" || each === "g")) return true
  await system.start("ledger", "pricing", "edge")
  await fundAndMeasureMemory(system, options, report)
  const bench: Bench = { options, report, system, baselines, emptyDrainPerSecond: null }
  await throughputScenarios(bench)
  if (only.has("a")) await authorizeScenario(bench)
  if (only.has("e")) await entriesScenario(bench)
  report.say("ledger verify")
  const verdict = await system.verify()
  report.row("after all of it", "credits ledger verify", verdict.ok ? "ok" : "NOT OK")
  report.figure("verify", verdict.ok)
  if (!verdict.ok) report.say(verdict.text)
  return verdict.ok
}

const main = async (): Promise<number> => {
  let options: BenchOptions
  try {
    options = readOptions(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
    return 2
  }
  const report = new Report()
  const about = machine()
  const startedAt = new Date().toISOString()
  const system = await LoadSystem.create()
  const onSignal = (): void => void system.destroy().finally(() => process.exit(130))
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal)
  let ok = false
  try {
    ok = await run(options, report, system)
  } finally {
    process.stdout.write(
      `\n${about.processor}, ${about.cores} cores, ${about.memoryGiB} GiB · ${about.node} · commit ${about.commit}\n` +
        `${DURABILITY}\n`,
    )
    if (about.loadAverage > 0.5)
      process.stdout.write(`the machine was busy when this began: load average ${about.loadAverage}\n`)
    report.print()
    mkdirSync(options.out, { recursive: true })
    const path = join(options.out, `${startedAt.replaceAll(/[:.]/g, "-")}.json`)
    const settings = { ...options, only: [...options.only] }
    writeFileSync(path, report.toJson({ startedAt, machine: about, durability: DURABILITY, options: settings, ok }))
    process.stdout.write(`\n${path}\n`)
    await system.destroy()
  }
  return ok ? 0 : 1
}

process.exitCode = await main()
