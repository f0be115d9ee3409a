/** (b, c, d, e) How fast the ledger applies charge arrays that wait for it: published while it is stopped, then started. */
import type { Bench } from "./bench.ts"
import { startGenerator } from "./generator.ts"
import type { PublishResult } from "./jobs/job.ts"
import type { EventPlan } from "./payloads.ts"
import { type Cpu, measureCpu } from "./processes.ts"
import { cores, count, perSecond } from "./report.ts"
import type { LoadSystem } from "./system.ts"

export interface DrainResult {
  readonly charges: number
  readonly perSecond: number
  readonly seconds: number
  readonly cpu: Cpu
}

const PER_MESSAGE = 500
const SAMPLE_MS = 20

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Charges applied when the cursor stands at `seq`. */
const appliedAt = (published: PublishResult, seq: number): number => {
  const index = seq - (published.lastSeq - published.messages) - 1
  return index < 0 ? 0 : published.cumulated![Math.min(index, published.messages - 1)]!
}

/** From the first progress seen to the last charge, so that starting the process does not count. */
const watchDrain = async (system: LoadSystem, published: PublishResult): Promise<DrainResult> => {
  let firstAt = 0
  let firstApplied = 0
  let cpu = measureCpu(system.pids)
  for (;;) {
    const applied = appliedAt(published, await system.ledgerCursor())
    const now = performance.now()
    if (applied > 0 && firstAt === 0) {
      firstAt = now
      firstApplied = applied
      cpu = measureCpu(system.pids)
    }
    if (applied >= published.events) {
      const seconds = (now - firstAt) / 1000
      return { charges: published.events, perSecond: (applied - firstApplied) / seconds, seconds, cpu: cpu() }
    }
    await pause(SAMPLE_MS)
  }
}

/** Publishes a plan's charges with the ledger stopped, starts it, and measures until the last one is applied. */
export const drain = async (system: LoadSystem, plan: EventPlan): Promise<DrainResult> => {
  const job = { job: "charges", servers: system.servers, name: "bench-load" } as const
  const generator = await startGenerator({ ...job, plan, perMessage: PER_MESSAGE, messagesPerBatch: 200 })
  await system.stop("ledger")
  const published = await generator.run()
  const started = system.start("ledger")
  const result = await watchDrain(system, published)
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
  bench.report.row(scenario, name, perSecond(result.perSecond), "", `cores: ${cores(result.cpu)}`)
  bench.report.figure(name, result)
  return result
}
