/**
 * Steps of an account's life: what can be asked, and what the reference model answers. Owns the answers and refusals;
 * what credit does is in the model's own file.
 */
import type { LotKind } from "@credits/contracts"
import { holdId, lotId } from "./account.fixture.ts"
import { NEVER } from "./lot.ts"
import {
  advance,
  available,
  closeHold,
  entitle,
  frozen,
  openLot,
  pay,
  settle,
  TICK_MS,
  unheld,
  wasEntitled,
  burnOrder,
  type Model,
} from "./model.fixture.ts"

/** `cause` is one of a few, so that an exchange finds a lot, several or none. */
export interface Granted {
  readonly kind: LotKind
  readonly amount: number
  readonly life: number | null
  readonly cause: number
}

/**
 * Lives and delays are ticks. `hold`, `lot` and `charge` are drawn as any number and pointed at something there is
 * before the step is taken (`aim`); from then on they are the n-th hold, lot or charge. `null` means none.
 */
export type Step =
  | ({ readonly op: "grant" } & Granted)
  | { readonly op: "authorize"; readonly amount: number; readonly atLeast: number | null; readonly ttl: number }
  | { readonly op: "extend"; readonly hold: number; readonly amount: number }
  | { readonly op: "release"; readonly hold: number }
  | { readonly op: "charge"; readonly hold: number | null; readonly cost: number; readonly ago: number }
  | { readonly op: "reverse"; readonly charge: number; readonly amount: number | null }
  | { readonly op: "revoke"; readonly lot: number; readonly amount: number }
  | { readonly op: "exchange"; readonly from: number; readonly back: number; readonly grant: Granted }
  | { readonly op: "adjust"; readonly amount: number; readonly life: number | null }
  | {
      readonly op: "entitle"
      readonly hosted: boolean
      readonly ago: number
      readonly life: number | null
      readonly pastDue: boolean
      readonly cycle: number | null
    }
  | { readonly op: "freeze" | "unfreeze" | "takeover" | "caughtUp" | "restart" }
  | { readonly op: "mark"; readonly mark: "refill" | "renewal"; readonly life: number }
  | { readonly op: "advance"; readonly ticks: number }
  | { readonly op: "group"; readonly steps: ReadonlyArray<Step> }

const HOLD_NUMBER = /^hold_0*(\d+?)(?=test$)/

/** Most of the time at what is open or there; now and then at what is gone or never was. */
export const aim = (model: Model, drawn: Drawn, step: Step): Step => {
  const open = model.holds.map((hold) => Number(HOLD_NUMBER.exec(hold.id)![1]))
  const among = (n: number, count: number) => (count === 0 ? n : 1 + (n % (count + 1)))
  const hold = (n: number) => (n <= 24 && open.length > 0 ? open[n % open.length]! : among(n, drawn.holds))
  switch (step.op) {
    case "extend":
    case "release":
      return { ...step, hold: hold(step.hold) }
    case "charge":
      return { ...step, hold: step.hold === null ? null : hold(step.hold) }
    case "reverse":
      return { ...step, charge: among(step.charge, model.charges.length) - 1 }
    case "revoke":
      return { ...step, lot: among(step.lot, drawn.lots) }
    case "group":
      return { ...step, steps: step.steps.map((inner) => aim(model, drawn, inner)) }
    default:
      return step
  }
}

/** An outcome in the words that ledger and model have in common. */
export type Said = { readonly answered: unknown } | { readonly refused: string } | { readonly review: string }

/** Ids drawn so far. Kept apart from the model, because a refused group draws ids too. */
export interface Drawn {
  lots: number
  holds: number
}

const refused = (code: string): Said => ({ refused: code })
const done = (model: Model): Said => ({ answered: { availableAfter: String(available(model)) } })
export const untilOf = (model: Model, ticks: number | null): number =>
  ticks === null ? NEVER : model.now + ticks * TICK_MS

const open = (
  model: Model,
  drawn: Drawn,
  { kind, amount, life }: Pick<Granted, "kind" | "amount" | "life">,
  cause = "",
): Said => {
  const expiresAt = untilOf(model, life)
  if (expiresAt <= model.now) return refused("invalid")
  const id = lotId((drawn.lots += 1))
  openLot(model, { id, kind, expiresAt }, amount, cause)
  model.granted += amount
  settle(model)
  const remaining = model.units.filter((unit) => unit.lot.id === id && unit.spendable).length
  return { answered: { lotId: id, remaining: String(remaining), availableAfter: String(available(model)) } }
}

