/**
 * Goal: one obligation is charged once, whatever the customer's browser and the card processor do (I6, R4.6, R10.2).
 * Method: the whole system; many requests at the same moment; the sandbox processor's fault plan, which loses answers
 * after charging.
 */
import {
  advanceClock,
  Customer,
  type ProcessorFault,
  setProcessorFaults,
  startSystem,
  type SystemUnderTest,
} from "@credits/testkit"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { booksAgree, obligationsOf } from "./book.ts"

const AT_ONCE = 50

let system: SystemUnderTest
const customers: Array<Customer> = []

beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system.stop())
afterEach(async () => {
  await setProcessorFaults(system.processorUrl!, [])
  await booksAgree(customers.splice(0))
})

const signIn = async (name: string, card = "tok_ok"): Promise<Customer> => {
  const customer = await Customer.signIn(system.url, `${name}@example.com`)
  customers.push(customer)
  await customer.saveCard(card)
  return customer
}
const faults = (...rules: ReadonlyArray<ProcessorFault>) => setProcessorFaults(system.processorUrl!, rules)
const countBy = (statuses: ReadonlyArray<number>): Record<number, number> => {
  const counts: Record<number, number> = {}
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

describe("at the same moment", () => {
  it(`${AT_ONCE} confirms of one quote are one charge, and all hear of its success`, async () => {
    const ada = await signIn("ada")
    const { quoteId } = await ada.quote("plus", "monthly")
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => ada.confirm(quoteId)))
    expect(countBy(answers.map(({ status }) => status))).toEqual({ 200: AT_ONCE })
    expect(await ada.book()).toHaveLength(1)
    expect(await ada.wallet()).toMatchObject({ availableUsd: "20.00" })
  })

  it(`${AT_ONCE} purchases, each with a quote of its own, are one charge`, async () => {
    const grace = await signIn("grace")
    const buy = async (): Promise<string> => {
      const quoted = await grace.call<{ quoteId: string; code: string }>("subscription/quote", {
        json: { plan: "plus", interval: "monthly" },
      })
      if (quoted.status !== 200) return quoted.body.code
      const answer = await grace.confirm(quoted.body.quoteId)
      return answer.status === 200 ? "bought" : (answer.body as { code: string }).code
    }
    const outcomes = await Promise.all(Array.from({ length: AT_ONCE }, buy))
    // One buys; the others were quoted for another state of things, are told to wait, or pushed out by newer quotes.
    const others = ["payment_being_confirmed", "quote_stale", "already_on_plan", "not_found"]
    expect(outcomes.filter((outcome) => outcome === "bought")).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome !== "bought" && !others.includes(outcome))).toEqual([])
    await grace.settled()
    expect(await grace.book()).toHaveLength(1)
    expect(await grace.wallet()).toMatchObject({ availableUsd: "20.00" })
  })

  it("one Idempotency-Key is one purchase and one answer, for ever", async () => {
    const alan = await signIn("alan")
    const { quoteId } = await alan.quote("plus", "monthly")
    const keyed = () => alan.confirm(quoteId, "key-1")
    const answers = await Promise.all(Array.from({ length: 10 }, keyed))
    const statuses = new Set(answers.map(({ status }) => status))
    expect([...statuses].every((status) => status === 200 || status === 409)).toBe(true)
    const first = await keyed()
    expect(first.status).toBe(200)
    await alan.buy("pro", "monthly")
    expect(await keyed()).toEqual(first)
    const other = await alan.confirm("qt_other", "key-1")
    expect([other.status, other.body]).toMatchObject([422, { code: "idempotency_conflict" }])
    expect(await alan.book()).toHaveLength(2)
  })
})

