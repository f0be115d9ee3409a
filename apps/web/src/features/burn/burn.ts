/**
 * The burn of a cycle: how much of the plan's credit was left at the end of each UTC day, and where that leads. Pure.
 * Floats are good enough here: this is a picture, and every amount beside it is exact.
 */
import type { UsageRow, Wallet } from "@credits/contracts/http"
import { chartDollars, nanoOf } from "../../format/money.ts"

const DAY_MS = 86_400_000
/** Less of a cycle than this says nothing about its pace. */
const PACE_MS_MIN = DAY_MS / 2

export interface BurnPoint {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Dollars. */
  readonly left: number
}

export interface Burn {
  readonly start: number
  readonly end: number
  readonly now: number
  readonly granted: number
  readonly points: ReadonlyArray<BurnPoint>
  /** From now to the reset, or to the instant at which nothing is left; null: too early to say, or nothing left. */
  readonly projection: readonly [BurnPoint, BurnPoint] | null
}

/** Null without a cycle or without credit of it. */
export const burnOf = (wallet: Wallet, usage: ReadonlyArray<UsageRow>): Burn | null => {
  const { cycle } = wallet
  const lots = wallet.lots.filter((lot) => lot.kind === "plan" && lot.expiresAt === cycle?.end)
  if (cycle === null || lots.length === 0) return null
  const [start, end, now] = [cycle.start, cycle.end, wallet.asOf].map((at) => Date.parse(at)) as [
    number,
    number,
    number,
  ]
  const granted = lots.reduce((sum, lot) => sum + chartDollars(nanoOf(lot.grantedUsd)), 0)
  const left = lots.reduce((sum, lot) => sum + chartDollars(nanoOf(lot.remainingUsd)), 0)
  const costs = new Map<string, number>()
  for (const row of usage) {
    if (row.day !== null) costs.set(row.day, (costs.get(row.day) ?? 0) + chartDollars(nanoOf(row.costUsd)))
  }
  const points: Array<BurnPoint> = [{ at: start, left: granted }]
  let spent = 0
  for (const day of [...costs.keys()].toSorted()) {
    const endOfDay = Date.parse(`${day}T00:00:00Z`) + DAY_MS
    const startOfDay = endOfDay - DAY_MS
    // A day without a call keeps what was left.
    if (startOfDay > points.at(-1)!.at) points.push({ at: startOfDay, left: points.at(-1)!.left })
    spent += costs.get(day)!
    if (endOfDay > start && endOfDay < now) points.push({ at: endOfDay, left: Math.max(left, granted - spent, 0) })
  }
  points.push({ at: now, left })
  return { start, end, now, granted, points, projection: projectionOf({ start, end, now, granted, left }) }
}

const projectionOf = (from: {
  readonly start: number
  readonly end: number
  readonly now: number
  readonly granted: number
  readonly left: number
}): Burn["projection"] => {
  const { start, end, now, granted, left } = from
  const elapsed = now - start
  if (elapsed < PACE_MS_MIN || left <= 0 || now >= end) return null
  const perMs = (granted - left) / elapsed
  const emptyAt = perMs <= 0 ? Infinity : now + left / perMs
  const last: BurnPoint =
    emptyAt <= end ? { at: emptyAt, left: 0 } : { at: end, left: Math.max(0, left - perMs * (end - now)) }
  return [{ at: now, left }, last]
}