const shortOf = (model: Model): Said => {
  if (model.renewalUntil > model.now) return refused("renewal_in_progress")
  if (model.refillUntil > model.now) return refused("top_up_in_progress")
  return refused(model.pastDue ? "payment_past_due" : "insufficient_balance")
}

const barred = (model: Model): Said | null => {
  if (model.frozen) return refused("account_frozen")
  if (model.entitled) return null
  return refused(model.renewalUntil > model.now ? "renewal_in_progress" : "plan_required")
}

const holdNow = (model: Model, id: string): Said => {
  const hold = model.holds.find((candidate) => candidate.id === id)!
  const { expiresAt } = hold
  const amount = String(hold.promises.length)
  return { answered: { holdId: id, held: amount, expiresAt, availableAfter: String(available(model)) } }
}

const authorized = (model: Model, drawn: Drawn, wanted: Extract<Step, { op: "authorize" }>): Said => {
  const no = barred(model)
  if (no !== null) return no
  const there = available(model)
  const least = wanted.atLeast === null || wanted.atLeast === 0 ? wanted.amount : wanted.atLeast
  if (model.debt > 0 || Math.min(wanted.amount, least) > there) return shortOf(model)
  const id = holdId((drawn.holds += 1))
  const promises = Array.from({ length: Math.min(wanted.amount, there) }, () => model.moment)
  model.holds.push({ id, expiresAt: model.now + wanted.ttl * TICK_MS, promises })
  settle(model)
  return holdNow(model, id)
}

const extended = (model: Model, id: string, amount: number): Said => {
  const hold = model.holds.find((candidate) => candidate.id === id)
  if (hold === undefined) return refused("hold_not_open")
  const no = barred(model)
  if (no !== null) return no
  if (model.debt > 0 || amount > available(model)) return shortOf(model)
  for (let i = 0; i < amount; i++) hold.promises.push(model.moment)
  settle(model)
  return holdNow(model, id)
}

const charged = (model: Model, id: string, hold: string | null, cost: number, at: number): Said => {
  const open = model.holds.find((candidate) => candidate.id === hold)
  // A hold that was given once proves the call was authorized.
  if (hold === null && !wasEntitled(model, at)) return { review: "no_entitlement" }
  const paid = pay(model, open, cost)
  model.charges.push({ id, cost, paid })
  settle(model)
  return { answered: null }
}

const reversed = (model: Model, drawn: Drawn, id: string, wanted: number | null): Said => {
  const charge = model.charges.find((candidate) => candidate.id === id)
  if (charge === undefined) return refused("charge_not_found")
  const amount = wanted ?? charge.cost
  if (amount <= 0 || amount > charge.cost) return refused("invalid")
  const owed = Math.min(amount, charge.cost - charge.paid.length)
  const forgiven = Math.min(owed, model.debt)
  model.debt -= forgiven
  model.spent -= amount
  const paidSince = owed - forgiven
  let asAdjustment = paidSince
  for (const unit of charge.paid.toReversed().slice(0, amount - owed)) {
    if (unit.lot.closedAt === null && unit.lot.expiresAt > model.now) unit.spendable = true
    else asAdjustment += 1
  }
  if (asAdjustment > 0) {
    const inCycle = paidSince === 0 && model.cycleEnd !== null && model.cycleEnd > model.now
    const end = inCycle ? model.cycleEnd! : NEVER
    openLot(model, { id: lotId((drawn.lots += 1)), kind: "adjustment", expiresAt: end }, asAdjustment)
  }
  settle(model)
  return done(model)
}

const revoked = (model: Model, id: string, amount: number): Said => {
  const lot = model.lots.find((candidate) => candidate.id === id)
  if (lot === undefined || lot.expiresAt <= model.now) return refused("lot_not_found")
  const units = unheld(model).filter((unit) => unit.lot === lot)
  const taken = units.slice(0, amount)
  for (const unit of taken) unit.spendable = false
  model.revoked += taken.length
  settle(model)
  return { answered: { revoked: String(taken.length), availableAfter: String(available(model)) } }
}

export const causeOf = (n: number): string => `intent-${n}`

