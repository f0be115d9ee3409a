/**
 * The reference model: the rules R1 and R6 over single units of credit. Every nano-USD is an object with a lot and a
 * fate; a hold is a list of promises, each made at a moment; time passes tick by tick. Nothing is summed up front,
 * everything is counted when asked: slow, and short enough to be checked by reading. It shares no code with the ledger
 * but names and NEVER.
 */
import type { LotKind } from "@credits/contracts"
import { NEVER } from "./lot.ts"

/** Instants of the model are whole ticks, so that it can look at every one of them. */
export const TICK_MS = 1000

export interface ModelLot {
  readonly id: string
  readonly kind: LotKind
  /** "" where nobody asks for it. */
  readonly cause: string
  readonly grantedAt: number
  readonly expiresAt: number
  /** The moment it expired: only promises made before may still use what is left. */
  closedAt: number | null
}

export interface Unit {
  readonly lot: ModelLot
  spendable: boolean
}

export interface ModelHold {
  readonly id: string
  readonly expiresAt: number
  /** One for every unit it holds: the moment it was promised. */
  readonly promises: Array<number>
}

export interface ModelCharge {
  readonly id: string
  readonly cost: number
  /** In the order they paid; the rest of the cost became debt. */
  readonly paid: ReadonlyArray<Unit>
}

export interface ModelEntitlement {
  readonly hosted: boolean
  readonly from: number
  readonly until: number
}

export interface Model {
  now: number
  /** Counts what happened, so that "before" and "after" are plain within one instant. */
  moment: number
  holdsMayExpire: boolean
  readonly lots: Array<ModelLot>
  readonly units: Array<Unit>
  readonly holds: Array<ModelHold>
  readonly charges: Array<ModelCharge>
  readonly entitlements: Array<ModelEntitlement>
  entitled: boolean
  pastDue: boolean
  cycleEnd: number | null
  frozen: boolean
  refillUntil: number
  renewalUntil: number
  granted: number
  debt: number
  spent: number
  expired: number
  revoked: number
}

export const emptyModel = (): Model => ({
  now: 0,
  moment: 0,
  holdsMayExpire: true,
  lots: [],
  units: [],
  holds: [],
  charges: [],
  entitlements: [],
  entitled: false,
  pastDue: false,
  cycleEnd: null,
  frozen: false,
  refillUntil: 0,
  renewalUntil: 0,
  granted: 0,
  debt: 0,
  spent: 0,
  expired: 0,
  revoked: 0,
})

const KINDS: ReadonlyArray<LotKind> = ["promo", "plan", "adjustment", "topup"]

/** R1.3: soonest expiry, then kind, then granted at, then id. */
export const burnOrder = (model: Model): ReadonlyArray<ModelLot> => {
  const rank = (lot: ModelLot) => [lot.expiresAt, KINDS.indexOf(lot.kind), lot.grantedAt]
  return model.lots.toSorted((a, b) => {
    const [x, y] = [rank(a), rank(b)]
    const at = x.findIndex((value, i) => value !== y[i])
    return at === -1 ? (a.id < b.id ? -1 : 1) : x[at]! - y[at]!
  })
}

const inBurnOrder = (model: Model): ReadonlyArray<Unit> =>
  burnOrder(model).flatMap((lot) => model.units.filter((unit) => unit.lot === lot && unit.spendable))

const live = (model: Model): ReadonlyArray<Unit> => inBurnOrder(model).filter(({ lot }) => lot.closedAt === null)
const residue = (model: Model): ReadonlyArray<Unit> => inBurnOrder(model).filter(({ lot }) => lot.closedAt !== null)

export const held = (model: Model): number => model.holds.flatMap((hold) => hold.promises).length

/** Live units that no promise needs: promises take from what has expired first, the others from the first live ones. */
export const unheld = (model: Model): ReadonlyArray<Unit> => live(model).slice(held(model) - residue(model).length)

export const available = (model: Model): number => (model.entitled ? unheld(model).length : 0)
export const frozen = (model: Model): number => (model.entitled ? 0 : unheld(model).length)

/**
 * The units of expired lots, oldest first, that can each be given a promise of its own made before their lot expired.
 * Found by augmenting paths: a unit may push another one to a different promise, never out.
 */
