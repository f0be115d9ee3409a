/**
 * (a) Authorize through NATS: the most there is, what users feel at a fixed rate, when idle, and while charges drain.
 */
import {
  type Bench,
  CLOSED_CALLERS,
  COMPARED_CALLERS,
  eventPlan,
  IDLE_PER_SECOND,
  OPEN_LOOP_PER_SECOND,
} from "./bench.ts"
import type { RequestLoad } from "./baselines.ts"
import type { LoadResult } from "@credits/testkit"
import { generate, generateMeasured, type Measured, startGenerator } from "./generator.ts"
import { measureCpu } from "./processes.ts"
import { cores, latencyOf, ms, perSecond } from "./report.ts"

const SCENARIO = "(a) authorize: NATS request → hold → SQLite commit → answer"
/** What gateways still ask while a backlog is worked off. */
const BESIDE_DRAIN_PER_SECOND = 1_000
/**
 * Applied before the first request: the bound is about a drain at full rate, not about a process that has just started
 * and reads each account for the first time.
 */
const DRAINED_BEFORE = 100_000
/** More charges than the ledger can apply while the requests run. */
const DRAIN_PER_SECOND_ASSUMED = 160_000

const jobOf = (bench: Bench, load: RequestLoad) =>
  ({
    job: "requests",
    what: "authorize",
    servers: bench.system.servers,
    name: "bench-load",
    accounts: bench.options.accounts,
    seed: 17,
    load,
  }) as const

const reportLoad = (
  bench: Bench,
  name: string,
  load: RequestLoad,
  { result, cpu }: Measured<LoadResult>,
): LoadResult => {
  const lateness = load.kind === "open" ? ` · generator late p99 ${ms(result.lateness.p99)}` : ""
  const lost = result.failed + result.dropped + result.refused
  const trouble = lost === 0 ? "" : ` · NOT ANSWERED OK: ${lost}`
  const note = `cores: ${cores(cpu)}${lateness}${trouble}`
  bench.report.row(SCENARIO, name, perSecond(result.perSecond), latencyOf(result.latency), note)
  bench.report.figure(`authorize ${name}`, { ...result, cpu, histogram: undefined })
  return result
}

const measure = async (bench: Bench, name: string, load: RequestLoad): Promise<LoadResult> =>
  reportLoad(bench, name, load, await generateMeasured(jobOf(bench, load), bench.system.pids))

/** Charges wait in the stream, the ledger starts, and while it works them off gateways go on asking. */
const besideDrain = async (bench: Bench): Promise<void> => {
  const { system, options, report } = bench
  const plan = eventPlan(options.accounts, (options.seconds + 2) * DRAIN_PER_SECOND_ASSUMED + DRAINED_BEFORE)
  const charges = { job: "charges", servers: system.servers, name: "bench-drain", perMessage: 500 } as const
  await system.untilQuiet()
  const before = await system.ledgerEntries()
  await system.stop("ledger")
  const { events } = await generate({ ...charges, plan, messagesPerBatch: 200 })
  const load = { kind: "open", perSecond: BESIDE_DRAIN_PER_SECOND, seconds: options.seconds } as const
  const generator = await startGenerator(jobOf(bench, load))
  const started = system.start("ledger")
  while ((await system.ledgerEntries()) <= before + DRAINED_BEFORE)
    await new Promise((resolve) => setTimeout(resolve, 20))
  const cpu = measureCpu(system.pids)
  const drainStart = performance.now()
  const from = await system.ledgerEntries()
  const result = await generator.run()
  const to = await system.ledgerEntries()
  const drainSeconds = (performance.now() - drainStart) / 1000
  const name = `open loop ${perSecond(BESIDE_DRAIN_PER_SECOND)} while charges drain`
  reportLoad(bench, name, load, { result, cpu: { ...cpu(), generator: generator.cores() } })
  // Entries of the authorizations themselves are not the drain's.
  const rate = (to - from - result.ok) / drainSeconds
  const note = to - before - result.ok >= events ? "it ended before the requests did" : ""
  report.row(SCENARIO, "… the drain meanwhile", perSecond(rate), "", note)
  report.figure("drain beside authorize", rate)
  report.bound("authorize p99 while the drain runs at full rate", result.latency.p99, "at most", 60, "ms")
  await started
  await system.untilDrained()
}

/** Authorize and deduct: calls as the gateway client makes them, until the last one is deducted. */
const wholeCalls = async (bench: Bench): Promise<void> => {
  const { system, options, report } = bench
  const { model, provider } = eventPlan(1, 1)
  const job = { job: "calls", servers: system.servers, name: "bench-calls", model, provider, seed: 31 } as const
  const { accounts, seconds } = options
  const generator = await startGenerator({ ...job, accounts, seconds, callers: COMPARED_CALLERS })
  const cpu = measureCpu(system.pids)
  const result = await generator.run()
  const end = performance.now()
  await system.untilDrained()
  const behind = ((performance.now() - end) / 1000).toFixed(2)
  const name = `authorize and deduct, ${COMPARED_CALLERS} callers`
  const note = `calls through the gateway client with its spool · last one deducted ${behind} s after the end`
  const used = { ...cpu(), generator: generator.cores() }
  report.row(SCENARIO, name, perSecond(result.perSecond), latencyOf(result.latency), `${note} · cores: ${cores(used)}`)
  report.figure(name, { ...result, cpu: used, histogram: undefined })
  if (result.ok === 0) throw new Error("no call was authorized")
}

export const authorizeScenario = async (bench: Bench): Promise<void> => {
  const { report, options, baselines } = bench
  const { seconds } = options
  report.say(SCENARIO)
  await bench.system.untilQuiet()
  const idle = await measure(bench, `idle: open loop ${perSecond(IDLE_PER_SECOND)}`, {
    kind: "open",
    perSecond: IDLE_PER_SECOND,
    seconds: Math.min(5, seconds) + 1,
  })
  report.bound("authorize idle p50", idle.latency.p50, "at most", 2, "ms")
  for (const callers of CLOSED_CALLERS) {
    const result = await measure(bench, `closed loop, ${callers} callers`, { kind: "closed", callers, seconds })
    const echo = baselines?.echoPerSecond[callers]
    if (callers === COMPARED_CALLERS) {
      report.bound(`authorize, ${callers} callers`, result.perSecond, "at least", 15_000, "/s")
      if (echo !== undefined)
        report.bound(`authorize to bare echo, ${callers} callers each`, result.perSecond / echo, "at least", 0.6, "×")
    }
    if (echo === undefined) continue
    const same = result.perSecond / baselines!.askerEchoPerSecond[callers]!
    const bare = `to the bare echo ${(result.perSecond / echo).toFixed(3)} ×`
    report.row(SCENARIO, "… as many callers each", "", "", `${bare} · through our asker, as here, ${same.toFixed(3)} ×`)
  }
  const open = await measure(bench, `open loop ${perSecond(OPEN_LOOP_PER_SECOND)}`, {
    kind: "open",
    perSecond: OPEN_LOOP_PER_SECOND,
    seconds,
  })
  if (baselines !== null) {
    const ratio = open.latency.p99 / baselines.echoOpenP99
    report.bound(`open loop ${perSecond(OPEN_LOOP_PER_SECOND)} p99 to the echo's`, ratio, "at most", 3, "×")
  }
  await wholeCalls(bench)
  await besideDrain(bench)
}
