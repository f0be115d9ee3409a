/**
 * Subscribers of Plus by the month, each with a card, made once in a data folder without any limit on the card
 * processor. Owns how they are made and that a folder made before is used again; what happens to them is a scenario's.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Customer, startSystem, type SystemUnderTest } from "@credits/testkit"

/** Purchases at the same time; more only queue. */
const BUYING_AT_ONCE = 32
const SAVED_EVERY = 500
/** Of a night: they are due as far apart as they bought, and 100,000 an hour is what a night is. */
const NIGHT_PER_SECOND = 28

const emailOf = (number: number): string => `load-${number}@example.com`
const RICH = "rich@example.com"

interface Buying {
  /** The first number; those below have bought. */
  readonly from?: number
  /** Purchases begun a second; default: as fast as it goes. */
  readonly perSecond?: number
  readonly onBought?: (count: number) => void
}

/** Sign-ins, cards and purchases up to a number. */
export const subscribers = async (system: SystemUnderTest, wanted: number, buying: Buying = {}): Promise<void> => {
  const { from = 0, perSecond = Number.POSITIVE_INFINITY, onBought = () => undefined } = buying
  const began = performance.now()
  let next = from
  let bought = from
  const buyer = async (): Promise<void> => {
    while (next < wanted) {
      const number = next++
      const waitMs = began + ((number - from) * 1000) / perSecond - performance.now()
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
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
    await subscribers(system, wanted, { from: made, perSecond: NIGHT_PER_SECOND, onBought })
    save(wanted)
  } finally {
    await system.stop()
  }
}