const backing = (units: ReadonlyArray<Unit>, promises: ReadonlyArray<number>): ReadonlyArray<Unit> => {
  const taken = new Map<number, Unit>()
  const place = (unit: Unit, tried: Set<number>): boolean =>
    promises.some((promisedAt, i) => {
      if (promisedAt >= unit.lot.closedAt! || tried.has(i)) return false
      tried.add(i)
      const other = taken.get(i)
      if (other !== undefined && !place(other, tried)) return false
      taken.set(i, unit)
      return true
    })
  return units.filter((unit) => place(unit, new Set()))
}

/** R6.7: units of expired lots that no hold needs expire. */
const expireUnneeded = (model: Model): void => {
  const all = residue(model)
  const promises = model.holds.flatMap((hold) => hold.promises)
  const needed = new Set(backing(all, promises))
  for (const unit of all) {
    if (needed.has(unit)) continue
    unit.spendable = false
    model.expired += 1
  }
}

/** Looked at after everything that happens: what no hold needs expires, what is available pays what is owed (R6.4). */
export const settle = (model: Model): void => {
  expireUnneeded(model)
  while (model.debt > 0 && available(model) > 0) {
    live(model)[0]!.spendable = false
    model.debt -= 1
  }
  model.moment += 1
}

export const openLot = (
  model: Model,
  lot: Pick<ModelLot, "id" | "kind" | "expiresAt">,
  amount: number,
  cause = "",
): void => {
  const opened: ModelLot = { ...lot, cause, grantedAt: model.now, closedAt: null }
  model.lots.push(opened)
  for (let i = 0; i < amount; i++) model.units.push({ lot: opened, spendable: true })
}

export const closeHold = (model: Model, hold: ModelHold): void => {
  model.holds.splice(model.holds.indexOf(hold), 1)
}

const expireHolds = (model: Model, at: number): void => {
  const due = model.holds.filter((candidate) => candidate.expiresAt <= at)
  for (const hold of due.toSorted((a, b) => a.expiresAt - b.expiresAt)) {
    closeHold(model, hold)
    settle(model)
  }
}

/** Everything that falls due at one instant: holds, then lots, then the end of the entitlement. */
const tick = (model: Model, at: number): void => {
  model.now = at
  if (model.holdsMayExpire) expireHolds(model, at)
  for (const lot of burnOrder(model)) {
    if (lot.expiresAt !== at || lot.closedAt !== null) continue
    lot.closedAt = model.moment
    settle(model)
  }
  const last = model.entitlements.at(-1)
  if (model.entitled && last !== undefined && last.until <= at)
    entitle(model, { hosted: false, from: at, until: NEVER })
}

export const advance = (model: Model, ticks: number): void => {
  for (let i = 1; i <= ticks; i++) tick(model, model.now + TICK_MS)
}

export const entitle = (model: Model, entitlement: ModelEntitlement): void => {
  model.entitlements.push(entitlement)
  model.entitled = entitlement.hosted
  if (!entitlement.hosted) {
    model.pastDue = false
    model.cycleEnd = null
  }
  settle(model)
}

/** The word of whoever spoke last about that instant. */
export const wasEntitled = (model: Model, at: number): boolean => {
  const last = model.entitlements.findLast((entitlement) => entitlement.from <= at)
  return last !== undefined && last.hosted && at < last.until
}

/** R6.3–R6.5: pays a cost for a hold or for none; answers the units that paid, the rest is owed. */
export const pay = (model: Model, hold: ModelHold | undefined, cost: number): ReadonlyArray<Unit> => {
  const paid: Array<Unit> = []
  if (hold !== undefined) {
    paid.push(...backing(residue(model), hold.promises).slice(0, cost))
    for (const unit of paid) unit.spendable = false
    closeHold(model, hold)
    expireUnneeded(model)
  }
  // What other holds were promised stays theirs, frozen credit pays too: the use was entitled.
  const free = unheld(model).length
  for (const unit of live(model).slice(0, Math.min(cost - paid.length, free))) {
    unit.spendable = false
    paid.push(unit)
  }
  model.spent += cost
  model.debt += cost - paid.length
  return paid
}
