/**
 * Goal: whatever is killed while people pay, each obligation is charged once, granted once, and the plan is right (I6,
 * I8, R9.5). Method: the whole system as `npm start` runs it, the sandbox's card processor and its own book, `kill -9`
 * at random moments from a printed seed. Many more rounds by hand: `node tests/chaos/paying-main.ts --rounds 20`.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { DEEDS, PAYING_VICTIMS, PayingChaos } from "./paying-rounds.ts"

const ROUNDS = 3
const SEED = Number(process.env["CHAOS_SEED"] ?? Math.floor(Math.random() * 1_000_000))

describe(`I6 I8 kill -9 while people pay, CHAOS_SEED=${SEED}`, () => {
  let run: PayingChaos
  beforeAll(async () => {
    run = await PayingChaos.start(SEED)
  }, 90_000)
  afterAll(() => run.stop())

  for (let round = 1; round <= ROUNDS; round++) {
    for (const victim of PAYING_VICTIMS) {
      for (const deed of DEEDS) {
        it(`round ${round}, ${victim} dies during ${deed}: one charge, one grant, the right plan`, async () => {
          const result = await run.round(deed, victim).catch((error: unknown) => {
            throw new Error(`${String(error)}\n${run.log()}`, { cause: error })
          })
          expect(result.differences, `CHAOS_SEED=${SEED}, killed after ${result.killedAfterMs} ms`).toEqual([])
        })
      }
    }
  }
})
