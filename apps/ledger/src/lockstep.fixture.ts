/**
 * Ledger and reference model side by side: every step is put to both, and after it everything they both know must be
 * equal.
 * Owns the translation of a step into the ledger's commands and of the ledger's outcomes into the model's words.
 */
import { assert } from "vitest"
import type { ExchangeAnswer } from "@credits/contracts"
import { ACCOUNT, Desk, holdId, lotId } from "./account.fixture.ts"
import { assertHolds } from "./account.ts"
import type { WriteCommand } from "./command.ts"
import { decide } from "./decide.ts"
import { BUCKETS } from "./entry.ts"
import type { Outcome } from "./outcome.ts"
import { available, burnOrder, emptyModel, frozen, held, TICK_MS, type Model } from "./model.fixture.ts"
import { aim, causeOf, sayOf, untilOf, type Drawn, type Granted, type Said, type Step } from "./model-steps.fixture.ts"

/** The entry count is the ledger's own business. */
const withoutSeq = (answer: unknown): unknown => {
  if (Array.isArray(answer)) return answer.map(withoutSeq)
  if (typeof answer !== "object" || answer === null) return answer
  const kept = Object.entries(answer).filter(([name]) => name !== "seq")
  return Object.fromEntries(kept.map(([name, value]) => [name, withoutSeq(value)]))
}

const saidBy = (outcome: Outcome): Said => {
  if (outcome._tag === "answered") return { answered: withoutSeq(outcome.answer) }
  return outcome._tag === "refused" ? { refused: outcome.refusal.code } : { review: outcome.reason }
}

export class Lockstep {
  readonly desk = new Desk()
  readonly model: Model = emptyModel()
  readonly #drawn: Drawn = { lots: 0, holds: 0 }
  readonly #charges: Array<string> = []
  readonly #reversed = new Set<string>()

