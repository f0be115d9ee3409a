/**
 * (g) The paying life in bulk: a year of many subscribers by advancing the clock, and a renewal night, in which all of
 * them are due as close together as they bought (or at once, as after an outage) while the card processor takes so many
 * requests a second and gateways go on asking. Each on a system of its own, the whole of it under its supervisor, over
 * HTTP. What was charged is read from the processor's own book.
 */
import { ask, askOwner, type BusHandle, closeBus, connectBus, writeClockSetting } from "@credits/bus"
import { type ControlAnswer, SUBJECTS } from "@credits/contracts"
import { makeId, partitionOf } from "@credits/kernel"
import {
  advanceClock,
  callUntilServed,
  type LoadResult,
  openLoop,
  startSystem,
  steadySchedule,
  type SystemUnderTest,
} from "@credits/testkit"
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { BenchOptions } from "./options.ts"
import { populate, richCustomer, subscriberAt, subscribers } from "./population.ts"
import { residentBytes } from "./processes.ts"
import { count, latencyOf, perSecond, type Report } from "./report.ts"

/** The contract: a year of a thousand customers in a minute. */
const YEAR_SECONDS_PER_1000 = 60
/** What gateways ask while renewals run. */
const AUTHORIZE_PER_SECOND = 100
/** Of the processor's requests, one charge takes two: made, then confirmed. */
const REQUESTS_PER_CHARGE = 2
const SERVICES = ["ledger", "payments", "subscriptions", "topup", "processor"] as const
const MONTHS = 12
const FIFTHS = 5
const MIB = 1024 * 1024

const LOOK_MS = 1_000
const TOLD_EVERY_MS = 60_000
const STALLED_MS = 120_000
/** Whoever bought first, and last, is among so many. */
const NEIGHBOURS = 64
const LOOKING_AT_ONCE = 16
const QUIET_MS = 5_000
const CONTROLS = [
  SUBJECTS.ledgerControl,
  SUBJECTS.paymentsControl,
  SUBJECTS.subscriptionsControl,
  SUBJECTS.notificationsControl,
]
const REMINDED_MS = 6 * 86_400_000
const AFTER_BOUNDARY_MS = 60_000
/** The clock was moved a moment ago: whoever hears of it goes on before the first is due. */
const BEFORE_BOUNDARY_MS = 3_000
/** The pacer spreads a thousand over a few seconds. */
const LAST_TURN_MS = 10_000

const perHour = (due: number, seconds: number): string =>
  seconds === 0 ? "all at once" : `${count(Math.round((due / seconds) * 3_600))} an hour`

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Until it is so, or the time is over: then whoever counts will see. */
const until = async (isSo: () => Promise<boolean>, ms: number): Promise<void> => {
  const began = performance.now()
  while (!(await isSo()) && performance.now() - began < ms) await pause(250)
}

/** Renewals in the processor's book since it had so many charges, and obligations charged twice in the whole of it. */
const bookOf = async (system: SystemUnderTest, since = 0) => {
  const { body } = await callUntilServed<{ items: ReadonlyArray<{ obligation: string }> }>(
    system.url,
    "/__sandbox/charges",
  )
  const obligations = body.items.map(({ obligation }) => obligation)
  return {
    renewals: obligations.slice(since).filter((each) => each.startsWith("renewal:")).length,
    twice: obligations.length - new Set(obligations).size,
  }
}

const memoryOf = (system: SystemUnderTest): Readonly<Record<string, number>> =>
  Object.fromEntries(SERVICES.map((name) => [name, residentBytes(system.pidOf(name))]))

const memoryText = (before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): string =>
  SERVICES.map((name) => `${name} ${Math.round(before[name]! / MIB)} → ${Math.round(after[name]! / MIB)} MiB`).join(
    " · ",
  )

const year = async ({ subscribers: wanted }: BenchOptions, report: Report): Promise<void> => {
  const scenario = `(g) a year of ${count(wanted)} subscribers, by advancing the clock`
  report.say(scenario)
  // What is measured is the year, not how fast a thousand people can buy.
  const system = await startSystem({ env: { CREDITS_CHARGES_PER_SECOND: "500" } })
  try {
    await subscribers(system, wanted)
    const memory = memoryOf(system)
    const began = performance.now()
    const { ran } = await advanceClock(system.url, { by: "P1Y" }, 900_000)
    const seconds = (performance.now() - began) / 1000
    // Those that were due just before the year's end have their turn at the processor just after it.
    await until(async () => (await bookOf(system)).renewals >= wanted * MONTHS, LAST_TURN_MS)
    const { renewals, twice } = await bookOf(system)
    const note = `${count(ran)} pieces of due work · ${memoryText(memory, memoryOf(system))}`
    report.row(scenario, `${count(renewals)} renewals`, perSecond(renewals / seconds), `${seconds.toFixed(1)} s`, note)
    report.figure("year", { subscribers: wanted, seconds, ran, renewals, twice })
    report.bound("a year, per 1,000 subscribers", (seconds / wanted) * 1000, "at most", YEAR_SECONDS_PER_1000, "s")
    report.bound("renewals of the year, lost", wanted * MONTHS - renewals, "at most", 0, "charges")
    report.bound("obligations of the year, charged twice", twice, "at most", 0, "charges")
  } finally {
    await system.stop()
  }
}

