/** (b) usage arrays end to end and the drain of charge arrays; (c) one hot account; (d) zipf accounts. */
import { STREAMS } from "@credits/contracts"
import { streamState } from "@credits/bus"
import { type Bench, eventPlan } from "./bench.ts"
import { reportDrain } from "./drain.ts"
import { startGenerator } from "./generator.ts"
import { measureCpu } from "./processes.ts"
import { cores, count, perSecond } from "./report.ts"

const SCENARIO = "(b) usage → rated → deducted"
const DRAINS = "(b, c, d) drain of charge arrays, ledger started with all of them waiting"
const SAMPLE_MS = 100

interface Lag {
  readonly backlogMessagesMax: number
  readonly secondsAfterLastPublish: number
}

/** Runs the publisher and waits until its last event is deducted. */
const wholePath = async (bench: Bench): Promise<number> => {
  const { system, options, report } = bench
  const plan = eventPlan(options.accounts, options.events)
  const job = { job: "usage", servers: system.servers, name: "bench-load", plan, perMessage: 500, inFlight: 8 } as const
  const generator = await startGenerator(job)
  await system.untilQuiet()
  const cpu = measureCpu(system.pids)
  const start = performance.now()
  let backlog = 0
  let isPublished = false
  const publishing = generator.run().then((result) => {
    isPublished = true
    return result
  })
  const sampling = (async () => {
    while (!isPublished) {
      const usage = await streamState(system.bus.jsm, STREAMS.usage.name)
      const rated = (await system.status("pricing"))?.cursors[STREAMS.usage.name] ?? 0
      backlog = Math.max(backlog, usage.last - rated)
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS))
    }
  })()
  const published = await publishing
  const publishedAt = performance.now()
  await sampling
  await system.untilDrained()
  const end = performance.now()
  const rate = plan.events / ((end - start) / 1000)
  const lag: Lag = { backlogMessagesMax: backlog, secondsAfterLastPublish: (end - publishedAt) / 1000 }
  const used = { ...cpu(), "generator, while it published": generator.cores() }
  report.row(
    SCENARIO,
    `${count(plan.events)} events in arrays of 500`,
    perSecond(rate),
    "",
    `published at ${perSecond(plan.events / published.seconds)} · most usage messages waiting ${count(backlog)} · ` +
      `last event deducted ${lag.secondsAfterLastPublish.toFixed(2)} s after its PubAck · cores: ${cores(used)}`,
  )
  report.figure("whole path", { perSecond: rate, published, lag, cpu: used })
  return rate
}

export const throughputScenarios = async (bench: Bench): Promise<void> => {
  const { report, options } = bench
  const { only, accounts, events } = options
  report.say(DRAINS)
  let even = 0
  if (only.has("b") || only.has("c") || only.has("d") || only.has("e")) {
    const result = await reportDrain(bench, `${count(accounts)} accounts, evenly`, eventPlan(accounts, events), DRAINS)
    even = result.perSecond
    bench.emptyDrainPerSecond = even
  }
  if (only.has("b")) report.bound("ledger drain of charge arrays", even, "at least", 100_000, "/s")
  if (only.has("c")) {
    const hot = await reportDrain(bench, "one hot account", eventPlan(accounts, events, "hot"), DRAINS)
    report.bound("one hot account to spread accounts", hot.perSecond / even, "at least", 0.9, "×")
  }
  if (only.has("d")) {
    const zipf = await reportDrain(
      bench,
      `${count(accounts)} accounts, zipf`,
      eventPlan(accounts, events, "zipf"),
      DRAINS,
    )
    report.figure("zipf to even", zipf.perSecond / even)
  }
  if (only.has("b")) {
    report.say(SCENARIO)
    report.bound("whole path, usage to deducted", await wholePath(bench), "at least", 60_000, "/s")
  }
}
