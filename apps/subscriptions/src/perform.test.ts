/**
 * Goal: what the ledger is asked to do means the same whenever it decides it. Method: an upgrade's exchange beside a
 * ledger of two lots whose clock is its own; only its answers are known.
 */
import type { ExchangeAnswer, Group, LedgerRequest, StatementAnswer } from "@credits/contracts"
import { usd, type Instant, type Nano } from "@credits/kernel"
import { assert, describe, it } from "vitest"
import type { Asking } from "./asking.ts"
import { perform } from "./perform.ts"
import type { LedgerWork } from "./subscription.ts"
import { ACCOUNT } from "./world.fixture.ts"

const END = Date.UTC(2026, 11, 1)
const OLD = { id: "lot_old", cause: "grant:first:sub_1" }

/** The old plan's lot until its end, and what an exchange grants. Once for an id, like the real one. */
class Ledger {
  now: Instant
  remaining: Nano
  expired = 0n
  granted: Nano | null = null
  asked = 0
  /** Answers that are lost on the way back. */
  losses = 0
  readonly #done = new Map<string, { readonly body: string; readonly answer: unknown }>()

  constructor(now: Instant, remaining: string) {
    this.now = now
    this.remaining = usd(remaining)
  }

  #expire(): void {
    if (this.now < END) return
    this.expired += this.remaining
    this.remaining = 0n
  }

  #group({ id, commands }: Group): unknown {
    const body = JSON.stringify(commands)
    const before = this.#done.get(id)
    if (before !== undefined) {
      return before.body === body ? before.answer : { refused: { code: "id_conflict", detail: "another body" } }
    }
    const [command] = commands
    if (command?.op === "exchange" && command.fromExpiresAt !== undefined && command.fromExpiresAt <= this.now) {
      return { refused: { code: "invalid", detail: "the lot has expired", field: "fromExpiresAt" } }
    }
    assert.isNull(this.granted, "granted once")
    const back = command?.op === "exchange" ? BigInt(command.back) : 0n
    const revoked = this.remaining < back ? this.remaining : back
    const grant = command?.op === "exchange" ? command.grant : command?.op === "grant" ? command : undefined
    this.remaining -= revoked
    this.granted = BigInt(grant!.amount) - (back - revoked)
    const said: ExchangeAnswer = {
      revoked: revoked.toString(),
      granted: this.granted.toString(),
      lotId: "lot_new",
      availableAfter: "0",
    }
    const answer = { ok: { answers: [said] } }
    this.#done.set(id, { body, answer })
    return answer
  }

  answer(request: LedgerRequest): unknown {
    this.asked++
    this.#expire()
    if (request.op === "group") {
      const answer = this.#group(request)
      if (this.losses === 0) return answer
      this.losses--
      throw new Error("no answer")
    }
    if (request.op === "wallet") return { ok: { lots: [{ id: "lot_new", cause: "grant:upgrade:qt_1" }], seq: 3 } }
    const lots = this.expired === 0n ? [] : [{ id: OLD.id, amount: (-this.expired).toString() }]
    return { ok: { items: [{ lots }], nextCursor: null } as unknown as StatementAnswer }
  }
}

/** Plus with 10.00 to come back, to Pro. */
const work: LedgerWork = {
  id: "grant:upgrade:qt_1",
  commands: [
    {
      op: "exchange",
      id: "grant:upgrade:qt_1",
      account: ACCOUNT,
      from: OLD.cause,
      back: usd("10").toString(),
      grant: {
        kind: "plan",
        amount: usd("120").toString(),
        expiresAt: END + 15 * 86_400_000,
        cause: "grant:upgrade:qt_1",
      },
    },
  ],
  lot: "grant:upgrade:qt_1",
  oldLot: { id: OLD.id, endsAt: END },
  obligation: "upgrade:qt_1",
  facts: [],
}

/** Asks until it is answered, as the runtime does; `ours` is the time here. */
const told = async (ledger: Ledger, ours: Instant): Promise<string | null> => {
  const asking = { ledger: async (request: LedgerRequest) => ledger.answer(request) } as unknown as Asking
  const performer = { asking, now: () => ours, report: () => undefined }
  for (let tries = 0; tries < 5; tries++) {
    const outcome = await perform(performer, { kind: "ledger", id: work.id, work }).catch(() => null)
    if (outcome?.kind === "ledger") return outcome.lotId
  }
  throw new Error("never answered")
}

describe("an exchange that the ledger decides near the old lot's end", () => {
  it("R4.3 before it: what is to come back is taken from the old lot", async () => {
    const ledger = new Ledger(END - 1, "12")
    assert.strictEqual(await told(ledger, END - 1), "lot_new")
    assert.deepStrictEqual([ledger.granted, ledger.remaining], [usd("120"), usd("2")])
  })

  it("R4.3 asked before and decided after it: what had expired is not taken a second time", async () => {
    const ledger = new Ledger(END, "12")
    assert.strictEqual(await told(ledger, END - 1), "lot_new")
    assert.strictEqual(ledger.granted, usd("120"))
  })

  it("R4.3 decided after it with a part spent before: only what was spent beyond the kept share lacks", async () => {
    const ledger = new Ledger(END + 5, "4")
    await told(ledger, END + 5)
    assert.strictEqual(ledger.granted, usd("114"))
  })

  it("R4.3 with a clock ahead of the ledger's: the old lot is taken from while it lives", async () => {
    const ledger = new Ledger(END - 1, "12")
    await told(ledger, END + 5)
    assert.deepStrictEqual([ledger.granted, ledger.remaining], [usd("120"), usd("2")])
  })

  for (const [when, now] of [
    ["before", END - 1],
    ["after", END],
  ] as const) {
    it(`I2 decided ${when} it and the answer lost: it is done once, and its lot is known`, async () => {
      const ledger = new Ledger(now, "12")
      ledger.losses = 1
      assert.strictEqual(await told(ledger, now), "lot_new")
      assert.strictEqual(ledger.granted, usd("120"))
    })
  }
})
