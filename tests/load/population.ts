/**
 * Subscribers of Plus by the month, each with a card, made once in a data folder without any limit on the card
 * processor. Owns how they are made and that a folder made before is used again; what happens to them is a scenario's.
 */
import { type BusHandle, clockNow, closeBus, connectBus, readClockSetting, writeClockSetting } from "@credits/bus"
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Customer, startSystem, type SystemUnderTest } from "@credits/testkit"

/** Purchases at the same time; more only queue. */
const BUYING_AT_ONCE = 32
const SAVED_EVERY = 500
/** Of a night: they are due as far apart as they bought, and 100,000 an hour is what a night is. */
const NIGHT_PER_SECOND = 28
/** The clock is moved in steps of so much, each told to every service. A month later nobody is due within a step. */
const STEP_MS = 100

const emailOf = (number: number): string => `load-${number}@example.com`
const RICH = "rich@example.com"

interface Buying {
  /** The first number; those below have bought. */
  readonly from?: number
  /** Awaited before a customer buys. */
  readonly onTurn?: (number: number) => Promise<void>
  readonly onBought?: (count: number) => void
}

/** Sign-ins, cards and purchases up to a number. */
export const subscribers = async (system: SystemUnderTest, wanted: number, buying: Buying = {}): Promise<void> => {
  const { from = 0, onTurn = () => Promise.resolve(), onBought = () => undefined } = buying
  let next = from
  let bought = from
  const buyer = async (): Promise<void> => {
    while (next < wanted) {
      const number = next++
      await onTurn(number)
      const customer = await Customer.signIn(system.url, emailOf(number))
      // Of those a stopped run had under way, some have bought.
      const isNew = from === 0 || number >= from + 4 * BUYING_AT_ONCE
      if (isNew || (await customer.subscription()).plan === "free") {
        await customer.saveCard("tok_ok")
        await customer.buy("plus", "monthly")
      }
      onBought(++bought)
    }
  }
  await Promise.all(Array.from({ length: BUYING_AT_ONCE }, buyer))
}

/**
 * Business time goes on by a night's share with every purchase. Who buys faster than that moves the clock; who buys
 * slower is due in a longer night.
 */
const nightClock = async (edge: BusHandle, from: number): Promise<(number: number) => Promise<void>> => {
  const began = clockNow(await readClockSetting(edge), Date.now())
  let offset = began - Date.now()
  return async (number) => {
    const behind = began + ((number - from) * 1000) / NIGHT_PER_SECOND - (Date.now() + offset)
    if (behind < STEP_MS) return
    offset += Math.floor(behind)
    await writeClockSetting(edge, { offset, frozenAt: null })
  }
}

/** One who has credit for whatever is asked. */
export const richCustomer = (system: SystemUnderTest): Promise<Customer> => Customer.signIn(system.url, RICH)

export const subscriberAt = (system: SystemUnderTest, number: number): Promise<Customer> =>
  Customer.signIn(system.url, emailOf(number))

/**
 * Brings a data folder to so many subscribers and one rich customer. Stopped in the middle, it goes on from there: who
 * bought already is told so and stays who they are.
 */
export const populate = async (dataDir: string, wanted: number, onProgress: (made: number) => void): Promise<void> => {
  mkdirSync(dataDir, { recursive: true })
  const counted = join(dataDir, "subscribers")
  const made = existsSync(counted) ? Number(readFileSync(counted, "utf8")) : 0
  if (made >= wanted) return
  const save = (count: number): void => {
    writeFileSync(`${counted}.new`, String(count))
    renameSync(`${counted}.new`, counted)
  }
  const system = await startSystem({ dataDir, env: { CREDITS_CHARGES_PER_SECOND: "0" } })
  const edge = await connectBus({ servers: system.natsUrl, seed: system.seeds.edge, name: "edge" })
  try {
    const rich = await richCustomer(system)
    if ((await rich.subscription()).plan === "free") {
      await rich.saveCard("tok_ok")
      await rich.buy("max", "yearly")
    }
    const onBought = (count: number): void => {
      if (count % SAVED_EVERY !== 0) return
      // As many as buy at once may still be under way below the count.
      save(Math.max(0, count - BUYING_AT_ONCE))
      onProgress(count)
    }
    await subscribers(system, wanted, { from: made, onTurn: await nightClock(edge, made), onBought })
    save(wanted)
  } finally {
    await closeBus(edge)
    await system.stop()
  }
}
