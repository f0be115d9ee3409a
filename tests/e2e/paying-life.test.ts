/**
 * Goal: a customer's year, as a person meets it: sign in, card, Plus at the offer, spending, auto top-up to its cap,
 * upgrade, cancel, resume, twelve renewals. Method: the whole system as `npm start` runs it, over HTTP only; money is
 * what the sandbox's card processor has in its own book.
 */
import { advanceClock, Customer, Spender, startSystem, type SystemUnderTest } from "@credits/testkit"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { bookDifferences, booksAgree, obligationsOf } from "./book.ts"

const POLL = { timeout: 20_000, interval: 50 }

let system: SystemUnderTest
let spender: Spender
const customers: Array<Customer> = []

beforeAll(async () => {
  system = await startSystem()
  spender = await Spender.open(system.url)
})
afterAll(() => system.stop())
afterEach(() => booksAgree(customers.splice(0)))

const signIn = async (name: string, card?: string): Promise<Customer> => {
  const customer = await Customer.signIn(system.url, `${name}@example.com`)
  customers.push(customer)
  if (card !== undefined) await customer.saveCard(card)
  return customer
}
const dollars = (text: string | undefined): number => Number(text)

describe("buying", () => {
  it("R3.1 R1.4 Plus at the offer costs 16.00 and gives 20.00 until the cycle ends", async () => {
    const ada = await signIn("ada", "tok_ok")
    expect((await ada.subscription()).firstMonthOfferEligible).toBe(true)
    const quote = await ada.quote("plus", "monthly")
    expect(quote).toMatchObject({ action: "new", dueTodayUsd: "16.00", newGrantUsd: "20.00", nextChargeUsd: "20.00" })
    expect((await ada.confirm(quote.quoteId)).status).toBe(200)
    const [subscription, wallet] = [await ada.subscription(), await ada.wallet()]
    expect(subscription).toMatchObject({ plan: "plus", interval: "monthly", status: "active", pendingPayment: null })
    expect(subscription.firstMonthOfferEligible).toBe(false)
    expect(wallet).toMatchObject({ plan: "plus", availableUsd: "20.00", balanceUsd: "20.00" })
    expect(wallet.cycle).toMatchObject({ start: subscription.cycleStart, grantedUsd: "20.00", spentUsd: "0.00" })
    expect(wallet.lots).toMatchObject([{ kind: "plan", expiresAt: subscription.cycleEnd }])
    expect(wallet.cycle).toMatchObject({ end: subscription.cycleEnd, grantedUsd: "20.00", spentUsd: "0.00" })
    const [charge] = await ada.history()
    expect(charge).toMatchObject({ amountUsd: "16.00", status: "succeeded", card: { brand: "visa" } })
    const receipt = await fetch(system.url + charge!.receiptUrl!, { headers: { authorization: `Bearer ${ada.token}` } })
    expect(await receipt.text()).toContain("16.00 USD")
  })

  it("R4.2 R4.3 an unspent Plus at the offer becomes Pro at once for 84.00, and 120.00 are there", async () => {
    const grace = await signIn("grace", "tok_ok")
    await grace.buy("plus", "monthly")
    const quote = await grace.quote("pro", "monthly")
    expect(quote).toMatchObject({ action: "upgrade", dueTodayUsd: "84.00", nextChargeUsd: "100.00" })
    expect((await grace.confirm(quote.quoteId)).status).toBe(200)
    expect(await grace.subscription()).toMatchObject({ plan: "pro", status: "active" })
    const { availableUsd, lots } = await grace.wallet()
    // A fraction of a cent more: the share of Plus already earned in the seconds between.
    expect(dollars(availableUsd)).toBeGreaterThanOrEqual(120)
    expect(dollars(availableUsd)).toBeLessThan(120.01)
    expect(lots.some(({ grantedUsd }) => grantedUsd === "120.00")).toBe(true)
    expect((await grace.history()).map(({ amountUsd }) => amountUsd)).toEqual(["84.00", "16.00"])
  })

  it("R3.1 a year never has the offer; R4.1 going down, sideways and to Free is refused", async () => {
    const alan = await signIn("alan", "tok_ok")
    expect(await alan.quote("plus", "yearly")).toMatchObject({ dueTodayUsd: "168.00", newGrantUsd: "20.00" })
    await alan.buy("pro", "yearly")
    const refusal = async (plan: string, interval: string) => {
      const { status, body } = await alan.call<{ code: string }>("subscription/quote", { json: { plan, interval } })
      return [status, body.code]
    }
    expect(await refusal("plus", "yearly")).toEqual([409, "downgrade_not_available"])
    expect(await refusal("pro", "monthly")).toEqual([409, "downgrade_not_available"])
    expect(await refusal("pro", "yearly")).toEqual([409, "already_on_plan"])
    expect((await refusal("free", "monthly"))[0]).toSatisfy((status) => status === 409 || status === 422)
    expect(await refusal("ultra", "monthly")).toEqual([422, "plan_unknown"])
  })

  it("without a card it is 409 payment_method_required, and the quote is good once there is one", async () => {
    const tim = await signIn("tim")
    const { quoteId } = await tim.quote("plus", "monthly")
    const refused = await tim.confirm(quoteId)
    expect([refused.status, refused.body]).toMatchObject([409, { code: "payment_method_required" }])
    await tim.saveCard("tok_ok")
    expect((await tim.confirm(quoteId)).status).toBe(200)
  })

  it("R4.5 R3.2 a decline changes nothing; the same quote with another card buys, still at the offer", async () => {
    const edsger = await signIn("edsger", "tok_insufficient_funds")
    const { quoteId } = await edsger.quote("plus", "monthly")
    const declined = await edsger.confirm(quoteId)
    expect([declined.status, declined.body]).toMatchObject([402, { code: "payment_declined" }])
    expect(await edsger.subscription()).toMatchObject({ plan: "free", firstMonthOfferEligible: true })
    expect(await edsger.wallet()).toMatchObject({ plan: "free", balanceUsd: "0.00" })
    await edsger.saveCard("tok_ok")
    expect((await edsger.confirm(quoteId)).status).toBe(200)
    expect(await edsger.wallet()).toMatchObject({ availableUsd: "20.00" })
    expect((await edsger.book()).map(({ amountUsd }) => amountUsd)).toEqual(["16.00"])
  })

  it("a bank that asks its customer is 402 payment_action_required, and passing its check buys", async () => {
    const barbara = await signIn("barbara", "tok_authentication_required")
    const { quoteId } = await barbara.quote("plus", "monthly")
    const asked = await barbara.confirm(quoteId)
    const action = asked.body as { code: string; chargeId: string; clientSecret: string; expiresAt: string }
    expect([asked.status, action.code]).toEqual([402, "payment_action_required"])
    expect(action.clientSecret).toMatch(/^pi_.*_secret_/)
    expect(Date.parse(action.expiresAt)).toBeGreaterThan(Date.now())
    expect(await barbara.subscription()).toMatchObject({ plan: "free", pendingPayment: { status: "action_required" } })
    const stranger = await Customer.signIn(system.url, "stranger@example.com")
    const path = `/__sandbox/authenticate/${action.chargeId}`
    const pass = (token: string) =>
      fetch(system.url + path, { method: "POST", headers: { authorization: `Bearer ${token}` } })
    expect((await pass(stranger.token)).status).toBe(404)
    expect((await pass(barbara.token)).status).toBe(200)
    await expect.poll(async () => (await barbara.subscription()).plan, POLL).toBe("plus")
    await expect.poll(async () => (await barbara.wallet()).availableUsd, POLL).toBe("20.00")
  })
})

