/**
 * Payments against a processor that does everything wrong it can: every fault of the sandbox's plan at every call, and
 * webhooks lost, repeated, late and forged. Goal: in the end its book is ours, and nothing was charged twice (R10.2,
 * I6). The clock is moved as the edge moves it, so an hour of repeats and a day of lookups take seconds.
 */
import { SUBJECTS, type ChargeView, type PaymentsReply, type ReconciliationAnswer } from "@credits/contracts"
import type { FaultRule } from "@credits/sandbox-processor"
import { sql } from "kysely"
import { Stripe } from "stripe"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import {
  advance,
  allCharges,
  ask,
  bookDifferences,
  charge,
  chargeRequest,
  eventually,
  factKinds,
  okOf,
  processorOf,
  quiet,
  saveCard,
  startParts,
  startTestPayments,
  WEBHOOK_SECRET,
  type Parts,
  type TestPayments,
} from "./payments.fixture.ts"

const LONG_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let parts: Parts
let payments: TestPayments
beforeAll(async () => {
  parts = await startParts({ webhooks: true })
  payments = await startTestPayments(parts)
  await saveCard(parts.bus, "acc_one", "tok_ok")
})
afterAll(async () => {
  await payments.stop()
  await parts.stop()
})
afterEach(() => parts.sandbox.faults.clear())

const FAULTS = [
  "lose_answer",
  "hang",
  "truncate",
  "error_500",
  "error_500_unexecuted",
  "key_in_use",
  "reset",
  "rate_limited",
] as const
/** The SDK repeats a call once by itself: two are one of ours. */
const FEW = 2
const MANY = 6
const CALLS = {
  create: "/v1/payment_intents",
  confirm: "/v1/payment_intents/*/confirm",
  update: "/v1/payment_intents/*",
}

const rule = (obligation: string, path: string, kind: (typeof FAULTS)[number], times: number): FaultRule =>
  ({ match: { obligation, path, method: "POST" }, fault: { kind }, times }) as FaultRule

const statusOf = async (obligation: string): Promise<ChargeView> =>
  (await allCharges(parts.bus)).find((view) => view.obligation === obligation)!

/** The saga's own text, for a failing test. */
const stateOf = async (obligation: string): Promise<string> => {
  const rows = await sql<{ state: string }>`select state from saga where id = ${obligation}`.execute(
    parts.database.kysely,
  )
  return rows.rows[0]?.state ?? "none"
}

