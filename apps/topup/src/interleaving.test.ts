/**
 * Goal: no order of events takes more money than the cap or gives credit that was not paid for (I7, I8, R9.3–R9.6).
 * Method: random lives with late, repeated and lost answers, facts and signals, checked after every event against what
 * the processor really took. `TOPUP_LIVES=20000` looks harder.
 */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { ChanceLife, chances, type Chance } from "./chance.fixture.ts"

const { TOPUP_LIVES } = process.env
const numRuns = Number(TOPUP_LIVES ?? 400)
const timeout = 60_000 + numRuns * 60

const SITUATIONS = [
  "state off",
  "state ready",
  "state charging",
  "state being_confirmed",
  "state waiting",
  "state cap_reached",
  "state paused",
  "state suspended",
  "unknown when turned off",
  "charge whose answer was lost",
  "grant whose answer was lost",
  "a charge asked for after its month",
  "a last top-up cut by the cap",
]

describe("any life of auto top-up", () => {
  it(
    "R9.3–R9.6 I7 I8: caps hold in every interleaving, one at a time, one grant a success, none before proof",
    { timeout },
    () => {
      const seen = new Map<string, number>()
      const property = fc.property(chances(120), (events: ReadonlyArray<Chance>) => {
        const life = new ChanceLife()
        for (const event of events) life.take(event)
        life.end()
        for (const situation of life.situations) seen.set(situation, (seen.get(situation) ?? 0) + 1)
      })
      fc.assert(property, { numRuns })
      if (TOPUP_LIVES !== undefined) process.stdout.write(`${[...seen].map((pair) => pair.join(" ")).join("\n")}\n`)
      // Random lives prove something only if they get around.
      assert.deepStrictEqual(
        SITUATIONS.filter((situation) => !seen.has(situation)),
        [],
      )
    },
  )
})