  /** Puts one step to both; returns what happened, for coverage. */
  take(drawn: Step): string {
    const step = aim(this.model, this.#drawn, drawn)
    // One reversal a charge: the service's idempotency key sees to that (R7.4).
    const charge = step.op === "reverse" ? (this.#charges[step.charge] ?? "evt-none") : `evt-${this.#charges.length}`
    if (step.op === "reverse" && this.#reversed.has(charge)) return "reverse:again"
    const said = saidBy(this.#ask(step, charge))
    const expected = sayOf(this.model, this.#drawn, step, charge)
    assert.deepStrictEqual(said, expected, `answer to ${step.op}`)
    if (step.op === "charge" && "answered" in said) this.#charges.push(charge)
    if (step.op === "reverse" && "answered" in said) this.#reversed.add(charge)
    this.compare()
    this.#note()
    if (step.op === "exchange" && "answered" in said) this.#noteExchange(step.back, said.answered)
    return `${step.op}:${"refused" in said ? said.refused : "review" in said ? said.review : "answered"}`
  }

  /** Which of the rare situations this life has been in. */
  readonly situations = new Set<string>()

  #note(): void {
    const { account } = this.desk
    if (account.residues > 0) this.situations.add("an expired lot kept for holds")
    if (account.residues > 1) this.situations.add("several expired lots kept for holds")
    if (account.debt > 0n && account.held > 0n) this.situations.add("debt beside open holds")
    if (account.frozen > 0n && account.held > 0n) this.situations.add("frozen credit beside open holds")
    if (account.frozen > 0n && account.debt > 0n) this.situations.add("frozen credit beside debt")
    const last = this.desk.entries.at(-1)
    const causes = account.lots.filter((lot) => lot.remaining > 0n && lot.residue === null).map((lot) => lot.cause)
    if (new Set(causes).size < causes.length) this.situations.add("several lots of one cause")
    if (last !== undefined && last.also.length > 0) this.situations.add(`${last.kind} pays debt or expires a rest`)
  }

  #noteExchange(back: number, answer: unknown): void {
    const { revoked, lotId: opened } = answer as ExchangeAnswer
    if (back > 0 && revoked === String(back)) this.situations.add("an exchange that gets back all it wants")
    if (back > Number(revoked) && revoked !== "0") this.situations.add("an exchange that gets back a part")
    if (back > 0 && revoked === "0") this.situations.add("an exchange that gets back nothing")
    if (opened === null) this.situations.add("an exchange with nothing left to grant")
  }

  #ask(step: Step, charge: string): Outcome {
    const { desk } = this
    const done = (): Outcome => ({ _tag: "answered", answer: { availableAfter: desk.account.available.toString() } })
    switch (step.op) {
      case "authorize": {
        const atLeast = step.atLeast === null ? null : BigInt(Math.min(step.atLeast, step.amount))
        return desk.authorize(BigInt(step.amount), atLeast, step.ttl * TICK_MS)
      }
      case "extend":
        return desk.extend(holdId(step.hold), BigInt(step.amount))
      case "release":
        return desk.release(holdId(step.hold))
      case "charge": {
        const occurredAt = desk.now - step.ago * TICK_MS
        return desk.charge(BigInt(step.cost), {
          id: charge,
          occurredAt,
          holdId: step.hold === null ? "" : holdId(step.hold),
        })
      }
      case "reverse":
        return desk.reverse(charge, step.amount === null ? null : BigInt(step.amount))
      case "freeze":
        return desk.freeze("looked at by support")
      case "unfreeze":
        return desk.unfreeze()
      case "restart":
        desk.restart()
        return done()
      case "takeover":
        desk.holdsMayExpire = false
        return done()
      case "caughtUp":
        // A new owner looks again after a second.
        desk.holdsMayExpire = true
        desk.at(desk.now + TICK_MS)
        return done()
      case "advance":
        desk.at(desk.now + step.ticks * TICK_MS)
        return done()
      default:
        return desk.run((context, entries) => decide(desk.account, this.#command(step), context, entries, null))
    }
  }

  /** Commands that may stand in a group go through the service's own dispatch. */
  #command(step: Step): WriteCommand {
    const id = this.desk.commandId()
    const common = { account: ACCOUNT, key: `${step.op}:${id}`, content: "", id }
    const until = (ticks: number | null) => (ticks === null ? null : untilOf(this.model, ticks))
    const granted = ({ kind, amount, life, cause }: Granted) => ({
      kind,
      amount: BigInt(amount),
      expiresAt: until(life),
      cause: causeOf(cause),
    })
    switch (step.op) {
      case "grant":
        return { ...common, op: "grant", ...granted(step), reason: "" }
      case "exchange": {
        const { from, back, grant } = step
        const [cause, wanted] = [causeOf(from), granted(grant)]
        return {
          ...common,
          op: "exchange",
          from: cause,
          back: BigInt(back),
          fromExpiresAt: null,
          grant: wanted,
          reason: "",
        }
      }
      case "revoke":
        return { ...common, op: "revoke", lotId: lotId(step.lot), amount: BigInt(step.amount), reason: "" }
      case "adjust":
        return { ...common, op: "adjust", amount: BigInt(step.amount), reason: "support", expiresAt: until(step.life) }
      case "mark":
        return { ...common, op: "mark", mark: step.mark, until: untilOf(this.model, step.life) }
      case "entitle": {
        const { now } = this.model
        const entitlement = {
          plan: step.hosted ? "plus" : "free",
          hostedModels: step.hosted,
          from: step.ago === 0 ? null : now - step.ago * TICK_MS,
          until: untilOf(this.model, step.life),
          pastDue: step.pastDue,
          lowBelow: null,
          cycle: step.cycle === null ? null : { start: now, end: now + step.cycle * TICK_MS },
        }
        return { ...common, op: "entitle", entitlement, reason: "" }
      }
      case "group":
        return { ...common, op: "group", commands: step.steps.map((inner) => this.#command(inner)) }
      default:
        throw new Error(`${step.op} is asked elsewhere`)
    }
  }

  /** Buckets, lots one by one, holds one by one, and what must hold for every account at any time. */
  compare(): void {
    const { account } = this.desk
    const { model } = this
    assert.strictEqual(this.desk.now, model.now)
    const ours = Object.fromEntries(BUCKETS.map((bucket) => [bucket, Number(account[bucket])]))
    const { granted, debt, spent, expired, revoked } = model
    const counted = { held: held(model), available: available(model), frozen: frozen(model) }
    assert.deepStrictEqual(ours, { granted, debt, spent, ...counted, expired, revoked })
    assert.deepStrictEqual(
      account.lots
        .filter((lot) => lot.remaining > 0n)
        .map((lot) => [lot.id, Number(lot.remaining), lot.residue !== null]),
      burnOrder(model)
        .map((lot) => [lot.id, model.units.filter((u) => u.lot === lot && u.spendable).length, lot.closedAt !== null])
        .filter(([, left]) => left !== 0),
    )
    assert.deepStrictEqual(
      [...(account.holds?.values() ?? [])].map((hold) => [hold.id, Number(hold.amount), hold.expiresAt]),
      model.holds.map((hold) => [hold.id, hold.promises.length, hold.expiresAt]),
    )
    assertHolds(account)
    for (const bucket of BUCKETS) assert.isTrue(account[bucket] >= 0n, `${bucket} is negative`)
    // I4: what is promised and what is spent is covered by grants or is owed.
    assert.isTrue(account.held + account.spent <= account.granted + account.debt, "I4")
    assert.isTrue(account.residues === account.lots.filter((lot) => lot.residue !== null).length)
  }
}
