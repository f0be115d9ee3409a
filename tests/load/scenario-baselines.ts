/** (f) Runs and reports the baselines, before any of our services starts. */
import { bareEcho, bareJetStream, bareSqlite, fsyncLatency } from "./baselines.ts"
import { type Baselines, CLOSED_CALLERS, eventPlan, OPEN_LOOP_PER_SECOND } from "./bench.ts"
import type { BenchOptions } from "./options.ts"
import { cores, count, latencyOf, ms, perSecond, type Report } from "./report.ts"
import type { LoadSystem } from "./system.ts"

const SCENARIO = "(f) baselines: the parts by themselves"

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
      if (what === "echo") echoPerSecond[callers] = result.perSecond
    }
  }
  const open = await bareEcho(system, "echo", accounts, { kind: "open", perSecond: OPEN_LOOP_PER_SECOND, seconds })
  const note = `generator late p99 ${ms(open.result.lateness.p99)} · cores: ${cores(open.cpu)}`
  report.row(
    SCENARIO,
    `NATS echo, open loop ${perSecond(OPEN_LOOP_PER_SECOND)}`,
    perSecond(open.result.perSecond),
    latencyOf(open.result.latency),
    note,
  )
  report.figure("echo open", { ...open.result, cpu: open.cpu, histogram: undefined })

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
  return { echoPerSecond, echoOpenP99: open.result.latency.p99 }
}
