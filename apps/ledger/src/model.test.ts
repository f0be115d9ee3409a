/**
 * Goal: the ledger says and does what the rules R1 and R6 say, also in sequences nobody thought of. Method: random lives of one
 * account, put to the ledger and to the reference model, compared after every step. `LEDGER_LIVES=20000` looks harder.
 */
import fc from "fast-check"
import { assert, describe, it } from "vitest"
import { Lockstep } from "./lockstep.fixture.ts"
import { lives } from "./model-steps.fixture.ts"

const numRuns = Number(process.env["LEDGER_LIVES"] ?? 300)

describe("any life of an account", () => {
  it(
    "R1.3, R1.7, R6.1–R6.7, I1, I4: every step answers as the model does and leaves the same balances, lots and holds",
    { timeout: 20_000 + numRuns * 50 },
    () => {
      const seen = new Map<string, number>()
      fc.assert(
        fc.property(lives(60), (steps) => {
          const lockstep = new Lockstep()
          for (const step of steps) {
            const what = lockstep.take(step)
            seen.set(what, (seen.get(what) ?? 0) + 1)
          }
        }),
        { numRuns },
      )
      if (process.env["LEDGER_LIVES"] !== undefined) process.stdout.write(`${JSON.stringify([...seen])}\n`)
      assert.isAbove(seen.size, 25)
    },
  )
})
