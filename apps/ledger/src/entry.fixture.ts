/** Arbitrary entries: every field of an entry with every value the border lets through. Owns no rule. */
import type { EntryKind } from "@credits/contracts"
import * as fc from "fast-check"
import { BUCKETS, makeEntry, type Entry } from "./entry.ts"
import { NEVER } from "./lot.ts"

const nano = fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n })
const positive = fc.bigInt({ min: 1n, max: 10n ** 16n })
const instant = fc.oneof(fc.integer({ min: 0, max: 253_402_300_799_999 }), fc.constant(NEVER))
/** Ids that callers choose: no quote, no backslash, no space. */
const callerId = fc.stringMatching(/^[!#-[\]-~]{1,128}$/)
const lotId = fc.stringMatching(/^lot_[0-9a-z]{26}$/)
const holdId = fc.stringMatching(/^hold_[0-9a-z]{26}[0-9A-Za-z]{1,40}$/)
const usageLine = fc.stringMatching(/^[ !#-[\]-~]{1,200}$/)
/** What a person writes: anything. */
const reason = fc.string({ minLength: 1, maxLength: 60, unit: "grapheme" })
const plan = fc.stringMatching(/^[a-z][a-z0-9_-]{0,39}$/)

const changes = fc.array(fc.tuple(lotId, fc.nat({ max: 4 })), { maxLength: 4 })
const kinds: ReadonlyArray<EntryKind> = [
  "granted",
  "charged",
  "held",
  "extended",
  "released",
  "hold_expired",
  "lot_expired",
  "revoked",
  "adjusted",
  "reversed",
  "entitled",
  "froze",
  "unfroze",
  "marked",
]

const rare = fc.record({
  opened: fc.record({
    id: lotId,
    kind: fc.constantFrom("plan" as const, "topup" as const, "promo" as const, "adjustment" as const),
    amount: positive,
    expiresAt: instant,
    cause: callerId,
  }),
  hold: fc.record({ id: holdId, amount: fc.bigInt({ min: 0n, max: 10n ** 16n }), expiresAt: instant }),
  residue: fc.array(fc.tuple(holdId, positive), { minLength: 1, maxLength: 3 }),
  entitlement: fc.record({
    plan,
    hostedModels: fc.boolean(),
    from: instant,
    until: instant,
    pastDue: fc.boolean(),
    lowBelow: fc.option(positive),
    cycle: fc.option(fc.record({ start: instant, end: instant })),
  }),
  freeze: fc.oneof(fc.constant(""), reason),
  mark: fc.record({ name: fc.constantFrom("refill" as const, "renewal" as const), until: instant }),
})

/** Each rare part is there in about a third of the entries. */
const maybe = fc.record(
  Object.fromEntries(
    ["opened", "hold", "residue", "entitlement", "freeze", "mark"].map((part) => [
      part,
      fc.integer({ min: 0, max: 2 }),
    ]),
  ),
)

export const entries: fc.Arbitrary<Entry> = fc
  .record({
    kind: fc.constantFrom(...kinds),
    at: instant,
    cause: callerId,
    // Amounts of an entry are often the same one, with either sign.
    amounts: fc.tuple(nano, nano).map(([one, other]) => [0n, one, -one, other, -other]),
    buckets: fc.array(fc.nat({ max: 4 }), { minLength: BUCKETS.length, maxLength: BUCKETS.length }),
    lots: changes,
    also: changes,
    rare,
    maybe,
    reason: fc.oneof(fc.constant(""), reason),
    usage: fc.oneof(fc.constant(""), usageLine),
    usedAt: fc.oneof(fc.constant(0), instant),
  })
  .map(({ kind, at, cause, amounts, buckets, lots, also, rare, maybe, reason, usage, usedAt }) => {
    const entry = makeEntry(kind, at, cause)
    for (const [i, bucket] of BUCKETS.entries()) entry[bucket] = amounts[buckets[i]!]!
    const parts = Object.fromEntries(Object.entries(rare).filter(([part]) => maybe[part] === 0))
    const changed = (pairs: typeof lots) => pairs.map(([id, amount]) => ({ id, change: amounts[amount]! }))
    return Object.assign(entry, { lots: changed(lots), also: changed(also), reason, usage, usedAt }, parts)
  })
