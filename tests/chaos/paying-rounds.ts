/**
 * Rounds of killing while people pay: `kill -9` of a service or of nats-server at a random moment of purchases,
 * upgrades and top-ups, or of a night of renewals; then everything is waited for and audited against the card
 * processor's own book. Owns the system, the customers of a round and what each of them must have in the end.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type BusHandle, closeBus, connectBus, writeClockSetting } from "@credits/bus"
import {
  advanceClock,
  businessNow,
  Customer,
  type Random,
  random,
  Spender,
  startSystem,
  type SystemUnderTest,
} from "@credits/testkit"
import { bookDifferences, obligationsOf } from "../e2e/book.ts"
import { until } from "./facts.ts"

export const PAYING_VICTIMS = ["subscriptions", "payments", "topup", "ledger", "nats"] as const
export type PayingVictim = (typeof PAYING_VICTIMS)[number]
export const DEEDS = ["purchases", "renewals", "advance"] as const
export type Deed = (typeof DEEDS)[number]

/** Of each deed in a round: as many as fit between two disk flushes and more. */
const CUSTOMERS = 3
/** A purchase takes about this long from the click to the grant. */
const KILL_WITHIN_MS = 600
const KILLED_AGAIN_SHARE = 0.3
const SETTLED_MS = 90_000
const DAY_MS = 86_400_000

/** What a customer must have when everything has come to rest. */
interface Expected {
  readonly plan: string
  /** The kinds of what was charged, oldest first. */
  readonly charged: ReadonlyArray<string>
  /** USD, to the cent. */
  readonly available: number
}

export interface PayingRound {
  readonly killedAfterMs: number
  /** From the kill until everything was settled, ms. */
  readonly settledMs: number
  readonly differences: ReadonlyArray<string>
}

const renewed = (people: ReadonlyArray<Customer>): ReadonlyMap<Customer, Expected> =>
  new Map(people.map((each) => [each, { plan: "plus", charged: ["first", "renewal"], available: 20 }]))

