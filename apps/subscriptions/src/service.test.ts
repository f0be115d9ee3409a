/**
 * Goal: what subscriptions promises holds over the real bus, the real ledger and a real database. Method: its process
 * and the ledger's, asked like any client asks them; payments does what each test says.
 */
import { ask, publish } from "@credits/bus"
import { STREAMS, SUBJECTS } from "@credits/contracts"
import { usd } from "@credits/kernel"
import { afterAll, assert, beforeAll, it } from "vitest"
import { eventually, overBothDatabases, type System } from "./service.test-kit.ts"

const PATIENCE_MS = 60_000

overBothDatabases("the subscriptions service", (start) => {
  let system: System
  beforeAll(async () => {
    system = await start()
  }, 120_000)
  afterAll(() => system.stop())

  it(
    "R3.1 R4.4 a purchase at the offer: quoted, charged once, granted once, told once, and shown",
    async () => {
      const account = "acc_first"
      const quote = await system.quote(account, "plus")
      assert.deepInclude(quote, { action: "new", dueTodayCents: 1600, availableAfter: usd("20").toString() })
      const confirmed = { id: "c1", account, quoteId: quote.quoteId }
      const paid = await system.ask("confirm", confirmed)
      assert.deepInclude(paid.ok, { status: "done" })
      assert.deepInclude(paid.ok.subscription, { plan: "plus", status: "active", firstMonthOfferEligible: false })
      const wallet = await system.holds(account, "20")
      assert.deepInclude(wallet, { plan: "plus", hostedModels: true, pastDue: false })
      assert.strictEqual(wallet.lots[0]?.expiresAt, paid.ok.subscription.cycleEnd)
      assert.deepStrictEqual(wallet.cycle?.end, paid.ok.subscription.cycleEnd)
      assert.deepInclude((await system.ask("confirm", confirmed)).ok, { status: "done" })
      assert.strictEqual(
        (await system.ask("confirm", { ...confirmed, quoteId: "qt_other" })).refused.code,
        "id_conflict",
      )
      assert.strictEqual(system.payments(account).asked, 1)
      await system.tells(account, "started")
      assert.deepInclude(system.facts.find((fact) => fact.account === account)?.autoTopUp, {
        threshold: usd("5").toString(),
      })
    },
    PATIENCE_MS,
  )

  it(
    "R4.4 fifty confirmations at once are one charge",
    async () => {
      const account = "acc_fifty"
      const { quoteId } = await system.quote(account, "plus")
      const replies = await Promise.all(Array.from({ length: 50 }, () => system.ask("confirm", { account, quoteId })))
      assert.isTrue(replies.every((reply) => reply.ok?.status === "done"))
      assert.deepStrictEqual([system.payments(account).asked, system.payments(account).taken], [1, ["first 1600"]])
    },
    PATIENCE_MS,
  )

  it(
    "R4.2 R4.3 an upgrade: the quote's credit lines are the ledger's, and the exchange is what was said",
    async () => {
      const account = "acc_up"
      await system.buy(account, "plus")
      await system.holds(account, "20")
      await system.use(account, "4")
      await system.holds(account, "16")
      const quote = await system.buy(account, "pro")
      assert.strictEqual(quote.dueTodayCents, 8400)
      const after = BigInt(quote.availableAfter)
      assert.isTrue(after >= usd("116") && after < usd("116.01"), quote.availableAfter)
      await system.shows(account, { plan: "pro" })
      assert.strictEqual((await system.wallet(account))?.available, quote.availableAfter)
      await system.tells(account, "started", "upgraded")
      assert.deepStrictEqual(system.payments(account).taken, ["first 1600", "upgrade 8400"])
    },
    PATIENCE_MS,
  )

  it(
    "R4.5 402 with the customer's text when the card is declined; the offer is free again",
    async () => {
      const account = "acc_declined"
      system.payments(account).fate = "soft"
      const { quoteId } = await system.quote(account, "plus")
      const declined = { id: "d1", account, quoteId }
      const { refused } = await system.ask("confirm", declined)
      assert.deepInclude(refused, { code: "payment_declined", detail: "Not enough funds." })
      assert.deepStrictEqual((await system.ask("confirm", declined)).refused, refused)
      assert.strictEqual(system.payments(account).asked, 1)
      assert.isTrue((await system.view(account)).firstMonthOfferEligible)
      system.payments(account).hasCard = false
      assert.strictEqual((await system.ask("confirm", { account, quoteId })).refused.code, "payment_method_required")
    },
    PATIENCE_MS,
  )

  it(
    "R10.2 402 with what the card element needs; authenticated, the purchase completes by itself",
    async () => {
      const account = "acc_action"
      system.payments(account).fate = "action"
      const { quoteId } = await system.quote(account, "plus")
      const { refused } = await system.ask("confirm", { account, quoteId })
      assert.deepInclude(refused, { code: "payment_action_required", clientSecret: "pi_secret" })
      assert.isAbove(refused.expiresAt, system.now())
      assert.strictEqual(
        (await system.ask("quote", { account, plan: "pro", interval: "monthly" })).refused.code,
        "payment_being_confirmed",
      )
      await system.payments(account).decide("ok")
      await system.shows(account, { plan: "plus", pendingPayment: null })
      await system.holds(account, "20")
    },
    PATIENCE_MS,
  )

  it(
    "R5.1 R5.3 cancel, resume, a downgrade by support; another account's quote and charge are not found",
    async () => {
      const account = "acc_standing"
      await system.buy(account, "pro")
      assert.strictEqual((await system.ask("cancel", { account })).ok.status, "canceling")
      const end = (await system.view(account)).currentPeriodEnd
      assert.strictEqual((await system.ask("resume", { account })).ok.status, "active")
      const downgrade = { account, plan: "plus", interval: "monthly", by: "support", reason: "asked for" }
      const { ok } = await system.ask("downgrade", downgrade)
      assert.deepStrictEqual(ok.pendingChange, { plan: "plus", interval: "monthly", effectiveAt: end })
      const { quoteId } = await system.quote(account, "max")
      assert.strictEqual(
        (await system.ask("confirm", { account: "acc_other", quoteId })).refused.code,
        "quote_not_found",
      )
      const review = { account: "acc_other", chargeId: "chg_standing1", reason: "not mine" }
      assert.strictEqual((await system.ask("review-open", review)).refused.code, "charge_not_found")
    },
    PATIENCE_MS,
  )

  it(
    "R5.2 a case: opened once, gathered, listed, answered; a dispute opens one by itself",
    async () => {
      const account = "acc_review"
      await system.buy(account, "plus")
      const { chargeId } = [...system.payments(account).charges.values()][0]!
      const opened = await system.ask("review-open", { account, chargeId, reason: "charged twice" })
      assert.deepInclude(opened.ok, { account, chargeId, status: "open" })
      assert.strictEqual(
        (await system.ask("review-open", { account, chargeId, reason: "again" })).refused.code,
        "review_exists",
      )
      const answer = { reviewId: opened.ok.reviewId, answer: "It was once.\nSee the receipt.", by: "support" }
      assert.deepInclude((await system.ask("review-answer", answer)).ok, { status: "answered", answer: answer.answer })
      assert.strictEqual(
        (await system.ask("review-answer", { ...answer, reviewId: "rev_none" })).refused.code,
        "review_not_found",
      )
      await system.payments(account).dispute()
      await system.tells(account, "started", "review_opened", "review_answered", "review_opened")
      const list = (await system.ask("review-list", { account })).ok.items
      assert.deepStrictEqual(
        list.map((one: { status: string }) => one.status),
        ["open", "answered"],
      )
      assert.strictEqual((await system.ask("review-list", { status: "open" })).ok.items[0].account, account)
    },
    PATIENCE_MS,
  )

  it(
    "a complimentary plan reaches the ledger and ends there",
    async () => {
      const account = "acc_gift"
      const gift = { account, plan: "pro", by: "support", reason: "tester" }
      assert.deepInclude((await system.ask("complimentary", gift)).ok, { plan: "pro", complimentary: true })
      await system.holds(account, "0")
      assert.isTrue((await system.wallet(account))?.hostedModels)
      await system.ask("complimentary", { ...gift, plan: "free" })
      await system.shows(account, { plan: "free", status: "free" })
      await system.tells(account, "complimentary", "ended")
    },
    PATIENCE_MS,
  )

  it(
    "requests are decoded strictly, each fault named",
    async () => {
      const account = "acc_strict"
      const refusal = async (op: string, request: object): Promise<string> =>
        (await system.ask(op, { ...request })).refused.code
      assert.strictEqual(await refusal("quote", { account, plan: "plus" }), "invalid")
      assert.strictEqual(await refusal("quote", { account, plan: "plus", interval: "weekly" }), "invalid")
      assert.strictEqual(await refusal("confirm", { account, quoteId: "qt_1", amount: 5 }), "invalid")
      assert.strictEqual(await refusal("cancel", { account: "someone" }), "invalid")
      assert.strictEqual(await refusal("quote", { account, plan: "gold", interval: "monthly" }), "plan_unknown")
      const unknown = await ask(system.bus.connection, SUBJECTS.subscriptionsRequest("refund"), "{}", 5_000)
      assert.strictEqual(JSON.parse(unknown).refused.code, "unknown_op")
    },
    PATIENCE_MS,
  )

  it(
    "R2.3 R5.4 R12.1 a year by the clock: renewals, a failed one, its recovery, cycles at their boundaries",
    async () => {
      const account = "acc_year"
      await system.buy(account, "plus")
      const started = (await system.view(account)).currentPeriodStart!
      const months = (n: number): number => {
        const date = new Date(started)
        return date.setUTCMonth(date.getUTCMonth() + n)
      }
      await system.advanceTo(months(1) + 60_000)
      await system.shows(account, { status: "active", currentPeriodStart: months(1), pendingPayment: null })
      await system.holds(account, "20")
      system.payments(account).fate = "soft"
      await system.advanceTo(months(2) + 60_000)
      await system.shows(account, { status: "past_due", plan: "plus" })
      await eventually("the ledger knows that it is past due", async () =>
        (await system.wallet(account))?.pastDue === true ? true : undefined,
      )
      system.payments(account).fate = "ok"
      await system.payments(account).saveCard()
      await system.shows(account, { status: "active", currentPeriodStart: months(2) })
      await system.holds(account, "20")
      assert.deepStrictEqual(system.payments(account).taken, ["first 1600", "renewal 2000", "renewal 2000"])
      const renewed = ["renewal_reminder", "renewed"]
      const recovered = ["renewal_reminder", "payment_failed", "past_due", "renewed", "recovered"]
      await system.tells(account, "started", "renewal_reminder", "offer_ends", ...renewed.slice(1), ...recovered)
      const status = await system.control("subscriptions", { op: "status" })
      assert.deepInclude(status, { service: "subscriptions", ready: true, outboxPending: 0, openRequests: 0 })
      const { state } = await system.bus.jsm.streams.info(STREAMS.payments.name)
      assert.strictEqual(status.cursors[STREAMS.payments.name], state.last_seq)
      assert.deepStrictEqual(system.letters, [])
      await publish(system.bus.js, SUBJECTS.paymentsFact, `{"v":2,"kind":"charge_succeeded","account":"acc_newer"}`)
      const letter = await eventually("a fact of a newer version is a dead letter", () => system.letters[0])
      assert.include(JSON.stringify(letter), "version 2")
    },
    PATIENCE_MS,
  )
})
