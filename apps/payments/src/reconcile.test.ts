/**
 * R10.4 over the wire: the sandbox processor's book against ours. Goal: every kind of difference is found on its own,
 * stays listed with its age, and goes when it is no more; nothing is corrected.
 */
import type { ChargeView, Finding, ReconciliationAnswer } from "@credits/contracts"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import {
  advance,
  allCharges,
  ask,
  charge,
  chargeRequest,
  okOf,
  processorOf,
  quiet,
  saveCard,
  startParts,
  startTestPayments,
  type Parts,
  type TestPayments,
} from "./payments.fixture.ts"

const HOUR_MS = 3_600_000

let parts: Parts
let payments: TestPayments
beforeAll(async () => {
  parts = await startParts()
  payments = await startTestPayments(parts)
  await saveCard(parts.bus, "acc_one", "tok_ok")
  await Promise.all(Array.from({ length: 120 }, (_, i) => charge(parts.bus, chargeRequest(`renewal:sub_1:${i}`))))
  await advance(parts, HOUR_MS)
})
afterAll(async () => {
  await payments.stop()
  await parts.stop()
})

const run = async (from = 0): Promise<ReconciliationAnswer> => {
  const request = { op: "recon-run", from, to: parts.clock.now() } as const
  return okOf(await ask<ReconciliationAnswer>(parts.bus, request))
}
const openNow = async (): Promise<ReadonlyArray<Finding>> =>
  okOf(await ask<{ items: ReadonlyArray<Finding> }>(parts.bus, { op: "recon-findings" })).items

const change = async (chargeId: string, next: Partial<ChargeView>): Promise<() => Promise<void>> => {
  const view = (await allCharges(parts.bus)).find((each) => each.chargeId === chargeId)!
  const write = (changed: ChargeView) =>
    parts.database.kysely
      .updateTable("charge")
      .set({ view: JSON.stringify(changed), processor_id: changed.processorId, status: changed.status })
      .where("charge_id", "=", chargeId)
      .execute()
  await write({ ...view, ...next })
  return async () => void (await write(view))
}

describe("reconciliation over the wire", () => {
  it("R10.4 books that agree have no finding, over several pages", async () => {
    const { compared, findings } = await run()
    assert.deepEqual([compared, findings], [120, []])
    assert.deepEqual(await openNow(), [])
  })

  it("R10.4 an amount, a state, a success that the other side lacks: found, listed, gone when mended", async () => {
    const [one, two, three] = await allCharges(parts.bus)
    const mend = [
      await change(one!.chargeId, { amountCents: 1_999 }),
      await change(two!.chargeId, { status: "declined" }),
      await change(three!.chargeId, { refunded: true }),
    ]
    const { findings } = await run()
    assert.sameDeepMembers(
      findings.map(({ kind, chargeId }) => [kind, chargeId]),
      [
        ["amount_mismatch", one!.chargeId],
        ["status_mismatch", two!.chargeId],
        ["status_mismatch", three!.chargeId],
      ],
    )
    const foundAt = new Set((await openNow()).map((finding) => finding.foundAt))
    await advance(parts, HOUR_MS)
    await run()
    assert.deepEqual(new Set((await openNow()).map((finding) => finding.foundAt)), foundAt, "its age goes on")
    for (const back of mend) await back()
    assert.deepEqual((await run()).findings, [])
    assert.deepEqual(await openNow(), [])
  })

  it("R10.4 a charge that only we know is missing there", async () => {
    const [any] = await allCharges(parts.bus)
    const invented = { ...any!, chargeId: "chg_0", obligation: "renewal:invented:1", processorId: "pi_nobody" }
    await parts.database.kysely
      .insertInto("charge")
      .values({
        charge_id: invented.chargeId,
        account: invented.account,
        obligation: invented.obligation,
        status: "succeeded",
        processor_id: invented.processorId,
        at: BigInt(invented.at),
        decided_at: BigInt(invented.decidedAt!),
        view: JSON.stringify(invented),
      })
      .execute()
    const { findings } = await run()
    assert.deepEqual(
      findings.map(({ kind, processorId }) => [kind, processorId]),
      [["missing_there", "pi_nobody"]],
    )
    await parts.database.kysely.deleteFrom("charge").where("charge_id", "=", "chg_0").execute()
    await run()
  })

  it("R10.4 money taken beside our charge is missing here or a duplicate; nothing is corrected", async () => {
    const [ours] = await allCharges(parts.bus)
    const { stripe } = processorOf(parts)
    const { customer } = await stripe.paymentIntents.retrieve(ours!.processorId!)
    const { id: method } = await stripe.paymentMethods.create({ type: "card", card: { token: "tok_ok" } })
    const pay = (metadata: Record<string, string>) =>
      stripe.paymentIntents.create({
        amount: 2_000,
        currency: "usd",
        customer: customer as string,
        payment_method: method,
        confirm: true,
        setup_future_usage: "off_session",
        metadata,
      })
    const double = await pay({ charge_id: ours!.chargeId, obligation: ours!.obligation, account: ours!.account })
    const foreign = await pay({})
    const disputed = (await allCharges(parts.bus))[1]!
    const body = JSON.stringify({ charge: disputed.processorId })
    await fetch(`${parts.sandbox.url}/__sandbox/disputes`, { method: "POST", body })
    const before = await allCharges(parts.bus)
    await advance(parts, HOUR_MS)
    const { findings } = await run()
    assert.sameDeepMembers(
      findings.map(({ kind, processorId, obligation }) => [kind, processorId, obligation]),
      [
        ["duplicate", double.id, ours!.obligation],
        ["missing_here", foreign.id, null],
        ["disputed", disputed.processorId, disputed.obligation],
      ],
    )
    assert.deepEqual(await allCharges(parts.bus), before)
    const { detail } = await quiet(parts.bus)
    assert.deepEqual((detail["metrics"] as { findings: unknown }).findings, {
      duplicate: 1,
      missing_here: 1,
      disputed: 1,
      // None of these: an alert must see that there are none.
      amount_mismatch: 0,
      missing_there: 0,
      status_mismatch: 0,
    })
  })

  it("a window outside of which things lie does not clear them", async () => {
    const open = await openNow()
    await run(parts.clock.now() - 60_000)
    assert.deepEqual(await openNow(), open)
  })
})