const kindOf = (obligation: string): string => obligation.slice(0, obligation.indexOf(":"))
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export class PayingChaos {
  readonly seed: number
  readonly #source: Random
  readonly #folder: string
  readonly #system: SystemUnderTest
  readonly #spender: Spender
  /** Signed in as the owner of the clock. */
  readonly #edge: BusHandle
  #customers = 0

  private constructor(seed: number, folder: string, system: SystemUnderTest, spender: Spender, edge: BusHandle) {
    this.seed = seed
    this.#source = random(seed)
    this.#folder = folder
    this.#system = system
    this.#spender = spender
    this.#edge = edge
  }

  static async start(seed: number): Promise<PayingChaos> {
    const folder = mkdtempSync(join(tmpdir(), "credits-paying-"))
    const system = await startSystem({ dataDir: join(folder, "data") })
    const edge = await connectBus({ servers: system.natsUrl, seed: system.seeds.edge, name: "edge" })
    return new PayingChaos(seed, folder, system, await Spender.open(system.url), edge)
  }

  get dataDir(): string {
    return this.#system.dataDir
  }

  round(deed: Deed, victim: PayingVictim): Promise<PayingRound> {
    switch (deed) {
      case "purchases":
        return this.#purchases(victim)
      case "renewals":
        return this.#renewals(victim)
      case "advance":
        return this.#advance(victim)
    }
  }

  /** Purchases, upgrades and top-ups at the same moment, each of its own customers. */
  async #purchases(victim: PayingVictim): Promise<PayingRound> {
    const [buyers, climbers, spenders] = await Promise.all([
      this.#people(() => Promise.resolve()),
      this.#people((customer) => customer.buy("plus", "monthly")),
      this.#people(async (customer) => {
        await customer.buy("plus", "monthly")
        await this.#spender.spend(customer, 1600)
      }),
    ])
    const deeds = [
      ...buyers.map((customer) => customer.buy("plus", "monthly")),
      ...climbers.map((customer) => customer.buy("pro", "monthly")),
      ...spenders.map((customer) => customer.setAutoTopUp("10.00")),
    ]
    const expected = new Map<Customer, Expected>([
      ...buyers.map((each) => [each, { plan: "plus", charged: ["first"], available: 20 }] as const),
      ...climbers.map((each) => [each, { plan: "pro", charged: ["first", "upgrade"], available: 120 }] as const),
      ...spenders.map((each) => [each, { plan: "plus", charged: ["first", "topup"], available: 14 }] as const),
    ])
    return this.#killDuring(victim, deeds, expected)
  }

  /** Everybody's month ends in the same moment: time jumps, as after an outage, and nothing waits for it. */
  async #renewals(victim: PayingVictim): Promise<PayingRound> {
    const people = await this.#people((customer) => customer.buy("plus", "monthly"))
    const to = await this.#nextMonth()
    const jump = writeClockSetting(this.#edge, { offset: to - Date.now(), frozenAt: null })
    return this.#killDuring(victim, [jump], renewed(people))
  }

  /** The same while the sandbox moves its clock, which asks every service to run what is due. */
  async #advance(victim: PayingVictim): Promise<PayingRound> {
    const people = await this.#people((customer) => customer.buy("plus", "monthly"))
    const to = new Date(await this.#nextMonth()).toISOString()
    return this.#killDuring(victim, [advanceClock(this.#system.url, { to }, SETTLED_MS)], renewed(people))
  }

  /** A month has at most 31 days, and the next one at least 28. */
  async #nextMonth(): Promise<number> {
    return (await businessNow(this.#system.url)) + 31 * DAY_MS + 3_600_000
  }

  /** New customers with a good card, prepared. */
  #people(prepare: (customer: Customer) => Promise<unknown>): Promise<ReadonlyArray<Customer>> {
    const one = async (): Promise<Customer> => {
      const email = `chaos-${this.seed}-${++this.#customers}@example.com`
      const customer = await Customer.signIn(this.#system.url, email)
      await customer.saveCard("tok_ok")
      await prepare(customer)
      return customer
    }
    return Promise.all(Array.from({ length: CUSTOMERS }, one))
  }

  async #killDuring(
    victim: PayingVictim,
    deeds: ReadonlyArray<Promise<unknown>>,
    expected: ReadonlyMap<Customer, Expected>,
  ): Promise<PayingRound> {
    const killedAfterMs = this.#source.below(KILL_WITHIN_MS)
    const done = Promise.all(deeds)
    // Failed deeds are heard of below; until then nobody else listens.
    done.catch(() => undefined)
    await pause(killedAfterMs)
    const killedAt = performance.now()
    for (let deaths = this.#source.next() < KILLED_AGAIN_SHARE ? 2 : 1; deaths > 0; deaths--) {
      const pid = this.#system.pidOf(victim)
      if (!this.#system.kill(victim)) throw new Error(`${victim} was not running\n${this.#system.log()}`)
      await this.#system.restarted(victim, pid, 40_000)
    }
    await done
    let differences: ReadonlyArray<string> = []
    await until(
      "everybody has what was paid for",
      async () => (differences = await this.#differences(expected)),
      (seen) => seen.length === 0,
      SETTLED_MS,
    ).catch(() => undefined)
    const settledMs = performance.now() - killedAt
    // Nobody of this round is in the way of the next: they end with their period.
    await Promise.all([...expected.keys()].map((customer) => customer.change("cancel")))
    return { killedAfterMs, settledMs, differences }
  }

  async #differences(expected: ReadonlyMap<Customer, Expected>): Promise<ReadonlyArray<string>> {
    const found = await Promise.all([...expected].map(([customer, wanted]) => differencesOf(customer, wanted)))
    return found.flat()
  }

  log(): string {
    return this.#system.log()
  }

  async stop(forget = true): Promise<void> {
    await closeBus(this.#edge)
    await this.#system.stop()
    if (forget) rmSync(this.#folder, { recursive: true, force: true })
  }
}

const differencesOf = async (customer: Customer, wanted: Expected): Promise<ReadonlyArray<string>> => {
  const [subscription, wallet, obligations, books] = await Promise.all([
    customer.subscription(),
    customer.wallet(),
    obligationsOf(customer),
    bookDifferences(customer),
  ])
  const charged = obligations.map(kindOf)
  const available = Number(wallet.availableUsd)
  const { status, currentPeriodEnd, asOf } = subscription
  return [
    ...books,
    ...(subscription.pendingPayment === null ? [] : ["a payment is undecided"]),
    ...(subscription.plan === wanted.plan && wallet.plan === wanted.plan
      ? []
      : [`the plan is ${subscription.plan}, the wallet's ${wallet.plan}, not ${wanted.plan}`]),
    ...(charged.join() === wanted.charged.join()
      ? []
      : [`charged ${charged.join()}, not ${wanted.charged.join()}; ${status} to ${currentPeriodEnd}, now ${asOf}`]),
    ...(Math.abs(available - wanted.available) < 0.01 ? [] : [`${available} is available, not ${wanted.available}`]),
  ].map((difference) => `${customer.account}: ${difference}`)
}