describe("every fault of the plan", () => {
  it(
    "R10.2 I6 at create and confirm, once or three times: charged once, told once, the book is ours",
    async () => {
      const stories = FAULTS.flatMap((kind) =>
        (["create", "confirm"] as const).flatMap((call) =>
          [FEW, MANY].map((times) => ({ kind, call, times, obligation: `renewal:${kind}_${call}_${times}:1` })),
        ),
      )
      parts.sandbox.faults.set(
        stories.map(({ kind, call, times, obligation }) => rule(obligation, CALLS[call], kind, times)),
      )
      const asked = stories.map(({ obligation }) => charge(parts.bus, chargeRequest(obligation, { waitMs: 0 })))
      for (const { status } of await Promise.all(asked)) assert.equal(status, "pending")
      await advance(parts, 3 * HOUR_MS)
      assert.deepEqual(await bookDifferences(parts), [])
      const all = await allCharges(parts.bus)
      for (const { obligation, times } of stories) {
        const view = all.find((each) => each.obligation === obligation)
        // What fails for long is given up, with proof that nothing was executed.
        const ends = times === FEW ? ["succeeded"] : ["succeeded", "not_executed"]
        assert.include(ends, view?.status, `${obligation} ${await stateOf(obligation)}`)
        const kinds = (await factKinds(parts.bus, obligation)).filter((each) => each !== "charge_unknown")
        assert.deepEqual(kinds, [`charge_${view?.status}`], obligation)
      }
    },
    LONG_MS,
  )

  it(
    "R10.1 R10.2 at the update of a second attempt and at its confirmation: the same intent, the new amount, once",
    async () => {
      await saveCard(parts.bus, "acc_two", "tok_insufficient_funds")
      const stories = FAULTS.flatMap((kind) =>
        (["update", "confirm"] as const).map((call) => ({ kind, call, obligation: `renewal:again_${kind}_${call}:1` })),
      )
      const request = (obligation: string, attempt: number) =>
        chargeRequest(obligation, { account: "acc_two", attempt, amountCents: 1_000 * attempt })
      await Promise.all(stories.map(({ obligation }) => charge(parts.bus, request(obligation, 1))))
      await saveCard(parts.bus, "acc_two", "tok_ok")
      parts.sandbox.faults.set(stories.map(({ kind, call, obligation }) => rule(obligation, CALLS[call], kind, 2)))
      await Promise.all(stories.map(({ obligation }) => charge(parts.bus, { ...request(obligation, 2), waitMs: 0 })))
      await advance(parts, 3 * HOUR_MS)
      assert.deepEqual(await bookDifferences(parts), [])
      for (const { obligation } of stories) {
        assert.deepInclude(await statusOf(obligation), { status: "succeeded", amountCents: 2_000 }, obligation)
      }
    },
    LONG_MS,
  )

  it(
    "R5.2 R5.4 at refunds and cancellations: given back once, closed for good",
    async () => {
      await saveCard(parts.bus, "acc_three", "tok_insufficient_funds")
      const refunds = FAULTS.map((kind) => `renewal:refund_${kind}:1`)
      const closes = FAULTS.map((kind) => `renewal:close_${kind}:1`)
      const paid = await Promise.all(refunds.map((obligation) => charge(parts.bus, chargeRequest(obligation))))
      const poor = { account: "acc_three" }
      await Promise.all(closes.map((obligation) => charge(parts.bus, chargeRequest(obligation, poor))))
      parts.sandbox.faults.set(
        FAULTS.flatMap((kind, i) => [
          {
            match: { path: "/v1/refunds", metadata: { charge_id: paid[i]!.charge.chargeId } },
            fault: { kind },
            times: 2,
          } as FaultRule,
          rule(closes[i]!, "/v1/payment_intents/*/cancel", kind, 2),
        ]),
      )
      const answers = [
        ...paid.map(({ charge: { chargeId } }) =>
          ask(parts.bus, { op: "charge-refund", chargeId, by: "ana", reason: "an error" }),
        ),
        ...closes.map((obligation) => ask(parts.bus, { op: "charge-close", account: "acc_three", obligation })),
      ]
      await Promise.all(answers)
      await advance(parts, HOUR_MS)
      assert.deepEqual(await bookDifferences(parts), [])
      for (const obligation of refunds) assert.isTrue((await statusOf(obligation)).refunded, obligation)
      for (const obligation of closes) assert.equal((await statusOf(obligation)).status, "canceled", obligation)
    },
    LONG_MS,
  )

  it(
    "R10.2 a processor away for a day: nothing is failed without proof, a person decides, a late success counts",
    async () => {
      const obligation = "renewal:away:1"
      parts.sandbox.faults.set([
        { match: { obligation, path: CALLS.confirm }, fault: { kind: "lose_answer" }, times: 2 },
        { match: { event: "*" }, fault: { kind: "webhook_lose" } },
        // Refused without the SDK's own pause and repeat: a day of it takes no time.
        { match: { path: "/v1/payment_intents/**" }, fault: { kind: "rate_limited" } },
        { match: { path: "/v1/events" }, fault: { kind: "rate_limited" } },
      ])
      const { charge: view } = await charge(parts.bus, chargeRequest(obligation, { waitMs: 0 }))
      await advance(parts, HOUR_MS)
      assert.equal((await statusOf(obligation)).status, "unknown")
      const resolve = {
        ...({ op: "charge-resolve", chargeId: view.chargeId, by: "ana", reason: "looked at the processor" } as const),
        outcome: "not_executed" as const,
      }
      assert.nestedPropertyVal(await ask(parts.bus, resolve), "refused.code", "not_resolvable")
      await advance(parts, DAY_MS)
      assert.equal((await statusOf(obligation)).status, "review")
      assert.deepEqual(await factKinds(parts.bus, obligation), ["charge_unknown"])
      // The person looked at the wrong charge; the processor knows better.
      okOf(await ask(parts.bus, resolve))
      assert.equal((await statusOf(obligation)).status, "not_executed")
      parts.sandbox.faults.clear()
      await payments.poll()
      await quiet(parts.bus)
      assert.equal((await statusOf(obligation)).status, "succeeded")
      assert.deepEqual(await factKinds(parts.bus, obligation), [
        "charge_unknown",
        "charge_not_executed",
        "charge_succeeded",
      ])
      assert.deepEqual(await bookDifferences(parts), [])
    },
    LONG_MS,
  )
})

