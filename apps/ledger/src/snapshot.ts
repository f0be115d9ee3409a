/**
 * Snapshots: an account as canonical JSON text. The state hash (I10) is a hash of this text, so its field order is
 * fixed.
 * Pure.
 */
import type { Nano } from "@credits/kernel"
import type { Account, Hold } from "./account.ts"
import type { Lot } from "./lot.ts"

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
    buckets: [a.granted, a.debt, a.spent, a.held, a.available, a.frozen, a.expired, a.revoked].map(String),
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

/**
 * Rebuilds an account; `nextDue` is left at 0 so that due.ts computes it at the first look. Throws on a newer version.
 */
export const decodeSnapshot = (id: string, text: string): Account => {
  const raw = JSON.parse(text) as Record<string, any>
  if (raw.v !== SNAPSHOT_VERSION) throw new Error(`account ${id}: snapshot version ${raw.v} is not ${SNAPSHOT_VERSION}`)
  const [granted, debt, spent, held, available, frozen, expired, revoked] = (raw.buckets as Array<string>).map(
    BigInt,
  ) as Array<Nano>
  const lots = (raw.lots as Array<Array<any>>).map(
    ([lotId, kind, g, r, grantedAt, expiresAt, cause, residue, usedUpAt]): Lot => ({
      id: lotId,
      kind,
      granted: BigInt(g),
      remaining: BigInt(r),
      grantedAt,
      expiresAt,
      cause,
      residue: residue === null ? null : residue.map(([h, cap]: [string, string]) => [h, BigInt(cap)] as const),
      usedUpAt: usedUpAt ?? 0,
    }),
  )
  const holds = (raw.holds as Array<[string, string, number]>).map(([h, amount, expiresAt]): [string, Hold] => [
    h,
    { id: h, amount: BigInt(amount), expiresAt },
  ])
  return {
    id,
    n: raw.n,
    granted: granted!,
    debt: debt!,
    spent: spent!,
    held: held!,
    available: available!,
    frozen: frozen!,
    expired: expired!,
    revoked: revoked!,
    lots,
    residues: lots.filter((lot) => lot.residue !== null).length,
    holds: holds.length === 0 ? null : new Map(holds),
    entitlements: raw.entitlements.map(([plan, hostedModels, from, until]: [string, boolean, number, number]) => ({
      plan,
      hostedModels,
      from,
      until,
    })),
    entitled: raw.entitled,
    pastDue: raw.pastDue,
    lowBelow: raw.lowBelow === null ? null : BigInt(raw.lowBelow),
    cycle:
      raw.cycle === null
        ? null
        : { start: raw.cycle[0], end: raw.cycle[1], granted: BigInt(raw.cycle[2]), spent: BigInt(raw.cycle[3]) },
    refillUntil: raw.refillUntil,
    renewalUntil: raw.renewalUntil,
    freeze: raw.freeze === null ? null : { reason: raw.freeze[0], at: raw.freeze[1] },
    nextDue: 0,
  }
}
