/**
 * Goal: an event or request has one effect and one answer, however often and in whatever company it comes (R6.6, I2).
 * Method: a real ledger process on a real nats-server and database, killed and started again in between.
 */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { encodeCharges, SUBJECTS, type ChargeTuple, type DeadLetter } from "@credits/contracts"
import { publish } from "@credits/bus"
import { partitionOf, usd } from "@credits/kernel"
import { startTestLedger, type TestLedger } from "./ledger.fixture.ts"

const nano = (text: string): string => usd(text).toString()
const USAGE = "openai|gpt-x|book-1|100|20|0|0|0|0|0|1|ok|req-1"

describe("one effect and one answer", () => {
  let ledger: TestLedger
  const deadLetters: Array<DeadLetter> = []

  beforeAll(async () => {
    ledger = await startTestLedger()
    ledger.bus.connection.subscribe(SUBJECTS.deadLetter("ledger"), {
      callback: (_error, message) => void deadLetters.push(message.json<DeadLetter>()),
    })
    await ledger.ready()
  }, 60_000)
  afterAll(() => ledger.stop())

  const funded = async (account: string, credit = "20"): Promise<string> => {
    await ledger.request({ op: "entitle", id: "e1", account, plan: "plus", hostedModels: true, from: 1 })
    await ledger.request({ op: "grant", id: "g1", account, kind: "topup", amount: nano(credit), cause: "test" })
    return account
  }
  const charge = (id: string, account: string, cost: string, hash = `hash of ${id}`): ChargeTuple => [
    id,
    account,
    1_000,
    nano(cost),
    "",
    hash,
    USAGE,
  ]
  const send = (...charges: ReadonlyArray<ChargeTuple>) =>
    publish(ledger.bus.js, SUBJECTS.ledgerCommand(partitionOf(charges[0]![1])), encodeCharges(charges))
  const spent = async (account: string, expected: string): Promise<void> => {
    await ledger.until(
      `${account} spent ${expected}`,
      () => ledger.wallet(account),
      (wallet) => wallet.totals.spent === nano(expected),
    )
  }
  /** A charge behind the others: when it has counted, so has everything before it. */
  const mark = (account: string, n: number) => charge(`mark-${n}`, account, "0.01")

  it("R6.6 I2 an event is charged once and a request answered once, also after a crash", async () => {
    const account = await funded("acc_once")
    const event = charge("evt-1", account, "3")
    await send(event, event, event)
    await send(event, mark(account, 1))
    await spent(account, "3.01")
    const request = { op: "authorize", id: "a1", account, amount: nano("5") }
    const first = await ledger.request(request)
    await ledger.request({ op: "release", id: "r1", account, holdId: first.ok.holdId })
    await ledger.kill()
    ledger.start()
    await ledger.ready()
    await send(event, event, mark(account, 2))
    await spent(account, "3.02")
    const { ok } = await ledger.request({ op: "statement", account, kind: "charged" })
    assert.strictEqual(ok.items.length, 3)
    assert.deepStrictEqual(await ledger.request(request), first)
    assert.strictEqual((await ledger.wallet(account)).held, "0")
  })

  it("R6.5 usage that went to review is charged when it is sent again after its reason is gone", async () => {
    const account = "acc_reviewed"
    const event = charge("evt-early", account, "3")
    await send(event)
    await ledger.until(
      "the dead letter",
      () => Promise.resolve(deadLetters.find((letter) => letter.account === account)),
      (letter) => letter?.reason === "no_entitlement",
    )
    await funded(account)
    await send(event, event, mark(account, 1))
    await spent(account, "3.01")
  })

  it("R6.6 the same id with another body is kept for review, uncharged; the first stands", async () => {
    const account = await funded("acc_other")
    await send(charge("evt-1", account, "3"), charge("evt-1", account, "4", "another body"), mark(account, 1))
    await spent(account, "3.01")
    const letter = await ledger.until(
      "the dead letter",
      () => Promise.resolve(deadLetters.find((candidate) => candidate.account === account)),
      (found) => found !== undefined,
    )
    assert.strictEqual(letter?.reason, "id_conflict")
    assert.strictEqual(letter?.origin.index, 1)
  })

  it("R6.6 a re-rating of the same event after a crash is no conflict: what was charged first stands", async () => {
    const account = await funded("acc_rerated")
    const before = deadLetters.length
    await send(charge("evt-1", account, "3"), charge("evt-1", account, "2.50"), mark(account, 1))
    await spent(account, "3.01")
    assert.strictEqual(deadLetters.length, before)
  })

  it("R6.6 the same event id of another account is another event", async () => {
    const [one, two] = [await funded("acc_ida"), await funded("acc_idb")]
    await send(charge("evt-1", one, "1"))
    await send(charge("evt-1", two, "2"))
    await spent(one, "1")
    await spent(two, "2")
  })

  it("R6.6 a request's id with another body is a typed conflict and changes nothing", async () => {
    const account = await funded("acc_again")
    await ledger.request({ op: "authorize", id: "a1", account, amount: nano("5") })
    const other = await ledger.request({ op: "authorize", id: "a1", account, amount: nano("6") })
    assert.strictEqual(other.refused.code, "id_conflict")
    assert.strictEqual((await ledger.wallet(account)).held, nano("5"))
  })

  it("R6.6 a refused authorization keeps its answer; a retryable one is decided anew", async () => {
    const account = await funded("acc_refused", "1")
    const tooMuch = { op: "authorize", id: "a1", account, amount: nano("5") }
    const first = await ledger.request(tooMuch)
    assert.strictEqual(first.refused.code, "insufficient_balance")
    await ledger.request({ op: "mark", id: "m1", account, mark: "refill", until: Date.now() + 600_000 })
    const waiting = { ...tooMuch, id: "a2" }
    assert.strictEqual((await ledger.request(waiting)).refused.code, "top_up_in_progress")
    await ledger.request({ op: "grant", id: "g2", account, kind: "topup", amount: nano("9"), cause: "top-up" })
    assert.deepStrictEqual(await ledger.request(tooMuch), first)
    assert.strictEqual((await ledger.request(waiting)).ok.held, nano("5"))
  })

  it("R7.4 a charge is reversed once, whoever asks; one refused for its amount may be asked again", async () => {
    const account = await funded("acc_reversed")
    await send(charge("evt-1", account, "3"))
    await spent(account, "3")
    const reverse = (id: string, amount: string) =>
      ledger.request({ op: "reverse", id, account, chargeId: "evt-1", amount: nano(amount), reason: "wrong price" })
    assert.strictEqual((await reverse("v0", "3.50")).refused.code, "invalid")
    const first = await reverse("v1", "1")
    assert.strictEqual(first.ok.availableAfter, nano("18"))
    assert.deepStrictEqual(await reverse("v2", "1"), first)
    assert.strictEqual((await reverse("v3", "2")).refused.code, "id_conflict")
    await spent(account, "2")
  })

  it("R7.4 re-ratings count earlier reversals; asked at the same moment, they never exceed the charge", async () => {
    const account = await funded("acc_corrected")
    await send(charge("evt-1", account, "3"), charge("evt-2", account, "3"))
    await spent(account, "6")
    const reverse = (chargeId: string, amount: string, nth?: number) => {
      const numbered = nth === undefined ? {} : { nth }
      const request = { op: "reverse", id: `v${nth}`, account, chargeId, amount: nano(amount), ...numbered }
      return ledger.request({ ...request, reason: "wrong price" })
    }
    assert.isDefined((await reverse("evt-1", "1")).ok)
    const second = await reverse("evt-1", "1.50", 2)
    assert.isDefined(second.ok)
    assert.deepStrictEqual(await reverse("evt-1", "1.50", 2), second)
    assert.strictEqual((await reverse("evt-1", "0.25", 2)).refused.code, "id_conflict")
    assert.strictEqual((await reverse("evt-1", "0.75", 3)).refused.code, "invalid")
    assert.isDefined((await reverse("evt-1", "0.50", 3)).ok)
    assert.strictEqual((await reverse("evt-1", "0.01", 4)).refused.code, "already_reversed")
    const [support, rerating] = await Promise.all([reverse("evt-2", "2"), reverse("evt-2", "2", 1)])
    assert.deepStrictEqual([support.ok, rerating.ok].filter((ok) => ok !== undefined).length, 1)
    await spent(account, "1")
  })
})