/** Authorizations of a customer with credit, at a fixed rate, over the bus as gateways ask. */
const authorizations = (bus: BusHandle, account: string, seconds: number): Promise<LoadResult> =>
  openLoop({
    schedule: steadySchedule(AUTHORIZE_PER_SECOND, seconds),
    warmupMs: 500,
    call: async () => {
      const id = makeId("req", Date.now(), randomBytes(10))
      const request = JSON.stringify({ op: "authorize", id, account, amount: "1000", ttl: 60_000 })
      const subject = SUBJECTS.ledgerGateway(partitionOf(account))
      const answer = await askOwner(bus.connection, subject, request, { deadlineMs: 10_000 })
      return answer.startsWith('{"ok"') ? "ok" : "refused"
    },
  })

/** How many charges the processor's book has: looked at every few seconds, where the whole of it would be the load. */
const chargesIn = async (system: SystemUnderTest): Promise<number> => {
  const { body } = await callUntilServed<{ count: number }>(system.processorUrl!, "/__sandbox/charges/count")
  return body.count
}

/** Time jumps to an instant, as after an outage, without stopping the world as an advance does. */
const jump = (edge: BusHandle, to: number): Promise<void> =>
  writeClockSetting(edge, { offset: to - Date.now(), frozenAt: null })

/** When the months of the first and of the last are over: they bought one after the other. */
const boundariesOf = async (system: SystemUnderTest, due: number): Promise<{ first: number; last: number }> => {
  const endsOf = (from: number): Promise<ReadonlyArray<number>> =>
    Promise.all(
      Array.from({ length: Math.min(NEIGHBOURS, due) }, async (_, i) =>
        Date.parse((await (await subscriberAt(system, from + i)).subscription()).currentPeriodEnd!),
      ),
    )
  const [first, last] = [await endsOf(0), await endsOf(Math.max(0, due - NEIGHBOURS))]
  return { first: Math.min(...first), last: Math.max(...last) }
}

/**
 * Memory as it is once every subscriber was looked at: what they need while they rest is in it, what the night needs on
 * top is what is measured.
 */
const lookAtAll = async (system: SystemUnderTest, due: number): Promise<void> => {
  let next = 0
  const look = async (): Promise<void> => {
    while (next < due) await (await subscriberAt(system, next++)).subscription()
  }
  await Promise.all(Array.from({ length: LOOKING_AT_ONCE }, look))
}

/** Until nobody has anything left to do for a while. */
const untilQuiet = async (edge: BusHandle): Promise<void> => {
  let [seen, since] = ["", performance.now()]
  while (performance.now() - since < QUIET_MS) {
    await pause(LOOK_MS)
    // Who has a hundred thousand reminders to send may take a while to say so.
    const asked = CONTROLS.map((subject) => ask(edge.connection, subject, '{"op":"status"}', STALLED_MS))
    const answers = (await Promise.all(asked)).map((text) => JSON.parse(text) as ControlAnswer)
    const now = JSON.stringify(
      answers.map(({ ran, outboxPending, openRequests }) => [ran, outboxPending, openRequests]),
    )
    if (now !== seen) [seen, since] = [now, performance.now()]
  }
}

interface Renewed {
  /** Until the last. */
  readonly seconds: number
  /** Of every minute. */
  readonly minutes: ReadonlyArray<{ readonly renewed: number; readonly memory: Readonly<Record<string, number>> }>
}

/** Renewed one after the other. @throws when they stop before */
const untilRenewed = async (system: SystemUnderTest, before: number, due: number, report: Report): Promise<Renewed> => {
  const began = performance.now()
  const minutes: Array<Renewed["minutes"][number]> = []
  let [seen, movedAt, toldAt] = [0, began, began]
  while (seen < due) {
    await pause(LOOK_MS)
    const now = performance.now()
    const renewed = (await chargesIn(system)) - before
    if (renewed > seen) movedAt = now
    seen = renewed
    if (now - movedAt > STALLED_MS) throw new Error(`${seen} of ${due} renewed, and no more for ${STALLED_MS} ms`)
    if (now - toldAt < TOLD_EVERY_MS) continue
    toldAt = now
    minutes.push({ renewed: seen, memory: memoryOf(system) })
    report.say(`    ${count(seen)} of ${count(due)} renewed after ${((now - began) / 1000).toFixed(0)} s`)
  }
  return { seconds: (performance.now() - began) / 1000, minutes }
}