describe("R10.2 when the processor's answer is lost", () => {
  const CONFIRM = { method: "POST", path: "/v1/payment_intents/*/confirm" }

  it.each([
    ["after it charged", "lose_answer"],
    ["half-way, after it charged", "truncate"],
    ["by a 500, after it charged", "error_500"],
    ["before it charged", "reset"],
  ])("%s: being confirmed at most, never a failure, then done with one charge", async (_, kind) => {
    const customer = await signIn(`lost-${kind}`)
    const { quoteId } = await customer.quote("plus", "monthly")
    await faults({ match: CONFIRM, fault: { kind }, times: 3 })
    const answer = await customer.confirm(quoteId)
    expect([200, 202]).toContain(answer.status)
    await customer.settled()
    expect(await customer.subscription()).toMatchObject({ plan: "plus", status: "active" })
    expect(await customer.book()).toHaveLength(1)
    expect(await customer.wallet()).toMatchObject({ availableUsd: "20.00" })
  })

  it("while nobody knows, nothing else can be bought, and the customer reads being confirmed", async () => {
    const barbara = await signIn("barbara")
    const { quoteId } = await barbara.quote("plus", "monthly")
    // It charges, and then says nothing to anything that asks about it.
    await faults(
      { match: CONFIRM, fault: { kind: "lose_answer" } },
      { match: { method: "GET", path: "/v1/payment_intents/**" }, fault: { kind: "reset" } },
      { match: { event: "*" }, fault: { kind: "webhook_lose" } },
      { match: { method: "GET", path: "/v1/events" }, fault: { kind: "reset" } },
    )
    const answer = await barbara.confirm(quoteId)
    expect([answer.status, answer.body]).toMatchObject([202, { code: "payment_being_confirmed" }])
    expect(await barbara.subscription()).toMatchObject({
      plan: "free",
      pendingPayment: { status: "being_confirmed", amountUsd: "16.00" },
    })
    const quoted = await barbara.call<{ code: string }>("subscription/quote", {
      json: { plan: "pro", interval: "monthly" },
    })
    expect([quoted.status, quoted.body.code]).toEqual([409, "payment_being_confirmed"])
    expect((await barbara.history()).map(({ status }) => status)).toEqual(["being_confirmed"])
    await faults()
    await advanceClock(system.url, { by: "PT1H" })
    await barbara.settled()
    expect(await barbara.subscription()).toMatchObject({ plan: "plus", status: "active" })
    expect(await obligationsOf(barbara)).toHaveLength(1)
  })

  it("webhooks twice, late and out of order change nothing twice", async () => {
    const tim = await signIn("tim")
    await faults(
      { match: { event: "payment_intent.*" }, fault: { kind: "webhook_duplicate" }, times: 2 },
      { match: { event: "*" }, fault: { kind: "webhook_reorder" } },
    )
    await tim.buy("plus", "monthly")
    await tim.buy("pro", "monthly")
    expect(await tim.book()).toHaveLength(2)
  })
})

describe("Idempotency-Key over a restart", () => {
  it("the first answer is kept by the edge's own database, the command by its service", async () => {
    const edsger = await signIn("edsger")
    const { quoteId } = await edsger.quote("plus", "monthly")
    const first = await edsger.confirm(quoteId, "key-kept")
    const pids = ["edge", "subscriptions"].map((name) => [name, system.pidOf(name)] as const)
    for (const [name, pid] of pids) {
      system.kill(name)
      await system.restarted(name, pid)
    }
    expect(await edsger.confirm(quoteId, "key-kept")).toEqual(first)
    expect((await edsger.confirm("qt_other", "key-kept")).status).toBe(422)
    // Another key is another command: the quote itself knows that it was bought.
    expect((await edsger.confirm(quoteId, "key-new")).status).toBe(200)
    expect(await edsger.book()).toHaveLength(1)
  })
})

describe("slow cards", () => {
  it("a charge of two seconds is waited for, and a second confirm meanwhile gets the same result", async () => {
    const frances = await signIn("frances", "tok_slow")
    const { quoteId } = await frances.quote("plus", "monthly")
    const [first, second] = await Promise.all([frances.confirm(quoteId), frances.confirm(quoteId)])
    expect([first.status, second.status]).toEqual([200, 200])
    expect(await frances.book()).toHaveLength(1)
  })

  it("an answer that is lost once, with the charge made, is found", async () => {
    const niklaus = await signIn("niklaus", "tok_timeout_then_ok")
    await niklaus.buy("plus", "monthly")
    expect(await niklaus.subscription()).toMatchObject({ plan: "plus" })
    expect(await niklaus.book()).toHaveLength(1)
  })
})
