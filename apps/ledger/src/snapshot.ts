/**
 * Snapshots: an account as canonical JSON text. The state hash (I10) is a hash of this text, so its field order is
 * fixed.
 * Pure.
 */
import type { LotKind } from "@credits/contracts"
import { Account, type Hold } from "./account.ts"
import { keptLot, type Lot } from "./lot.ts"

/** Raised when the shape changes; a newer one is refused by an older program (decision 21). */
export const SNAPSHOT_VERSION = 1

const lotTuple = (lot: Lot): unknown => [
  lot.id,
  lot.kind,
  lot.granted.toString(),
  lot.remaining.toString(),
  lot.grantedAt,
  lot.expiresAt,
  lot.cause,
  lot.residue === null ? null : lot.residue.map(([id, cap]) => [id, cap.toString()]),
  ...(lot.usedUpAt === 0 ? [] : [lot.usedUpAt]),
]

export const encodeSnapshot = (a: Account): string =>
  JSON.stringify({
    v: SNAPSHOT_VERSION,
    n: a.n,
    buckets: Array.from(a.sums, String),
    lots: a.lots.map(lotTuple),
    holds: a.holds === null ? [] : [...a.holds.values()].map((h) => [h.id, h.amount.toString(), h.expiresAt]),
    entitlements: a.entitlements.map((e) => [e.plan, e.hostedModels, e.from, e.until]),
    entitled: a.entitled,
    pastDue: a.pastDue,
    lowBelow: a.lowBelow?.toString() ?? null,
    cycle: a.cycle === null ? null : [a.cycle.start, a.cycle.end, a.cycle.granted.toString(), a.cycle.spent.toString()],
    refillUntil: a.refillUntil,
    renewalUntil: a.renewalUntil,
    freeze: a.freeze === null ? null : [a.freeze.reason, a.freeze.at],
  })

type Caps = ReadonlyArray<readonly [holdId: string, cap: string]>

/** The parsed JSON, as `encodeSnapshot` wrote it. */
interface Raw {
  readonly v: number
  readonly n: number
  readonly buckets: ReadonlyArray<string>
  readonly lots: ReadonlyArray<
    readonly [
      id: string,
      kind: LotKind,
      granted: string,
      remaining: string,
      grantedAt: number,
      expiresAt: number,
      cause: string,
      residue: Caps | null,
      usedUpAt?: number,
    ]
  >
  readonly holds: ReadonlyArray<readonly [id: string, amount: string, expiresAt: number]>
  readonly entitlements: ReadonlyArray<readonly [plan: string, hostedModels: boolean, from: number, until: number]>
  readonly entitled: boolean
  readonly pastDue: boolean
  readonly lowBelow: string | null
  readonly cycle: readonly [start: number, end: number, granted: string, spent: string] | null
  readonly refillUntil: number
  readonly renewalUntil: number
  readonly freeze: readonly [reason: string, at: number] | null
}

const lotOf = ([id, kind, granted, remaining, grantedAt, expiresAt, cause, caps, usedUpAt]: Raw["lots"][number]): Lot =>
  keptLot({
    id,
    kind,
    granted: BigInt(granted),
    remaining: BigInt(remaining),
    grantedAt,
    expiresAt,
    cause,
    residue: caps === null ? null : caps.map(([holdId, cap]) => [holdId, BigInt(cap)] as const),
    usedUpAt: usedUpAt ?? 0,
  })

const holdsOf = (holds: Raw["holds"]): Map<string, Hold> | null =>
  holds.length === 0
    ? null
    : new Map(holds.map(([id, amount, expiresAt]) => [id, { id, amount: BigInt(amount), expiresAt }]))

/** `nextDue` is left at 0, so that due.ts computes it at the first look. Throws on another version. */
export const decodeSnapshot = (id: string, text: string): Account => {
  const raw = JSON.parse(text) as Raw
  if (raw.v !== SNAPSHOT_VERSION) {
    throw new Error(`account ${id}: snapshot version ${raw.v} is not ${SNAPSHOT_VERSION}`)
  }
  const account = new Account(id)
  account.n = raw.n
  raw.buckets.forEach((amount, bucket) => (account.sums[bucket] = BigInt(amount)))
  for (const lot of raw.lots) account.lots.push(lotOf(lot))
  account.residues = account.lots.filter((lot) => lot.residue !== null).length
  account.holds = holdsOf(raw.holds)
  for (const [plan, hostedModels, from, until] of raw.entitlements)
    account.entitlements.push({ plan, hostedModels, from, until })
  account.entitled = raw.entitled
  account.pastDue = raw.pastDue
  account.lowBelow = raw.lowBelow === null ? null : BigInt(raw.lowBelow)
  const { cycle, freeze } = raw
  account.cycle =
    cycle === null ? null : { start: cycle[0], end: cycle[1], granted: BigInt(cycle[2]), spent: BigInt(cycle[3]) }
  account.refillUntil = raw.refillUntil
  account.renewalUntil = raw.renewalUntil
  account.freeze = freeze === null ? null : { reason: freeze[0], at: freeze[1] }
  account.nextDue = 0
  return account
}