describe("live", () => {
  it("an open event stream hears of the purchase and of the credit", async () => {
    const kurt = await signIn("kurt", "tok_ok")
    const abort = new AbortController()
    const response = await fetch(`${system.url}/api/v1/wallet/events`, {
      headers: { authorization: `Bearer ${kurt.token}` },
      signal: abort.signal,
    })
    let text = ""
    const reading = (async () => {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk
    })().catch(() => undefined)
    const events = () =>
      text.split("\n\n").flatMap((block) => {
        const [, event, data] = /event: ?(\w+)\ndata: ?(.*)/.exec(block) ?? []
        return event === undefined ? [] : [{ event, data: JSON.parse(data!) as Record<string, unknown> }]
      })
    const last = (event: string) => events().findLast((each) => each.event === event)?.data
    await expect.poll(() => last("wallet"), POLL).toMatchObject({ plan: "free" })
    await kurt.buy("plus", "monthly")
    await expect.poll(() => last("subscription"), POLL).toMatchObject({ plan: "plus", status: "active" })
    await expect.poll(() => last("wallet"), POLL).toMatchObject({ plan: "plus", availableUsd: "20.00" })
    abort.abort()
    await reading
  })
})

describe("what a customer may see and do of another", () => {
  it("quotes, charges, receipts and cases of another account are 404", async () => {
    const frances = await signIn("frances", "tok_ok")
    const eve = await signIn("eve", "tok_ok")
    const { quoteId } = await frances.quote("plus", "monthly")
    expect((await eve.confirm(quoteId)).status).toBe(404)
    await frances.buy("plus", "monthly")
    const [{ chargeId } = { chargeId: "" }] = await frances.history()
    expect((await eve.call(`billing/history/${chargeId}/receipt`)).status).toBe(404)
    expect((await eve.call("billing/reviews", { json: { chargeId, reason: "not mine" } })).status).toBe(404)
    expect(await eve.history()).toEqual([])
    const opened = await frances.call("billing/reviews", { json: { chargeId, reason: "charged twice?" } })
    expect([opened.status, opened.body]).toMatchObject([201, { chargeId, status: "open" }])
    expect((await frances.call("billing/reviews", { json: { chargeId, reason: "again" } })).status).toBe(409)
    expect((await eve.call("billing/reviews")).body).toMatchObject({ items: [] })
  })
})

