/**
 * Goal: stopped, killed at any boundary, or with the ledger away, each top-up is charged once and granted once (R9.5,
 * I8). Method: the process is killed the moment a message of that boundary is seen on the bus, and started again.
 */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { SUBJECTS, type LedgerRequest } from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { World } from "./service.test-kit.ts"

describe("auto top-up when processes die", () => {
  let world: World
  beforeAll(async () => {
    world = await World.start()
  }, 120_000)
  afterAll(() => world.stop())

  it("stops in order when asked to, and goes on where it was", async () => {
    await world.entitle("acc_stop", "20")
    await world.enable("acc_stop", 5_000)
    world.processor("acc_stop").fates.push("unknown_ok")
    await world.use("acc_stop", "18")
    await world.shows("acc_stop", { state: "being_confirmed" })
    await world.terminate("topup")
    const [obligation] = world.processor("acc_stop").unresolved
    world.processor("acc_stop").resolve(obligation!, world.now())
    await world.tellFacts("acc_stop")
    world.run("topup")
    await world.holds("acc_stop", "12")
    await world.tells("acc_stop", "enabled", "succeeded")
  })

  it("R9.5 I8 killed at every boundary, each top-up is charged once and granted once", async () => {
    const kills: Array<Promise<void>> = []
    const kill = (): void => void kills.push(world.kill("topup"))
    /** Kills when the ledger is asked this of the account, before or after it has decided. */
    const onLedger = (account: string, op: "wallet" | "mark" | "group") => {
      const subject = SUBJECTS.ledgerRequest(partitionOf(account))
      const spy = world.bus.connection.subscribe(subject, {
        callback: (_, msg) => {
          const request = JSON.parse(msg.string()) as LedgerRequest
          if (request.account !== account || request.op !== op) return
          spy.unsubscribe()
          kill()
        },
      })
    }
    const boundaries: Readonly<Record<string, (account: string) => void>> = {
      looking: (account) => onLedger(account, "wallet"),
      marking: (account) => onLedger(account, "mark"),
      charging: (account) => {
        world.onCharge = (request) => (request.account === account ? kill() : undefined)
      },
      granting: (account) => onLedger(account, "group"),
      telling: (account) => {
        const spy = world.bus.connection.subscribe(SUBJECTS.topupFact, {
          callback: (_, msg) => {
            if (!msg.string().includes(`"kind":"succeeded","account":"${account}"`)) return
            spy.unsubscribe()
            kill()
          },
        })
      },
    }
    for (const [boundary, arm] of Object.entries(boundaries)) {
      const account = `acc_${boundary}`
      await world.entitle(account, "20")
      await world.enable(account, 5_000)
      await world.shows(account, { state: "ready" })
      arm(account)
      await world.use(account, "16")
      while (kills.length === 0) await world.wallet("acc_other")
      await Promise.all(kills.splice(0))
      world.onCharge = () => undefined
      world.run("topup")
      await world.holds(account, "14")
      await world.tells(account, "enabled", "succeeded")
      await world.shows(account, { state: "ready", spentThisMonthCents: 1_000, pendingCents: 0 })
      const { taken, charges } = world.processor(account)
      assert.deepStrictEqual([taken.length, charges.size], [1, 1], boundary)
    }
  }, 120_000)

  it("I8 the ledger away while a success is proven: granted when it is back, once", async () => {
    await world.entitle("acc_away", "20")
    await world.enable("acc_away", 5_000)
    const killed = new Promise<void>((resolve) => {
      world.onCharge = ({ account }) => (account === "acc_away" ? void world.kill("ledger").then(resolve) : undefined)
    })
    await world.use("acc_away", "16")
    await killed
    world.onCharge = () => undefined
    await world.shows("acc_away", { state: "charging", spentThisMonthCents: 1_000 })
    world.run("ledger")
    await world.holds("acc_away", "14")
    assert.strictEqual(world.processor("acc_away").charges.size, 1)
  }, 120_000)
})
