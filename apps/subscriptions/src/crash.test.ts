/**
 * Goal: I6 I8, killed at any boundary of a purchase, a renewal and an upgrade, each is charged once, granted once, told
 * once, and the plan is the right one. Method: the process is killed the moment a message of that boundary is seen on
 * the bus, and started again; the ledger is killed too. Over Postgres each of them at the one boundary where most could
 * go wrong: every kill costs a start and the wait for the lease of the process that is gone.
 */
import { SUBJECTS, type LedgerRequest, type PaymentsRequest } from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { afterAll, assert, beforeAll, it } from "vitest"
import { eventually, overBothDatabases, type System } from "./service.test-kit.ts"

const PATIENCE_MS = 120_000
const DAY = 86_400_000

/** A boundary by its name: arms a kill at a message of this account. */
type Boundaries = Readonly<Record<string, (account: string) => void>>

overBothDatabases("subscriptions when processes die", (start, dialect) => {
  let system: System
  let killed: Promise<void> | undefined
  beforeAll(async () => {
    system = await start()
  }, PATIENCE_MS)
  afterAll(() => system.stop())

  const wasKilled = (): true | undefined => (killed === undefined ? undefined : true)
  const kill = (): void => {
    killed ??= system.kill("subscriptions")
  }

  /** All of them, or over Postgres this one: what was asked for has happened, and its answer is lost. */
  const those = (boundaries: Boundaries, overPostgres: string) =>
    Object.entries(boundaries).filter(([name]) => dialect === "sqlite" || name === overPostgres)

  const onPayments = (op: PaymentsRequest["op"]) => (account: string) => {
    system.onPayments = (request, of) => (of === account && request.op === op ? kill() : undefined)
  }
  const onLedger = (id: string) => (account: string) => {
    const spy = system.bus.connection.subscribe(SUBJECTS.ledgerRequest(partitionOf(account)), {
      callback: (_, msg) => {
        const request = JSON.parse(msg.string()) as LedgerRequest
        if (request.account !== account || !("id" in request) || !request.id.startsWith(id)) return
        spy.unsubscribe()
        kill()
      },
    })
  }
  const onFact = (kind: string) => (account: string) => {
    const spy = system.bus.connection.subscribe(SUBJECTS.subscriptionsFact, {
      callback: (_, msg) => {
        if (!msg.string().includes(`"kind":"${kind}","account":"${account}"`)) return
        spy.unsubscribe()
        kill()
      },
    })
  }

  /** Does something, waits for the armed kill, and starts the process again. */
  const dieDuring = async (what: () => Promise<unknown>): Promise<void> => {
    const asked = what().catch(() => undefined)
    await eventually("the process is killed", wasKilled)
    await killed
    killed = undefined
    system.onPayments = () => undefined
    system.run("subscriptions")
    await system.ready("subscriptions")
    await asked
  }

  /** A confirmation whose answer may be lost with the process. */
  const confirm = (account: string, quoteId: string) => async (): Promise<void> => {
    await Promise.race([system.ask("confirm", { account, quoteId }), eventually("killed", wasKilled)])
  }

  it(
    "I6 I8 a purchase, killed at its boundaries",
    async () => {
      const boundaries = {
        method: onPayments("method"),
        charge: onPayments("charge"),
        grant: onLedger("grant:first"),
        told: onFact("started"),
      }
      for (const [name, arm] of those(boundaries, "charge")) {
        const account = `acc_p${name}`
        const { quoteId } = await system.quote(account, "plus")
        arm(account)
        await dieDuring(confirm(account, quoteId))
        await system.shows(account, { plan: "plus", status: "active", pendingPayment: null })
        await system.holds(account, "20")
        await system.tells(account, "started")
        assert.deepStrictEqual(system.payments(account).taken, ["first 1600"], name)
        assert.deepStrictEqual(await system.grants(account), ["grant:first 2000"], name)
        assert.deepInclude((await system.ask("confirm", { account, quoteId })).ok, { status: "done" })
      }
    },
    PATIENCE_MS,
  )

  it(
    "I6 I8 an upgrade, killed at its boundaries",
    async () => {
      const boundaries = {
        method: onPayments("method"),
        charge: onPayments("charge"),
        grant: onLedger("grant:upgrade"),
        told: onFact("upgraded"),
      }
      for (const [name, arm] of those(boundaries, "grant")) {
        const account = `acc_u${name}`
        await system.buy(account, "plus")
        await system.holds(account, "20")
        const { quoteId, availableAfter } = await system.quote(account, "pro")
        arm(account)
        await dieDuring(confirm(account, quoteId))
        await system.shows(account, { plan: "pro", status: "active", pendingPayment: null })
        await system.tells(account, "started", "upgraded")
        assert.strictEqual((await system.wallet(account))?.available, availableAfter, name)
        assert.deepStrictEqual(system.payments(account).taken, ["first 1600", "upgrade 8400"], name)
        assert.strictEqual((await system.grants(account)).length, 2, name)
      }
    },
    PATIENCE_MS,
  )

  it(
    "I6 I8 a renewal, killed at its boundaries",
    async () => {
      const boundaries = {
        mark: onLedger("mark:renewal"),
        charge: onPayments("charge"),
        grant: onLedger("grant:renewal"),
        told: onFact("renewed"),
      }
      // Each is a month of its own: all are bought a day apart, so that one renews at a time.
      const accounts: Array<readonly [string, (account: string) => void, string, number]> = []
      for (const [name, arm] of those(boundaries, "grant")) {
        const account = `acc_r${name}`
        await system.buy(account, "plus")
        await system.holds(account, "20")
        accounts.push([account, arm, name, (await system.view(account)).currentPeriodEnd!])
        await system.advanceTo(system.now() + DAY)
      }
      for (const [account, arm, name, end] of accounts) {
        arm(account)
        await dieDuring(() => system.advanceTo(end + 1000))
        await system.shows(account, { plan: "plus", status: "active", currentPeriodStart: end, pendingPayment: null })
        await system.holds(account, "20")
        await system.tells(account, "started", "renewal_reminder", "offer_ends", "renewed")
        assert.deepStrictEqual(system.payments(account).taken, ["first 1600", "renewal 2000"], name)
        assert.deepStrictEqual(await system.grants(account), ["grant:first 2000", "grant:renewal 2000"], name)
      }
    },
    PATIENCE_MS,
  )

  // No boundary of a commit: the same whatever the database.
  if (dialect === "postgres") return

  it(
    "I8 the ledger away while a payment is proven: granted once, when it is back",
    async () => {
      const account = "acc_away"
      const { quoteId } = await system.quote(account, "plus")
      let away: Promise<void> | undefined
      system.onPayments = (request, of) => {
        if (of === account && request.op === "charge") away = system.kill("ledger")
      }
      const asked = system.ask("confirm", { account, quoteId })
      await eventually("the ledger is away", () => (away === undefined ? undefined : true))
      await away
      system.onPayments = () => undefined
      const shown = await system.shows(account, { plan: "plus" })
      assert.strictEqual(shown.pendingPayment?.status, "processing")
      system.run("ledger")
      await system.holds(account, "20")
      assert.deepInclude((await asked).ok, { status: "done" })
      assert.deepStrictEqual(await system.grants(account), ["grant:first 2000"])
    },
    PATIENCE_MS,
  )

  it(
    "stops in order when asked to, and goes on where it was",
    async () => {
      const account = "acc_stop"
      system.payments(account).fate = "unknown"
      const { quoteId } = await system.quote(account, "plus")
      const asked = system.ask("confirm", { account, quoteId })
      await eventually("it is being confirmed", async () => {
        const { pendingPayment } = await system.view(account)
        return pendingPayment?.status === "being_confirmed" ? true : undefined
      })
      await system.terminate("subscriptions")
      assert.strictEqual((await asked).refused.code, "unavailable")
      await system.payments(account).decide("ok")
      system.run("subscriptions")
      await system.shows(account, { plan: "plus", pendingPayment: null })
      await system.holds(account, "20")
      await system.tells(account, "started")
    },
    PATIENCE_MS,
  )
})
