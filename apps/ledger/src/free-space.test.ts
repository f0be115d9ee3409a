/**
 * Goal: decision 21, below the free-space mark nothing new is promised or taken in, everything else goes on.
 * Method: the real host and worker on a real nats-server and a real database, with readings that the test gives.
 */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { partitionHost } from "@credits/actor"
import { ask, Bus } from "@credits/bus"
import { STREAMS, SUBJECTS, type ControlAnswer } from "@credits/contracts"
import { partitionOf, usd } from "@credits/kernel"
import { Layer, ManagedRuntime, Effect } from "effect"
import { isPromise } from "./command.ts"
import { startTestLedger, type Reply, type TestLedger } from "./ledger.fixture.ts"
import type { LedgerWorkerData } from "./worker.ts"

const nano = (text: string): string => usd(text).toString()
const USAGE = "openai|gpt-x|book-1|100|20|0|0|0|0|0|1|ok|req-1"
const MARK = 1_000_000
const account = "acc_room"

describe("decision 21: a ledger whose volume is nearly full", () => {
  let ledger: TestLedger
  let runtime: ManagedRuntime.ManagedRuntime<never, unknown>
  let free = MARK
  const logged: Array<string> = []

  beforeAll(async () => {
    ledger = await startTestLedger({}, false)
    const workerData: LedgerWorkerData = { dataDir: ledger.dataDir, databaseUrl: null }
    const host = partitionHost({
      workerUrl: new URL("./worker.ts", import.meta.url),
      workerData,
      service: "ledger",
      environment: "development",
      freeSpace: { folder: ledger.dataDir, mark: MARK, read: async () => free },
      isPromise,
      commandStream: STREAMS.ledgerCommands,
      commandSubject: SUBJECTS.ledgerCommand,
      requestSubject: SUBJECTS.ledgerRequest,
      gatewaySubject: SUBJECTS.ledgerGateway,
      journalSubject: SUBJECTS.ledgerJournal,
      tickSubject: SUBJECTS.ledgerTick,
      tickInterestSubject: SUBJECTS.ledgerTickInterest,
      controlSubject: SUBJECTS.ledgerControl,
      log: (level, message) => void logged.push(`${level} ${message}`),
    })
    const bus = Bus.layerFrom({ servers: ledger.nats.url, name: "ledger" })
    runtime = ManagedRuntime.make(Layer.effectDiscard(host).pipe(Layer.provide(bus)))
    await runtime.runPromise(Effect.void)
    await ledger.ready()
    await ledger.request({ op: "entitle", id: "e1", account, plan: "plus", hostedModels: true })
    await ledger.request({ op: "grant", id: "g1", account, kind: "plan", amount: nano("20"), cause: "cycle-1" })
  }, 60_000)

  afterAll(async () => {
    await runtime?.dispose()
    await ledger?.stop()
  })

  const becomes = async (bytes: number, stopped: 0 | 1): Promise<void> => {
    free = bytes
    await ledger.until(
      `intake stopped: ${stopped}`,
      async () => (await ledger.status()).detail["metrics"] as Record<string, unknown>,
      ({ intakeStopped }) => intakeStopped === stopped,
    )
  }
  /** As a gateway's user asks: one question, one answer. */
  const gateway = async (request: object): Promise<Reply> =>
    JSON.parse(
      await ask(ledger.bus.connection, SUBJECTS.ledgerGateway(partitionOf(account)), JSON.stringify(request), 5_000),
    ) as Reply

  /** Last command message that the server gave to the ledger's reader. */
  const deliveredTo = async (): Promise<number> => {
    const consumers = await ledger.bus.jsm.consumers.list(STREAMS.ledgerCommands.name).next()
    return Math.max(...consumers.map(({ delivered }) => delivered.stream_seq))
  }
  const cursorOf = ({ cursors }: ControlAnswer): number => cursors[STREAMS.ledgerCommands.name]!

  it("below the mark authorizations are refused as unavailable on both lanes, and reads go on", async () => {
    const { ok: hold } = await gateway({ op: "authorize", id: "a0", account, amount: nano("1") })
    await becomes(MARK - 1, 1)
    for (const refused of [
      await gateway({ op: "authorize", id: "a1", account, amount: nano("1") }),
      await gateway({ op: "extend", id: "x1", account, holdId: hold.holdId, amount: nano("1") }),
      await ledger.request({ op: "authorize", id: "a2", account, amount: nano("1") }),
    ]) {
      assert.strictEqual(refused.refused?.code, "unavailable")
      assert.match(refused.refused?.detail, /disk space is low/)
    }
    assert.strictEqual((await ledger.wallet(account)).held, nano("1"))
    const { ok: statement } = await ledger.request({ op: "statement", account })
    assert.strictEqual(statement.items[0].kind, "held")
    assert.isTrue(logged.some((line) => line.startsWith("warning low_space: 0 MiB free in ")))

    // What gives back, and credit that was paid for, is not turned away.
    const released = await gateway({ op: "release", id: "r1", account, holdId: hold.holdId })
    assert.strictEqual(released.ok?.availableAfter, nano("20"))
    const granted = await ledger.request({
      op: "grant",
      id: "g2",
      account,
      kind: "topup",
      amount: nano("5"),
      cause: "t",
    })
    assert.strictEqual(granted.ok?.availableAfter, nano("25"))
  })

  it("charges wait in their stream, and both go on by themselves when there is room again, nothing lost", async () => {
    await becomes(MARK - 1, 1)
    await ledger.charge(["evt1", account, Date.now(), nano("2"), "", "h1", USAGE])
    const before = await ledger.status()
    await ledger.until("the message was delivered to the ledger", deliveredTo, (seq) => seq > cursorOf(before))
    assert.strictEqual((await ledger.wallet(account)).totals.spent, "0")
    assert.strictEqual(cursorOf(await ledger.status()), cursorOf(before))

    await becomes(MARK * 2, 0)
    const wallet = await ledger.until(
      "charged",
      () => ledger.wallet(account),
      ({ totals }) => totals.spent !== "0",
    )
    assert.strictEqual(wallet.totals.spent, nano("2"))
    // The refused id decided nothing: the same request is asked again and granted.
    const again = await gateway({ op: "authorize", id: "a1", account, amount: nano("1") })
    assert.strictEqual(again.ok?.held, nano("1"))
    assert.isTrue(logged.some((line) => line.startsWith("info low_space is over")))
  })
})
