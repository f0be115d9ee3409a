/**
 * Goal: a ledger that is never idle does not keep every account awake that it ever saw, and one that rested is what it
 * was (I10). Method: the real worker on SQLite with nobody staying awake for long, asked without a pause, against what
 * it answered.
 */
import { assert, describe, it } from "vitest"
import { benchAccounts, fund, startBenchLedger } from "./bench.fixture.ts"

const ACCOUNTS = 40
const RENEWALS = 4
const AMOUNT = 1_000n
const GRANTED = 120_000_000_000n

interface Told {
  readonly ok: { readonly availableAfter?: string; readonly available?: string; readonly held?: string }
}

describe("accounts at rest", () => {
  it("I10 a busy ledger writes and lets rest who was not used for a while, and nothing of them is lost", async () => {
    const answers = new Map<string, (text: string) => void>()
    let renewals = 0
    let snapshots = 0
    const ledger = await startBenchLedger((message) => {
      if (message.t === "metrics") {
        renewals += 1
        snapshots = message.metrics.snapshots
      }
      if (message.t === "replies") message.replies.forEach((reply, i) => answers.get(reply)!(message.texts[i]!))
    }, 0)
    let asked = 0
    const ask = (account: string, request: object): Promise<Told> =>
      new Promise((resolve) => {
        const reply = `a${asked++}`
        answers.set(reply, (text) => resolve(JSON.parse(text) as Told))
        ledger.ask([{ account, text: JSON.stringify({ ...request, account }), reply }])
      })
    try {
      const accounts = benchAccounts(ACCOUNTS)
      await fund(ledger, accounts)
      const from = renewals
      const written = snapshots
      const held = new Map<string, bigint>(accounts.map((account) => [account, 0n]))
      for (let i = 0; renewals < from + RENEWALS; i++) {
        // Most are used once a while: some of them rest in between.
        const account = accounts[(i * 7) % ACCOUNTS]!
        const after = held.get(account)! + AMOUNT
        held.set(account, after)
        const told = await ask(account, { op: "authorize", id: `r${i}`, amount: AMOUNT.toString(), ttl: 3_600_000 })
        assert.strictEqual(told.ok.availableAfter, (GRANTED - after).toString())
      }
      assert.isAbove(snapshots, written, "nobody was written")
      for (const [account, sum] of held) {
        const { ok } = await ask(account, { op: "wallet" })
        assert.deepInclude(ok, { available: (GRANTED - sum).toString(), held: sum.toString() })
      }
    } finally {
      await ledger.stop()
    }
  })
})