describe("webhooks", () => {
  const taken = () =>
    eventually(async () => {
      await parts.sandbox.webhooksDrained()
      return quiet(parts.bus)
    }, "webhooks are taken")

  it(
    "A7 in any order, twice, late or never: each changes a charge once, and the poller finds the lost ones",
    async () => {
      await saveCard(parts.bus, "acc_hook", "tok_authentication_required")
      for (const kind of ["webhook_duplicate", "webhook_reorder", "webhook_lose"] as const) {
        const obligation = `renewal:${kind}:1`
        const { charge: view } = await charge(parts.bus, chargeRequest(obligation, { account: "acc_hook" }))
        assert.equal(view.status, "action_required")
        parts.sandbox.faults.set([{ match: { event: "*" }, fault: { kind } }])
        await fetch(`${parts.sandbox.url}/__sandbox/authenticate/${view.chargeId}`, { method: "POST" })
        if (kind === "webhook_lose") await payments.poll()
        await taken()
        assert.equal((await statusOf(obligation)).status, "succeeded", kind)
        assert.deepEqual(await factKinds(parts.bus, obligation), ["charge_action_required", "charge_succeeded"])
      }
      assert.deepEqual(await bookDifferences(parts), [])
    },
    LONG_MS,
  )

  it("A7 disputes and refunds made elsewhere become facts, once", async () => {
    const { charge: view } = await charge(parts.bus, chargeRequest("renewal:elsewhere:1"))
    const { stripe } = processorOf(parts)
    await stripe.refunds.create({ payment_intent: view.processorId! })
    const { charge: other } = await charge(parts.bus, chargeRequest("renewal:elsewhere:2"))
    const body = JSON.stringify({ charge: other.processorId, reason: "duplicate" })
    await fetch(`${parts.sandbox.url}/__sandbox/disputes`, { method: "POST", body })
    await taken()
    await payments.poll()
    assert.deepEqual(await factKinds(parts.bus, "renewal:elsewhere:1"), ["charge_succeeded", "charge_refunded"])
    assert.deepEqual(await factKinds(parts.bus, "renewal:elsewhere:2"), ["charge_succeeded", "charge_disputed"])
    assert.deepInclude(await statusOf("renewal:elsewhere:2"), { status: "succeeded", disputed: true })
  })

  it("a card that is detached elsewhere is the account's no more", async () => {
    await saveCard(parts.bus, "acc_detached", "tok_ok")
    const { id } = okOf(await ask<{ id: string }>(parts.bus, { op: "method", account: "acc_detached" }))
    await processorOf(parts).stripe.paymentMethods.detach(id)
    await taken()
    assert.isNull(okOf(await ask(parts.bus, { op: "method", account: "acc_detached" })))
  })

  const hook = async (event: unknown, sign: { secret?: string; timestamp?: number } = {}) => {
    const payload = JSON.stringify(event)
    const signature = Stripe.webhooks.generateTestHeaderString({ payload, secret: WEBHOOK_SECRET, ...sign })
    const body = Buffer.from(payload).toString("base64")
    const text = JSON.stringify({ op: "webhook", body, signature })
    const reply = await parts.bus.connection.request(SUBJECTS.paymentsRequest("webhook"), text, { timeout: 5_000 })
    return JSON.parse(reply.string()) as PaymentsReply<{ taken: string }>
  }
  const paidEvent = (id: string, intent: string) => ({
    ...({ id, object: "event", type: "payment_intent.succeeded", created: 1 } as const),
    data: { object: { id: intent, object: "payment_intent", status: "succeeded", amount_received: 2_000 } },
  })

  it("A7 forged, replayed or invented: nothing is believed, only what the processor shows", async () => {
    await saveCard(parts.bus, "acc_forged", "tok_insufficient_funds")
    const request = chargeRequest("renewal:forged:1", { account: "acc_forged" })
    const intent = (await charge(parts.bus, request)).charge.processorId!
    const forged = await hook(paidEvent("evt_forged", intent), { secret: "whsec_guessed" })
    assert.nestedPropertyVal(forged, "refused.code", "signature_invalid")
    const future = Math.floor(Date.now() / 1_000) + 3_600
    assert.nestedPropertyVal(
      await hook(paidEvent("evt_future", intent), { timestamp: future }),
      "refused.code",
      "signature_invalid",
    )
    // Genuine, and it says what is not so.
    assert.deepEqual(await hook(paidEvent("evt_lie", intent)), { ok: { taken: "acted" } })
    assert.deepEqual(await hook(paidEvent("evt_lie", intent)), { ok: { taken: "known" } })
    assert.equal((await statusOf("renewal:forged:1")).status, "declined")
    assert.deepEqual(await hook(paidEvent("evt_nobody", "pi_nobody")), { ok: { taken: "ignored" } })
    const other = { ...paidEvent("evt_other", intent), type: "invoice.paid" }
    assert.deepEqual(await hook(other), { ok: { taken: "ignored" } })
  })
})

describe("in the end", () => {
  it("R10.4 the books agree, but for what was disputed", async () => {
    await advance(parts, HOUR_MS)
    const run = { op: "recon-run", from: 0, to: parts.clock.now() } as const
    const { compared, findings } = okOf(await ask<ReconciliationAnswer>(parts.bus, run))
    assert.isAbove(compared, 50)
    assert.deepEqual(
      findings.map(({ kind }) => kind),
      ["disputed"],
    )
  })
})