/**
 * Page caches fill and code is compiled while the first fifth is renewed, and between two collections a heap goes up
 * and down by a third: the peak of the second fifth to that of the last says what grows with the number of subscribers.
 */
const reportMemory = (report: Report, scenario: string, minutes: Renewed["minutes"]): void => {
  if (minutes.length < FIFTHS * 2) return
  const peaksOf = (fifth: number): Readonly<Record<string, number>> => {
    const part = minutes.slice((fifth * minutes.length) / FIFTHS, ((fifth + 1) * minutes.length) / FIFTHS)
    return Object.fromEntries(SERVICES.map((name) => [name, Math.max(...part.map(({ memory }) => memory[name]!))]))
  }
  const [second, last] = [peaksOf(1), peaksOf(FIFTHS - 1)]
  report.row(scenario, "memory, peak of the second fifth and of the last", "", "", memoryText(second, last))
  const growth = Math.max(...SERVICES.map((name) => last[name]! / second[name]!))
  report.bound("memory, peak of the last fifth to the second's", growth, "at most", 1.25, "×")
}

const night = async (options: BenchOptions, report: Report): Promise<void> => {
  const { due, processorRate, seconds, population, atOnce } = options
  const how = atOnce ? "due at once" : "due one after the other"
  const scenario = `(g) renewal night: ${count(due)} ${how}, a processor of ${processorRate} requests/s`
  report.say(scenario)
  const chargesPerSecond = Math.floor(processorRate / REQUESTS_PER_CHARGE)
  const dataDir = population ?? mkdtempSync(join(process.env["CREDITS_BENCH_DIR"] ?? tmpdir(), "credits-night-"))
  await populate(dataDir, due, (made) => report.say(`    ${count(made)} of ${count(due)} subscribers made`))
  const system = await startSystem({
    dataDir,
    env: {
      CREDITS_SANDBOX_RATE_LIMIT: String(processorRate),
      CREDITS_CHARGES_PER_SECOND: String(chargesPerSecond),
    },
  })
  const gateway = await connectBus({ servers: system.natsUrl, seed: system.seeds.gateway, name: "gateway" })
  const edge = await connectBus({ servers: system.natsUrl, seed: system.seeds.edge, name: "edge" })
  try {
    const rich = await richCustomer(system)
    await lookAtAll(system, due)
    const { first, last } = await boundariesOf(system, due)
    // Reminders are due a week before; the night is the renewals alone.
    await jump(edge, last - REMINDED_MS)
    await untilQuiet(edge)
    const quiet = await authorizations(gateway, rich.account, seconds)
    report.row(scenario, "authorize, quiet", perSecond(quiet.perSecond), latencyOf(quiet.latency))
    const before = { memory: memoryOf(system), charges: await chargesIn(system) }
    await jump(edge, atOnce ? last + AFTER_BOUNDARY_MS : first - BEFORE_BOUNDARY_MS)
    const withinSeconds = atOnce ? 0 : (last - first) / 1000
    const paced = Math.max(due / chargesPerSecond, withinSeconds)
    const asked = authorizations(gateway, rich.account, Math.ceil(Math.max(5, paced)))
    const { seconds: nightSeconds, minutes } = await untilRenewed(system, before.charges, due, report)
    const busy = await asked
    const after = memoryOf(system)
    const { renewals, twice } = await bookOf(system, before.charges)
    report.row(scenario, "authorize, meanwhile", perSecond(busy.perSecond), latencyOf(busy.latency))
    report.row(
      scenario,
      "renewals",
      perSecond(due / nightSeconds),
      `${nightSeconds.toFixed(1)} s`,
      `due within ${withinSeconds.toFixed(0)} s, ${perHour(due, withinSeconds)} · ${memoryText(before.memory, after)}`,
    )
    const figures = { due, withinSeconds, processorRate, seconds: nightSeconds, minutes, renewals, twice, quiet, busy }
    report.figure("renewal night", figures)
    report.bound("renewals of the night, lost", Math.max(0, due - renewals), "at most", 0, "charges")
    report.bound("obligations of the night, charged twice", twice, "at most", 0, "charges")
    report.bound("authorize p99, meanwhile to quiet", busy.latency.p99 / quiet.latency.p99, "at most", 2, "×")
    reportMemory(report, scenario, minutes)
  } finally {
    await closeBus(gateway)
    await closeBus(edge)
    await system.stop()
    if (population === null) rmSync(dataDir, { recursive: true, force: true })
  }
}

export const payingScenario = async (options: BenchOptions, report: Report): Promise<void> => {
  await year(options, report)
  await night(options, report)
}
