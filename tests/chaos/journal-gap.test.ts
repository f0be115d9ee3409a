/**
 * Goal: the usage tables miss nothing of a journal that was purged before it was counted (decisions 9 and 14). Method:
 * the whole system with its own permissions; pricing is stopped while the ledger works, and killed after the purge.
 */
import { type BusHandle, closeBus, connectBus, publish } from "@credits/bus"
import { encodeCharges, STREAMS, SUBJECTS, type BusUser, type ChargeTuple } from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { Customer, startSystem, type SystemUnderTest } from "@credits/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const CHARGES = 50
const POLL = { timeout: 30_000, interval: 25 }

let system: SystemUnderTest
const buses: Array<BusHandle> = []
const connectAs = async (user: BusUser): Promise<BusHandle> => {
  const bus = await connectBus({ servers: system.natsUrl, seed: system.seeds[user], name: user })
  buses.push(bus)
  return bus
}

beforeAll(async () => {
  system = await startSystem()
})
afterAll(async () => {
  for (const bus of buses) await closeBus(bus)
  await system.stop()
})

describe("decision 9: a journal that was purged before it was counted", () => {
  it("is read from the ledger: every charge is in the usage table once", async () => {
    const customer = await Customer.signIn(system.url, "ada@example.com")
    await customer.saveCard("tok_ok")
    await customer.buy("plus", "monthly")
    const calls = async (): Promise<number> => {
      const { body } = await customer.call<{ items: ReadonlyArray<{ calls: number }> }>("wallet/usage?by=model")
      return body.items[0]?.calls ?? 0
    }
    const { account } = customer
    const asPricing = await connectAs("pricing")
    const send = async (from: number): Promise<void> => {
      const charges = Array.from({ length: CHARGES }, (_, i): ChargeTuple => {
        const id = `evt-${from + i}`
        return [id, account, Date.now(), "1000000", "", id, "openai|gpt-4o|book|100|20|0|0|0|0|0|1|ok|r1"]
      })
      await publish(asPricing.js, SUBJECTS.ledgerCommand(partitionOf(account)), encodeCharges(charges))
    }
    await send(0)
    await expect.poll(calls, POLL).toBe(CHARGES)

    const dev = await connectAs("dev")
    const journal = STREAMS.ledgerJournal.name
    const end = async (): Promise<number> => (await dev.jsm.streams.info(journal)).state.last_seq
    const pid = system.pidOf("pricing")
    system.kill("pricing", "SIGSTOP")
    const before = await end()
    await send(CHARGES)
    await expect.poll(async () => (await customer.wallet()).cycle?.spentUsd, POLL).toBe("0.10")
    await expect.poll(end, POLL).toBeGreaterThan(before)
    await dev.jsm.streams.purge(journal, { seq: (await end()) + 1 })
    // What it had asked for and not taken goes with it.
    system.kill("pricing", "SIGKILL")
    await system.restarted("pricing", pid)
    await expect.poll(calls, POLL).toBe(2 * CHARGES)
    const metrics = await (await fetch(`${system.url}/metrics`)).text()
    expect(metrics).toContain(`\ncredits_pricing_journal_entries_asked_total ${CHARGES}\n`)
    await send(2 * CHARGES)
    await expect.poll(calls, POLL).toBe(3 * CHARGES)
  })
})
