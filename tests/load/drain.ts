/**
 * (b, c, d, e) How fast the ledger applies charge arrays that wait for it: published while it is stopped, then
 * started.
 */
import type { Bench } from "./bench.ts"
import { startGenerator } from "./generator.ts"
import type { EventPlan } from "./payloads.ts"
import { type Cpu, measureCpu } from "./processes.ts"
import { cores, count, perSecond } from "./report.ts"
import type { LoadSystem } from "./system.ts"

export interface DrainResult {
  readonly charges: number
  /**
   * Of the second half: the accounts are loaded and the code is compiled. What a backlog of any length is worked off
   * at.
   */
  readonly perSecond: number
  /** Of all of it, from the first progress on: every account is loaded from the database once. */
  readonly coldPerSecond: number
  readonly seconds: number
  readonly cpu: Cpu
}

const PER_MESSAGE = 500
const SAMPLE_MS = 20
const STUCK_MS = 60_000

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

interface Sample {
  readonly applied: number
  readonly at: number
}

const rateBetween = (from: Sample, to: Sample): number => ((to.applied - from.applied) / (to.at - from.at)) * 1000

/**
 * From the first progress seen to the last charge, so that starting the process does not count. So few charges that
 * the first progress seen is all of them are counted from the last look that saw none: too slow a figure, never one
 * divided by nothing.
 */
const watchDrain = async (system: LoadSystem, before: number, charges: number): Promise<DrainResult> => {
  let none: Sample = { applied: 0, at: performance.now() }
  let first: Sample | null = null
  let half: Sample | null = null
  let moved: Sample = { applied: -1, at: performance.now() }
  let cpu = measureCpu(system.pids)
  for (;;) {
    const applied = Math.max(0, (await system.ledgerEntries()) - before)
    const now = { applied, at: performance.now() }
    if (applied !== moved.applied) moved = now
    if (now.at - moved.at > STUCK_MS) {
      throw new Error(`the drain is stuck at ${applied} charges:\n${system.log("ledger")}`)
    }
    if (applied === 0) none = now
    if (applied > 0 && first === null) {
      first = now
      cpu = measureCpu(system.pids)
    }
    if (applied >= charges / 2) half ??= now
    if (first !== null && half !== null && applied >= charges) {
      const seconds = (now.at - first.at) / 1000
      const coldPerSecond = rateBetween(first === now ? none : first, now)
      return {
        charges,
        perSecond: now === half ? coldPerSecond : rateBetween(half, now),
        coldPerSecond,
        seconds,
        cpu: cpu(),
      }
    }
    await pause(SAMPLE_MS)
  }
}

/** Publishes a plan's charges with the ledger stopped, starts it, and measures until the last one is applied. */
export const drain = async (system: LoadSystem, plan: EventPlan): Promise<DrainResult> => {
  const job = { job: "charges", servers: system.servers, name: "bench-load" } as const
  const generator = await startGenerator({ ...job, plan, perMessage: PER_MESSAGE, messagesPerBatch: 200 })
  await system.untilQuiet()
  const before = await system.ledgerEntries()
  await system.stop("ledger")
  const published = await generator.run()
  const started = system.start("ledger")
  const result = await watchDrain(system, before, published.events)
  await started
  return result
}

/** Runs and reports one drain. */
export const reportDrain = async (
  bench: Bench,
  name: string,
  plan: EventPlan,
  scenario: string,
): Promise<DrainResult> => {
  bench.report.say(`  ${name}: ${count(plan.events)} charges wait while the ledger is stopped`)
  const result = await drain(bench.system, plan)
  const cold = `all of it, accounts loading, ${perSecond(result.coldPerSecond)}`
  const note = `second half; ${cold} · cores: ${cores(result.cpu)}`
  bench.report.row(scenario, name, perSecond(result.perSecond), "", note)
  bench.report.figure(name, result)
  return result
}