const exchanged = (model: Model, drawn: Drawn, step: Extract<Step, { op: "exchange" }>): Said => {
  const { from, back, grant } = step
  if (untilOf(model, grant.life) <= model.now) return refused("invalid")
  const taken = unheld(model)
    .filter((unit) => unit.lot.cause === causeOf(from))
    .slice(0, back)
  const granted = Math.max(0, grant.amount - (back - taken.length))
  let id: string | null = null
  if (granted > 0) {
    open(model, drawn, { ...grant, amount: granted }, causeOf(grant.cause))
    id = lotId(drawn.lots)
  }
  for (const unit of taken) unit.spendable = false
  model.revoked += taken.length
  settle(model)
  const [revoked, availableAfter] = [String(taken.length), String(available(model))]
  return { answered: { revoked, granted: String(granted), lotId: id, availableAfter } }
}

const adjusted = (model: Model, amount: number): Said => {
  if (amount > available(model) + frozen(model)) return refused("insufficient_balance")
  const rank = burnOrder(model).filter((lot) => lot.closedAt === null)
  const lots = [...rank.filter((lot) => lot.kind === "adjustment"), ...rank.filter((lot) => lot.kind !== "adjustment")]
  const units = lots.flatMap((lot) => model.units.filter((unit) => unit.lot === lot && unit.spendable))
  for (const unit of units.slice(0, amount)) unit.spendable = false
  model.revoked += amount
  settle(model)
  return done(model)
}

const entitledTo = (model: Model, wanted: Extract<Step, { op: "entitle" }>): Said => {
  const from = model.now - wanted.ago * TICK_MS
  const until = untilOf(model, wanted.life)
  const last = model.entitlements.at(-1)
  if (from > model.now || until <= model.now || (last !== undefined && from < last.from)) return refused("invalid")
  // The same plan going on is one interval.
  const goesOn = last !== undefined && last.hosted === wanted.hosted && last.until >= from
  entitle(model, { hosted: wanted.hosted, from: goesOn ? last.from : from, until })
  model.pastDue = wanted.pastDue
  model.cycleEnd = wanted.cycle === null ? null : model.now + wanted.cycle * TICK_MS
  return done(model)
}

const grouped = (model: Model, drawn: Drawn, steps: ReadonlyArray<Step>): Said => {
  const trial = structuredClone(model)
  const answers: Array<unknown> = []
  for (const step of steps) {
    const said = sayOf(trial, drawn, step, "")
    if (!("answered" in said)) return said
    answers.push(said.answered)
  }
  Object.assign(model, trial)
  return { answered: { answers } }
}

/** What the model answers to a step, and what the step does to it. `id` names the charge of a `charge` step. */
export const sayOf = (model: Model, drawn: Drawn, step: Step, id: string): Said => {
  switch (step.op) {
    case "grant":
      return open(model, drawn, step, causeOf(step.cause))
    case "authorize":
      return authorized(model, drawn, step)
    case "extend":
      return extended(model, holdId(step.hold), step.amount)
    case "release": {
      const hold = model.holds.find((candidate) => candidate.id === holdId(step.hold))
      if (hold !== undefined) closeHold(model, hold)
      settle(model)
      return done(model)
    }
    case "charge":
      return charged(
        model,
        id,
        step.hold === null ? null : holdId(step.hold),
        step.cost,
        model.now - step.ago * TICK_MS,
      )
    case "reverse":
      return reversed(model, drawn, id, step.amount)
    case "revoke":
      return revoked(model, lotId(step.lot), step.amount)
    case "exchange":
      return exchanged(model, drawn, step)
    case "adjust":
      return step.amount > 0 ? open(model, drawn, { ...step, kind: "adjustment" }) : adjusted(model, -step.amount)
    case "entitle":
      return entitledTo(model, step)
    case "freeze":
    case "unfreeze":
      model.frozen = step.op === "freeze"
      return done(model)
    case "takeover":
      model.holdsMayExpire = false
      return done(model)
    case "restart":
      return done(model)
    case "caughtUp":
      model.holdsMayExpire = true
      advance(model, 1)
      return done(model)
    case "mark":
      if (step.mark === "refill") model.refillUntil = untilOf(model, step.life)
      else model.renewalUntil = untilOf(model, step.life)
      return done(model)
    case "advance":
      advance(model, step.ticks)
      return done(model)
    case "group":
      return grouped(model, drawn, step.steps)
  }
}