describe("a year", () => {
  it("spending, auto top-up to its cap, an upgrade, cancel and resume, twelve renewals", async () => {
    const niklaus = await signIn("niklaus", "tok_ok")
    await niklaus.buy("plus", "monthly")

    // R9.2 R9.4: below 5.00 it buys 10.00; R9.3: what the cap of 25.00 leaves is 5.00, then nothing.
    await spender.spend(niklaus, 1600)
    expect(await niklaus.setAutoTopUp("25.00")).toMatchObject({ enabled: true, monthlyCapUsd: "25.00" })
    const available = async () => (await niklaus.wallet()).availableUsd
    await expect.poll(available, POLL).toBe("14.00")
    await spender.spend(niklaus, 1000)
    await expect.poll(available, POLL).toBe("14.00")
    await spender.spend(niklaus, 1000)
    await expect.poll(available, POLL).toBe("9.00")
    await spender.spend(niklaus, 500)
    await expect
      .poll(() => niklaus.autoTopUp(), POLL)
      .toMatchObject({ state: "cap_reached", spentThisMonthUsd: "25.00", remainingUsd: "0.00", pendingUsd: "0.00" })
    expect(await available()).toBe("4.00")
    expect((await niklaus.wallet()).autoTopUp).toMatchObject({ state: "cap_reached" })

    // R6.2: refused, with the ways on; the upgrade adds credit now.
    const refused = await spender.authorize(niklaus, 500)
    expect(refused.status).toBe(402)
    const { waysOn } = refused.body as unknown as { waysOn: ReadonlyArray<{ action: string; addsUsd?: string }> }
    expect(waysOn.map(({ action }) => action)).toEqual(["upgrade", "auto_top_up", "byok"])
    expect(dollars(waysOn[0]?.addsUsd)).toBeGreaterThan(99)

    // R4.3: all of Plus's 20.00 is used, so what comes back as money is missing from the new grant; top-ups stay.
    const quote = await niklaus.quote("pro", "monthly")
    expect(quote.dueTodayUsd).toBe("84.00")
    expect(dollars(quote.alreadyUsedUsd)).toBeCloseTo(20, 2)
    expect(dollars(quote.availableAfterUsd)).toBeCloseTo(104, 2)
    expect((await niklaus.confirm(quote.quoteId)).status).toBe(200)
    expect(dollars(await available())).toBeCloseTo(dollars(quote.availableAfterUsd), 2)
    expect(await bookDifferences(niklaus)).toEqual([])

    // R5.1: cancel keeps everything to the end, resume undoes it.
    expect((await niklaus.change("cancel")).body).toMatchObject({ status: "canceling", cancelAtPeriodEnd: true })
    await expect.poll(async () => (await niklaus.autoTopUp()).state, POLL).toBe("paused")
    expect((await niklaus.change("resume")).body).toMatchObject({ status: "active", cancelAtPeriodEnd: false })
    const before = await niklaus.subscription()

    const { ran } = await advanceClock(system.url, { by: "P1Y" }, 120_000)
    expect(ran).toBeGreaterThan(12)
    const after = await niklaus.subscription()
    expect(after).toMatchObject({ plan: "pro", status: "active", pendingPayment: null, pastDue: null })
    // R2.1: the anchor is kept.
    expect(after.currentPeriodStart!.slice(8)).toBe(before.currentPeriodStart!.slice(8))
    const obligations = await obligationsOf(niklaus)
    expect(obligations.filter((each) => each.startsWith("renewal:"))).toHaveLength(12)
    expect(obligations.filter((each) => each.startsWith("topup:"))).toHaveLength(3)
    // R1.4 R1.5: unused plan credit went with its cycle, what was topped up stayed.
    const { lots } = await niklaus.wallet()
    const ofKind = (kind: string) => lots.filter((lot) => lot.kind === kind).map(({ remainingUsd }) => remainingUsd)
    expect(ofKind("plan")).toEqual(["120.00"])
    expect(
      ofKind("topup")
        .map(dollars)
        .reduce((a, b) => a + b, 0),
    ).toBeCloseTo(4, 6)
  }, 240_000)

  it("R5.4 a card that declines from the second charge on: past due, attempts, Free, R2.4 a new start", async () => {
    const blaise = await signIn("blaise", "tok_ok_then_decline")
    await blaise.buy("plus", "monthly")
    await advanceClock(system.url, { by: "P1M" })
    expect(await blaise.subscription()).toMatchObject({ plan: "plus", status: "past_due" })
    await advanceClock(system.url, { by: "P8D" })
    expect(await blaise.subscription()).toMatchObject({ plan: "free", status: "free", firstMonthOfferEligible: false })
    expect(await blaise.wallet()).toMatchObject({ plan: "free", balanceUsd: "0.00" })
    const [renewal] = (await blaise.history()).filter(({ kind }) => kind === "renewal")
    expect(renewal).toMatchObject({ amountUsd: "20.00", status: "canceled", receiptUrl: null })
    await blaise.saveCard("tok_ok")
    expect(await blaise.quote("plus", "monthly")).toMatchObject({ dueTodayUsd: "20.00" })
  })

  it("R5.4 paying now with a new card recovers, and the cycle keeps its boundaries", async () => {
    const donald = await signIn("donald", "tok_ok_then_decline")
    await donald.buy("plus", "monthly")
    const { currentPeriodEnd } = await donald.subscription()
    await advanceClock(system.url, { by: "P1M" })
    expect((await donald.subscription()).status).toBe("past_due")
    await donald.saveCard("tok_ok")
    await donald.change("pay")
    await expect.poll(async () => (await donald.subscription()).status, POLL).toBe("active")
    expect((await donald.subscription()).currentPeriodStart).toBe(currentPeriodEnd)
    expect(await donald.wallet()).toMatchObject({ availableUsd: "20.00" })
  })
})
