/** (f) Runs and reports the baselines, before any of our services starts. */
import { bareEcho, bareJetStream, bareSqlite, fsyncLatency } from "./baselines.ts"
import { type Baselines, CLOSED_CALLERS, eventPlan, IDLE_PER_SECOND, OPEN_LOOP_PER_SECOND } from "./bench.ts"
import type { LoadResult } from "@credits/testkit"
import type { BenchOptions } from "./options.ts"
import { cores, count, latencyOf, ms, perSecond, type Report } from "./report.ts"
import type { LoadSystem } from "./system.ts"

const SCENARIO = "(f) baselines: the parts by themselves"

/** The echo at a fixed rate. */
const echoAt = async (
  system: LoadSystem,
  { accounts, seconds }: BenchOptions,
  report: Report,
  rate: number,
): Promise<LoadResult> => {
  const { result, cpu } = await bareEcho(system, "echo", accounts, { kind: "open", perSecond: rate, seconds })
  const note = `generator late p99 ${ms(result.lateness.p99)} · cores: ${cores(cpu)}`
  const name = `NATS echo, open loop ${perSecond(rate)}`
  report.row(SCENARIO, name, perSecond(result.perSecond), latencyOf(result.latency), note)
  report.figure(`echo open ${rate}`, { ...result, cpu, histogram: undefined })
  return result
}

export const baselinesScenario = async (
  system: LoadSystem,
  options: BenchOptions,
  report: Report,
): Promise<Baselines> => {
  report.say(SCENARIO)
  const { seconds, accounts } = options
  const fsync = fsyncLatency()
  report.row(SCENARIO, "fdatasync of 4 KiB", perSecond(1000 / fsync.mean), latencyOf(fsync))
  report.figure("fsync", fsync)
  const echoPerSecond: Record<number, number> = {}
  const askerEchoPerSecond: Record<number, number> = {}
  for (const callers of CLOSED_CALLERS) {
    for (const what of ["echo", "echo-asker"] as const) {
      const { result, cpu } = await bareEcho(system, what, accounts, { kind: "closed", callers, seconds })
      const via = what === "echo" ? "" : ", our asker"
      report.row(
        SCENARIO,
        `NATS echo, ${callers} callers${via}`,
        perSecond(result.perSecond),
        latencyOf(result.latency),
        `cores: ${cores(cpu)}`,
      )
      report.figure(`${what} ${callers}`, { ...result, cpu, histogram: undefined })
      const kept = what === "echo" ? echoPerSecond : askerEchoPerSecond
      kept[callers] = result.perSecond
    }
  }
  await echoAt(system, options, report, IDLE_PER_SECOND)
  const open = await echoAt(system, options, report, OPEN_LOOP_PER_SECOND)

  const js = await bareJetStream(system.servers, eventPlan(accounts, Math.min(options.events, 500_000)))
  report.row(
    SCENARIO,
    "JetStream publish, arrays of 500",
    perSecond(js.events / js.publishSeconds),
    "",
    "events; file storage, sync_interval always",
  )
  report.row(SCENARIO, "JetStream consume, the same", perSecond(js.events / js.consumeSeconds), "", "events")
  report.figure("jetstream", js)
  const sqlite = bareSqlite(Math.min(options.events, 500_000), 2_000)
  report.row(
    SCENARIO,
    "SQLite, entry and key, 2,000 a commit",
    perSecond(sqlite.rowsPerSecond),
    `commit p50 ${ms(sqlite.commit.p50)} · p99 ${ms(sqlite.commit.p99)}`,
    sqlite.settings,
  )
  report.figure("sqlite", sqlite)
  report.say(`  ${count(echoPerSecond[256] ?? 0)} echoes a second are what authorizations are compared with`)
  return { echoPerSecond, askerEchoPerSecond, echoOpenP99: open.latency.p99 }
}
