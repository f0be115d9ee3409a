/**
 * Goal: requests without an answer are counted exactly, whatever became of them: the bound of decision 6 is neither
 * reached by requests that nobody answers nor passed by answers that were counted twice. Method: a real ledger on a
 * real file, whose partition another owner takes between two requests of one batch.
 */
import BetterSqlite3 from "better-sqlite3"
import { SUBJECTS } from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { databaseFile } from "@credits/store"
import { afterAll, assert, beforeAll, it } from "vitest"
import { startTestLedger, type TestLedger } from "./ledger.fixture.ts"

let ledger: TestLedger
beforeAll(async () => {
  ledger = await startTestLedger()
  await ledger.ready()
}, 60_000)
afterAll(() => ledger.stop())

/** Another owner had the partition for a moment. */
const takeAway = (partition: number): void => {
  const db = new BetterSqlite3(databaseFile(ledger.dataDir, "ledger"))
  db.prepare("update partition set epoch = epoch + 1, lease_until = 0 where id = ?").run(partition)
  db.close()
}

it("decision 6: after partitions were lost to another owner no request is counted that is over", async () => {
  const [lost, kept] = ["acc_lost", "acc_kept"]
  assert.notEqual(partitionOf(lost), partitionOf(kept))
  const answered: Array<string> = []
  const { connection } = ledger.bus
  const asked = async (round: number): Promise<void> => {
    const from = answered.length
    takeAway(partitionOf(lost))
    for (const account of [lost, kept]) {
      const inbox = `_INBOX_test.open.${account}.${round}`
      connection.subscribe(inbox, { max: 1, callback: () => void answered.push(account) })
      const grant = { op: "grant", id: `g${round}`, account, kind: "promo", amount: "1", cause: "c" }
      connection.publish(SUBJECTS.ledgerRequest(partitionOf(account)), JSON.stringify(grant), { reply: inbox })
    }
    await ledger.until(
      "the one that was kept is answered",
      async () => answered.slice(from),
      (list) => list.includes(kept),
    )
    await ledger.ready()
  }
  for (let round = 0; round < 3; round++) await asked(round)
  assert.notInclude(answered, lost)
  const { metrics } = (await ledger.status()).detail as { metrics: { requestsUnanswered: number } }
  assert.equal(metrics.requestsUnanswered, 0)
})
