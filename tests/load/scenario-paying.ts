/**
 * (g) The paying life in bulk: a year of many subscribers by advancing the clock, and a renewal night, in which all of
 * them are due at once while the card processor takes so many requests a second and gateways go on asking. Each on a
 * system of its own, the whole of it under its supervisor, over HTTP. What was charged is read from the processor's own
 * book.
 */
import { askOwner, type BusHandle, closeBus, connectBus, writeClockSetting } from "@credits/bus"
import { SUBJECTS } from "@credits/contracts"
import { makeId, partitionOf } from "@credits/kernel"
import {
  advanceClock,
  businessNow,
  callUntilServed,
  Customer,
  type LoadResult,
  openLoop,
  startSystem,
  steadySchedule,
  type SystemUnderTest,
} from "@credits/testkit"
import { randomBytes } from "node:crypto"
import type { BenchOptions } from "./options.ts"
import { residentBytes } from "./processes.ts"
import { count, latencyOf, perSecond, type Report } from "./report.ts"

/** The contract: a year of a thousand customers in a minute. */
const YEAR_SECONDS_PER_1000 = 60
/** Purchases at the same time while a population is made; more only queue. */
const BUYING_AT_ONCE = 32
/** What gateways ask while renewals run. */
const AUTHORIZE_PER_SECOND = 100
/** Of the processor's requests, one charge takes two: made, then confirmed. */
const REQUESTS_PER_CHARGE = 2
const SERVICES = ["ledger", "payments", "subscriptions", "topup", "processor"] as const
const MONTHS = 12
const MIB = 1024 * 1024

const LOOK_MS = 250
/** The pacer spreads a thousand over a few seconds. */
const LAST_TURN_MS = 10_000

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Until it is so, or the time is over: then whoever counts will see. */
const until = async (isSo: () => Promise<boolean>, ms: number): Promise<void> => {
  const began = performance.now()
  while (!(await isSo()) && performance.now() - began < ms) await pause(250)
}

/** Subscribers of Plus by the month, each with a card. */
const subscribers = async (system: SystemUnderTest, wanted: number): Promise<ReadonlyArray<Customer>> => {
  const customers: Array<Customer> = []
  let next = 0
  const buyer = async (): Promise<void> => {
    while (next < wanted) {
      const customer = await Customer.signIn(system.url, `load-${next++}@example.com`)
      await customer.saveCard("tok_ok")
      await customer.buy("plus", "monthly")
      customers.push(customer)
    }
  }
  await Promise.all(Array.from({ length: BUYING_AT_ONCE }, buyer))
  return customers
}

/** Obligations in the processor's book by kind, and those charged twice. */
const bookOf = async (system: SystemUnderTest) => {
  const { body } = await callUntilServed<{ items: ReadonlyArray<{ obligation: string }> }>(
    system.url,
    "/__sandbox/charges",
  )
  const obligations = body.items.map(({ obligation }) => obligation)
  return {
    renewals: obligations.filter((each) => each.startsWith("renewal:")).length,
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

/** Time jumps past everybody's boundary at once, as after an outage, without stopping the world as an advance does. */
const jumpPastBoundary = async (system: SystemUnderTest, edge: BusHandle, customer: Customer): Promise<void> => {
  const { currentPeriodEnd } = await customer.subscription()
  const now = await businessNow(system.url)
  const to = Date.parse(currentPeriodEnd!) + 600_000
  await writeClockSetting(edge, { offset: to - now + (now - Date.now()), frozenAt: null })
}

const night = async (options: BenchOptions, report: Report): Promise<void> => {
  const { due, processorRate, seconds } = options
  const scenario = `(g) renewal night: ${count(due)} due at once, a processor of ${processorRate} requests/s`
  report.say(scenario)
  const chargesPerSecond = Math.floor(processorRate / REQUESTS_PER_CHARGE)
  const system = await startSystem({
    env: {
      CREDITS_SANDBOX_RATE_LIMIT: String(processorRate),
      CREDITS_CHARGES_PER_SECOND: String(chargesPerSecond),
    },
  })
  const gateway = await connectBus({ servers: system.natsUrl, seed: system.seeds.gateway, name: "gateway" })
  const edge = await connectBus({ servers: system.natsUrl, seed: system.seeds.edge, name: "edge" })
  try {
    const [first] = await subscribers(system, due)
    const rich = await Customer.signIn(system.url, "rich@example.com")
    await rich.saveCard("tok_ok")
    await rich.buy("max", "yearly")
    const quiet = await authorizations(gateway, rich.account, seconds)
    report.row(scenario, "authorize, quiet", perSecond(quiet.perSecond), latencyOf(quiet.latency))
    const memory = memoryOf(system)
    const began = performance.now()
    await jumpPastBoundary(system, edge, first!)
    const expectedSeconds = Math.max(5, due / chargesPerSecond)
    const asked = authorizations(gateway, rich.account, Math.ceil(expectedSeconds))
    let renewals = 0
    while (renewals < due) {
      if (performance.now() - began > expectedSeconds * 10_000) throw new Error(`${renewals} of ${due} renewed`)
      const readAt = performance.now()
      ;({ renewals } = await bookOf(system))
      // The book grows: reading it must not become the load.
      await pause(Math.max(LOOK_MS, (performance.now() - readAt) * 20))
    }
    const nightSeconds = (performance.now() - began) / 1000
    const busy = await asked
    const { twice } = await bookOf(system)
    const after = memoryOf(system)
    report.row(scenario, "authorize, meanwhile", perSecond(busy.perSecond), latencyOf(busy.latency))
    report.row(
      scenario,
      "renewals",
      perSecond(renewals / nightSeconds),
      `${nightSeconds.toFixed(1)} s`,
      memoryText(memory, after),
    )
    report.figure("renewal night", { due, processorRate, seconds: nightSeconds, renewals, twice, quiet, busy })
    report.bound("renewals of the night, lost", due - renewals, "at most", 0, "charges")
    report.bound("obligations of the night, charged twice", twice, "at most", 0, "charges")
    report.bound("authorize p99, meanwhile to quiet", busy.latency.p99 / quiet.latency.p99, "at most", 2, "×")
    const grown = Math.max(...SERVICES.map((name) => after[name]! / memory[name]!))
    report.bound("memory after the night to before", grown, "at most", 1.5, "×")
  } finally {
    await closeBus(gateway)
    await closeBus(edge)
    await system.stop()
  }
}

export const payingScenario = async (options: BenchOptions, report: Report): Promise<void> => {
  await year(options, report)
  await night(options, report)
}
