/**
 * Goal: whatever is killed, every accepted event is deducted exactly once and no hold leaks or pays twice (I2, I3,
 * C11). Method: the whole system as `npm start` runs it, a real gateway client, `kill -9` at random moments from a
 * printed seed. Many more rounds by hand: `node tests/chaos/main.ts --rounds 20`.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ChaosRun, VICTIMS } from "./rounds.ts"

const ROUNDS = 3
const SEED = Number(process.env["CHAOS_SEED"] ?? Math.floor(Math.random() * 1_000_000))

describe(`I2 I3 kill -9 under load, CHAOS_SEED=${SEED}`, () => {
  let run: ChaosRun
  beforeAll(async () => {
    run = await ChaosRun.start(SEED)
  }, 90_000)
  afterAll(() => run.stop())

  for (let round = 1; round <= ROUNDS; round++) {
    for (const victim of VICTIMS) {
      const who = victim === "all" ? "everything at once" : victim
      it(`round ${round}, ${who}: each accepted event is deducted once, each hold ends once`, async () => {
        const result = await run.round(victim).catch((error: unknown) => {
          throw new Error(`${String(error)}\n${run.log()}`, { cause: error })
        })
        expect(result.differences, `CHAOS_SEED=${SEED}, killed after ${result.killedAfter} events`).toEqual([])
        expect(await run.deadLetters()).toBe(0)
        expect(result.accepted).toBeGreaterThan(result.killedAfter)
      })
    }
  }

  it("the load was one: holds, repeats, and refusals only while nobody could answer", () => {
    const { holds, repeats, refusals, accepted } = run.load
    expect(accepted.size).toBeGreaterThan(ROUNDS * VICTIMS.length * 500)
    expect(holds).toBeGreaterThan(accepted.size / 4)
    expect(repeats).toBeGreaterThan(accepted.size / 20)
    expect([...refusals.keys()].filter((code) => code !== "unavailable" && code !== "hold_not_open")).toEqual([])
  })
})
