/**
 * The method machine driven by hand. Goal: one card an account, replaced only when there is another, what is known of
 * it never more than R10.3 allows, and a card that was refused for good never charged again.
 */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import type { SagaAnswer } from "@credits/actor/saga"
import type { PaymentFact } from "@credits/contracts"
import type { Card } from "./card.ts"
import { methodMachine } from "./method.ts"
import { chargeable, methodView, type MethodCommand, type MethodNotice, type MethodOutcome } from "./method-state.ts"

const ACCOUNT = "acc_one"
const START = Date.UTC(2027, 0, 15)
const DAY_MS = 86_400_000

const card = (id: string, change: Partial<Card> = {}): Card => ({
  id,
  brand: "visa",
  last4: "4242",
  expMonth: 12,
  expYear: 2030,
  fingerprint: `fp_${id}`,
  ...change,
})

type Input = Parameters<typeof methodMachine.decide>[1]

class DrivenMethod {
  readonly facts: Array<PaymentFact> = []
  readonly owners: Array<string> = []
  now = START
  #text = methodMachine.encode(methodMachine.initial(ACCOUNT))

  get state() {
    return methodMachine.decode(this.#text)
  }

  get steps() {
    return methodMachine.steps(this.state)
  }

  decide(input: Input, now = this.now): SagaAnswer | null {
    const before = this.state
    const decision = methodMachine.decide(before, input, { now, newId: (prefix) => `${prefix}_1`, env: null })
    const [from, to] = [methodMachine.phases(before)["method"], methodMachine.phases(decision.state)["method"]]
    const isDrawn = methodMachine.transitions["method"]!.some((arrow) => arrow.from === from && arrow.to === to)
    assert.isTrue(from === to || isDrawn, `no arrow from ${from} to ${to}`)
    this.#text = methodMachine.encode(decision.state)
    assert.deepEqual(this.state, decision.state)
    this.facts.push(...decision.facts)
    this.owners.push(...decision.rows.map(({ id }) => id))
    return decision.answer
  }

  command(command: MethodCommand): SagaAnswer | null {
    return this.decide({ type: "command", id: "", command })
  }

  outcome(outcome: MethodOutcome): void {
    const [step] = this.steps
    assert.isDefined(step, `nothing is under way for ${outcome.kind}`)
    this.decide({ type: "outcome", step: step!.id, outcome })
  }

  notice(notice: MethodNotice): void {
    this.decide({ type: "notice", notice })
  }

  advance(ms: number): void {
    const end = this.now + ms
    for (let due = methodMachine.nextDue(this.state); due !== null && due <= end;) {
      this.now = Math.max(this.now, due)
      this.decide({ type: "due" }, due)
      due = methodMachine.nextDue(this.state)
    }
    this.now = end
  }

  save(request: string, saved: Card, token = "tok_ok"): SagaAnswer | null {
    const command = { op: "method-save", id: request, setupToken: token } as const
    this.command(command)
    if (this.steps[0]?.kind === "customer") this.outcome({ kind: "customer", id: "cus_1" })
    this.outcome({ kind: "saved", card: saved })
    return methodMachine.reply(this.state, command, false)
  }

  detachAll(): void {
    while (this.steps[0]?.kind === "detach") this.outcome({ kind: "detached" })
  }
}

const kinds = (method: DrivenMethod) => method.facts.map(({ kind }) => kind)

describe("payment method", () => {
  it("R10.3 a saved card is its brand, last four, expiry, fingerprint and id, nothing of what saved it", () => {
    const method = new DrivenMethod()
    const answer = method.save("r1", card("pm_1"), "tok_secret")
    const expected = { ...card("pm_1"), status: "usable" }
    assert.deepEqual(answer, { ok: expected })
    assert.deepEqual(chargeable(method.state, method.now), {
      customer: "cus_1",
      method: expected,
      refusal: null,
    } as never)
    assert.notInclude(JSON.stringify(method.state), "tok_secret")
    assert.deepEqual(method.owners, ["cus_1", "pm_1"])
    assert.deepEqual(kinds(method), ["method_saved"])
  })

  it("the customer is made once, under a key of its own", () => {
    const method = new DrivenMethod()
    method.command({ op: "method-setup" })
    const { id } = method.steps[0]!
    assert.match(id, /^cus:acc_one:create~/)
    method.outcome({ kind: "again", detail: "no answer", isOver: false })
    method.advance(2_000)
    assert.match(method.steps[0]!.id, /^cus:acc_one:create~/)
    method.outcome({ kind: "again", detail: "a stored server error", isOver: true })
    method.advance(5_000)
    assert.match(method.steps[0]!.id, /^cus:acc_one:create:2~/)
    method.outcome({ kind: "customer", id: "cus_1" })
    method.outcome({ kind: "setup", id: "seti_1", clientSecret: "secret" })
    method.save("r1", card("pm_1"))
    assert.equal(method.owners.filter((id) => id.startsWith("cus_")).length, 1)
  })

  it("a card is replaced: the one before is let go only after the new one is saved", () => {
    const method = new DrivenMethod()
    method.save("r1", card("pm_1"))
    method.command({ op: "method-save", id: "r2", setupToken: "tok_other" })
    assert.equal(method.state.card?.id, "pm_1")
    method.outcome({ kind: "saved", card: card("pm_2") })
    assert.equal(method.state.card?.id, "pm_2")
    assert.deepInclude(method.state.tasks[0], { kind: "detach", subject: "pm_1" })
    method.detachAll()
    assert.deepEqual(method.steps, [])
  })

  it("a card that the processor refuses leaves the one before as it was", () => {
    const method = new DrivenMethod()
    method.save("r1", card("pm_1"))
    const command = { op: "method-save", id: "r2", setupToken: "tok_bad" } as const
    method.command(command)
    method.outcome({ kind: "refused", code: "setup_token_invalid", detail: "unknown" })
    assert.nestedPropertyVal(methodMachine.reply(method.state, command, false), "refused.code", "setup_token_invalid")
    assert.equal(method.state.card?.id, "pm_1")
    assert.deepEqual(kinds(method), ["method_saved"])
  })

  it("what is entered last stays: saves keep their order although one has to wait", () => {
    const method = new DrivenMethod()
    method.save("r0", card("pm_0"))
    method.detachAll()
    method.command({ op: "method-save", id: "r1", setupToken: "tok_one" })
    method.command({ op: "method-save", id: "r2", setupToken: "tok_two" })
    method.outcome({ kind: "again", detail: "no answer", isOver: false })
    assert.deepEqual(method.steps, [])
    method.advance(2_000)
    method.outcome({ kind: "saved", card: card("pm_1") })
    method.outcome({ kind: "saved", card: card("pm_2") })
    assert.equal(method.state.card?.id, "pm_2")
  })

  it("a processor that does not answer is given up after a few tries, and the caller told", () => {
    const method = new DrivenMethod()
    method.save("r1", card("pm_1"))
    const command = { op: "method-save", id: "r2", setupToken: "tok_two" } as const
    method.command(command)
    for (let i = 0; i < 5; i++) {
      method.outcome({ kind: "again", detail: "no answer", isOver: false })
      method.advance(60_000)
    }
    assert.nestedPropertyVal(methodMachine.reply(method.state, command, false), "refused.code", "unavailable")
    assert.deepEqual(method.steps, [])
  })

  it("a set-up's secret is given again while it is good, and made anew after that", () => {
    const method = new DrivenMethod()
    method.command({ op: "method-setup" })
    method.outcome({ kind: "customer", id: "cus_1" })
    method.outcome({ kind: "setup", id: "seti_1", clientSecret: "secret_1" })
    assert.deepEqual(method.command({ op: "method-setup" }), { ok: { clientSecret: "secret_1" } })
    method.advance(3_600_000)
    assert.isNull(method.command({ op: "method-setup" }))
    method.outcome({ kind: "setup", id: "seti_2", clientSecret: "secret_2" })
    assert.deepEqual(methodMachine.reply(method.state, { op: "method-setup" }, false), {
      ok: { clientSecret: "secret_2" },
    })
  })

  it("R9.6 a final decline blocks the card by its fingerprint, also when it is saved again", () => {
    const method = new DrivenMethod()
    method.save("r1", card("pm_1"))
    const notice = { type: "declined", key: "chg_1:1", fingerprint: "fp_pm_1", code: "generic", isFinal: true } as const
    method.notice(notice)
    method.notice(notice)
    assert.equal(methodView(method.state, method.now)?.status, "blocked")
    assert.equal(chargeable(method.state, method.now)?.refusal?.class, "final")
    const again = method.save("r2", card("pm_9", { fingerprint: "fp_pm_1" }))
    assert.nestedPropertyVal(again, "refused.code", "card_refused")
    assert.deepInclude(method.state.tasks[0], { kind: "detach", subject: "pm_9" })
    method.detachAll()
    method.save("r3", card("pm_2"))
    assert.isNull(chargeable(method.state, method.now)!.refusal)
    assert.deepEqual(kinds(method), ["method_saved", "method_blocked", "method_saved"])
  })

  it("A5: eight declines of a card in 30 days are enough, until they are old", () => {
    const method = new DrivenMethod()
    method.save("r1", card("pm_1"))
    for (let i = 0; i < 8; i++) {
      assert.isNull(chargeable(method.state, method.now)!.refusal)
      method.notice({ type: "declined", key: `chg_${i}:1`, fingerprint: "fp_pm_1", code: "x", isFinal: false })
    }
    assert.equal(chargeable(method.state, method.now)?.refusal?.code, "too_many_declines")
    method.advance(30 * DAY_MS)
    assert.isNull(chargeable(method.state, method.now)!.refusal)
  })

  it("R11 a card that expires is told once, on the 1st of its month, and is expired after it", () => {
    const method = new DrivenMethod()
    method.save("r1", card("pm_1", { expMonth: 3, expYear: 2027 }))
    assert.equal(methodMachine.nextDue(method.state), Date.UTC(2027, 2, 1))
    method.advance(Date.UTC(2027, 2, 20) - method.now)
    assert.deepEqual(kinds(method), ["method_saved", "method_expiring"])
    assert.equal(method.facts[1]!.at, Date.UTC(2027, 2, 1))
    assert.equal(methodView(method.state, Date.UTC(2027, 2, 31, 23, 59, 59, 999))?.status, "usable")
    assert.equal(methodView(method.state, Date.UTC(2027, 3, 1))?.status, "expired")
    assert.isNull(methodMachine.nextDue(method.state))
  })

  it("R11 a bank that renews the card's date takes the reminder back", () => {
    const method = new DrivenMethod()
    method.save("r1", card("pm_1", { expMonth: 3, expYear: 2027 }))
    method.notice({ type: "card", card: card("pm_1", { expMonth: 3, expYear: 2031 }) })
    assert.equal(methodMachine.nextDue(method.state), Date.UTC(2031, 2, 1))
  })

  it("a card is removed, here or at the processor, once", () => {
    const method = new DrivenMethod()
    method.save("r1", card("pm_1"))
    assert.deepEqual(method.command({ op: "method-remove", id: "r2" }), { ok: null })
    assert.isNull(chargeable(method.state, method.now))
    assert.deepEqual(method.command({ op: "method-remove", id: "r3" }), { ok: null })
    method.detachAll()
    method.save("r4", card("pm_2"))
    method.notice({ type: "detached", id: "pm_1" })
    assert.equal(method.state.card?.id, "pm_2")
    method.notice({ type: "detached", id: "pm_2" })
    assert.isNull(method.state.card)
    assert.deepEqual(kinds(method), ["method_saved", "method_removed", "method_saved", "method_removed"])
    assert.equal(method.facts[1]!.method?.id, "pm_1")
  })

  it("whatever happens, the last card that was saved is the one there is, and every other one is let go", () => {
    const happening = fc.oneof(
      fc.record({ do: fc.constant("save" as const), number: fc.nat({ max: 3 }) }),
      fc.constant({ do: "remove" as const }),
      fc.constant({ do: "done" as const }),
      fc.record({ do: fc.constant("again" as const), isOver: fc.boolean() }),
      fc.constant({ do: "pass" as const }),
    )
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 40 }), (life) => {
        const method = new DrivenMethod()
        const attached = new Set<string>()
        let ids = 0
        let requests = 0
        const answer = (outcome: "done" | "again", isOver: boolean): void => {
          const [step] = method.steps
          if (step === undefined) return
          if (outcome === "again") return method.outcome({ kind: "again", detail: "no answer", isOver })
          if (step.kind === "customer") return method.outcome({ kind: "customer", id: "cus_1" })
          if (step.kind === "setup") return method.outcome({ kind: "setup", id: "seti_1", clientSecret: "s" })
          if (step.kind === "save") {
            const id = `pm_${++ids}`
            attached.add(id)
            return method.outcome({ kind: "saved", card: card(id) })
          }
          const { subject } = method.state.tasks.find((task) => task.kind === "detach" && task.at === null)!
          attached.delete(subject)
          method.outcome({ kind: "detached" })
        }
        for (const event of life) {
          if (event.do === "save") {
            method.command({ op: "method-save", id: `r${++requests}`, setupToken: `tok_${event.number}` })
          } else if (event.do === "remove") method.command({ op: "method-remove", id: `r${++requests}` })
          else if (event.do === "pass") method.advance(60_000)
          else answer(event.do, event.do === "again" && event.isOver)
        }
        for (let i = 0; i < 200 && method.state.tasks.length > 0; i++) {
          if (method.steps.length === 0) method.advance(900_000)
          else answer("done", false)
        }
        assert.deepEqual([...attached], method.state.card === null ? [] : [method.state.card.id])
      }),
    )
  })
})
