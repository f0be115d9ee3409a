/** What every scenario gets: the options, the report, and what earlier scenarios of the same run measured. */
import type { BenchOptions } from "./options.ts"
import type { EventPlan, Spread } from "./payloads.ts"
import type { Report } from "./report.ts"
import { LoadSystem } from "./system.ts"
import { generate } from "./generator.ts"
import { count } from "./report.ts"

export interface Baselines {
  /** Requests a second by number of callers, plain NATS client. */
  readonly echoPerSecond: Readonly<Record<number, number>>
  /** The same through `askOwner`, the client code of an authorization. */
  readonly askerEchoPerSecond: Readonly<Record<number, number>>
  /** p99 of the open loop at `OPEN_LOOP_PER_SECOND`. */
  readonly echoOpenP99: number
}

export interface Bench {
  readonly options: BenchOptions
  readonly report: Report
  readonly system: LoadSystem
  readonly baselines: Baselines | null
  /** Deductions a second of an even drain on a nearly empty database. */
  emptyDrainPerSecond: number | null
}

export const CLOSED_CALLERS = [64, 256, 1024] as const
/** The concurrency at which authorize and echo are compared. */
export const COMPARED_CALLERS = 256
export const OPEN_LOOP_PER_SECOND = 7_500
export const IDLE_PER_SECOND = 100

const DAY_MS = 86_400_000
/** Each plan begins a minute after the one before, so that ids stay in order of time across plans. */
let plans = 0
const firstEventAt = Date.now() - DAY_MS

export const eventPlan = (
  accounts: number,
  events: number,
  spread: Spread = "even",
  ids: EventPlan["ids"] = "time-ordered",
): EventPlan => ({
  events,
  accounts,
  spread,
  ids,
  seed: ++plans,
  from: firstEventAt + plans * 60_000,
  model: "gpt-5",
  provider: "openai",
})

/** Entitled from before the first event on, so that no charge goes to review. */
export const fundAccounts = async (system: LoadSystem, accounts: number, report: Report, from = 0): Promise<void> => {
  report.say(`  giving ${count(accounts - from)} accounts a plan and money`)
  const result = await generate({
    job: "fund",
    servers: system.servers,
    name: "bench-fund",
    from,
    to: accounts,
    entitledFrom: firstEventAt - DAY_MS,
  })
  if (result.refused.length > 0) throw new Error(`accounts were not funded: ${result.refused[0]}`)
  report.figure("fundAccountsPerSecond", result.accounts / result.seconds)
}
