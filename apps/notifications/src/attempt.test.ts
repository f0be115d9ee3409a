/** Goal: deliveries are tried as the README says, and no longer. Pure, in real time. */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import {
  afterMail,
  afterWebhook,
  ENDPOINT_DISABLED_AFTER_MS,
  standingAfter,
  WEBHOOK_AFTER,
  type Recorded,
  type SendOutcome,
} from "./attempt.ts"

const FAILED: SendOutcome = { kind: "failed", detail: "HTTP 503" }
const SENT: SendOutcome = { kind: "sent", detail: "HTTP 204" }
const GONE: SendOutcome = { kind: "refused", gone: true, detail: "HTTP 410" }
const HOUR = 3_600_000
const DAY = 24 * HOUR
const chances = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

/** Instants of all attempts of a delivery that never succeeds. */
const attemptsOf = (after: (attempts: number, at: number) => Recorded): ReadonlyArray<number> => {
  const at = [0]
  for (;;) {
    const recorded = after(at.length - 1, at.at(-1)!)
    if (recorded.state !== "waiting") return at
    assert.isAbove(recorded.dueAt, at.at(-1)!)
    at.push(recorded.dueAt)
  }
}

describe("a webhook", () => {
  it("R11 is tried at once and after 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 h, each at most a tenth later", () => {
    fc.assert(
      fc.property(chances, (chance) => {
        const at = attemptsOf((attempts, now) => afterWebhook(FAILED, { attempts, at: now, chance }))
        assert.lengthOf(at, 10)
        for (const [index, wait] of WEBHOOK_AFTER.entries()) {
          const waited = at[index + 1]! - at[index]!
          assert.isAtLeast(waited, wait)
          assert.isAtMost(waited, wait * 1.1 + 1)
        }
      }),
    )
    assert.deepStrictEqual(WEBHOOK_AFTER.slice(0, 3), [5_000, 300_000, 1_800_000])
    assert.deepStrictEqual(
      WEBHOOK_AFTER.slice(3),
      [2, 5, 10, 14, 20, 24].map((hours) => hours * HOUR),
    )
  })

  it("R11 ends with the first success, and with 410", () => {
    assert.strictEqual(afterWebhook(SENT, { attempts: 3, at: 1, chance: 0 }).state, "sent")
    assert.strictEqual(afterWebhook(GONE, { attempts: 0, at: 1, chance: 0 }).state, "failed")
  })

  it("R11 its endpoint is disabled after five days without a success, or by 410, and a success begins anew", () => {
    assert.deepStrictEqual(standingAfter(FAILED, null, 7), { failingSince: 7, disabledBecause: null })
    assert.isNull(standingAfter(FAILED, 7, 6 + ENDPOINT_DISABLED_AFTER_MS).disabledBecause)
    assert.match(standingAfter(FAILED, 7, 7 + ENDPOINT_DISABLED_AFTER_MS).disabledBecause!, /5 days.*HTTP 503/)
    assert.deepStrictEqual(standingAfter(SENT, 7, 8), { failingSince: null, disabledBecause: null })
    assert.match(standingAfter(GONE, null, 7).disabledBecause!, /410/)
  })
})

describe("a mail", () => {
  it("R11 is tried for a day, further and further apart, the last time at its end", () => {
    fc.assert(
      fc.property(chances, (chance) => {
        const at = attemptsOf((attempts, now) => afterMail(FAILED, 0, { attempts, at: now, chance }))
        assert.isAtLeast(at.at(-1)!, DAY)
        assert.isBelow(at.at(-1)!, DAY * 1.1)
        assert.isAtMost(at.length, 16)
      }),
    )
  })

  it("R11 that a server refuses for good is not tried again", () => {
    const refused: SendOutcome = { kind: "refused", detail: "550 no such user" }
    const recorded = afterMail(refused, 0, { attempts: 0, at: 5, chance: 0 })
    assert.deepStrictEqual(recorded, { state: "failed", outcome: "550 no such user", at: 5, dueAt: 5 })
  })
})
