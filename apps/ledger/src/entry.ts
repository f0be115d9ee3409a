/**
 * Entries: the append-only facts an account is made of (R1.6). An entry carries every effect it has, so that
 * `evolve` needs nothing else and the database alone rebuilds the state (I10).
 * Pure. Owns the entry's shape and its text form; what entries do to an account is in account.ts.
 */
import type { Instant, Nano } from "@credits/kernel"
import type { EntryKind } from "@credits/contracts"
import type { LotChange } from "./lot.ts"
import type { LotKind } from "@credits/contracts"

/**
 * The eight buckets of the closing identity (R1.7): granted + debt = spent + held + available + frozen + expired +
 * revoked.
 */
export const BUCKETS = ["granted", "debt", "spent", "held", "available", "frozen", "expired", "revoked"] as const
export type Bucket = (typeof BUCKETS)[number]

export interface LotOpened {
  readonly id: string
  readonly kind: LotKind
  readonly amount: Nano
  readonly expiresAt: Instant
  readonly cause: string
}

/** What happened to a hold: `amount` is what it holds from now on; 0 closes it. */
export interface HoldChange {
  readonly id: string
  readonly amount: Nano
  readonly expiresAt: Instant
}

export interface EntitlementOpened {
  readonly plan: string
  readonly hostedModels: boolean
  readonly from: Instant
  readonly until: Instant
  readonly pastDue: boolean
  readonly lowBelow: Nano | null
  readonly cycle: { readonly start: Instant; readonly end: Instant } | null
}

export interface Entry {
  readonly kind: EntryKind
  readonly at: Instant
  granted: Nano
  debt: Nano
  spent: Nano
  held: Nano
  available: Nano
  frozen: Nano
  expired: Nano
  revoked: Nano
  /** Lots that paid (or, for a reversal, got back), in that order. */
  lots: ReadonlyArray<LotChange>
  /** Further lot changes of the same entry: debt paid, residues that expired. */
  also: ReadonlyArray<LotChange>
  opened: LotOpened | null
  hold: HoldChange | null
  /** Set on `lot_expired` when a part stays for holds: `[hold id, cap]`. */
  residue: ReadonlyArray<readonly [holdId: string, cap: Nano]> | null
  entitlement: EntitlementOpened | null
  /** Set on froze; "" on unfroze; null otherwise. */
  freeze: string | null
  mark: { readonly name: "refill" | "renewal"; readonly until: Instant } | null
  cause: string
  reason: string
  /** Usage line of a charge, and of a reversal that of its charge; "" otherwise. */
  usage: string
  usedAt: Instant
}

const NONE: ReadonlyArray<never> = []

/** An entry without effects, to be filled by the decision that makes it. */
export const makeEntry = (kind: EntryKind, at: Instant, cause: string): Entry => ({
  kind,
  at,
  granted: 0n,
  debt: 0n,
  spent: 0n,
  held: 0n,
  available: 0n,
  frozen: 0n,
  expired: 0n,
  revoked: 0n,
  lots: NONE,
  also: NONE,
  opened: null,
  hold: null,
  residue: null,
  entitlement: null,
  freeze: null,
  mark: null,
  cause,
  reason: "",
  usage: "",
  usedAt: 0,
})

/** `known` is the text of `amount`: the amounts of a charge are mostly the same, and a bigint's text costs 0.15 µs. */
const amountText = (value: Nano, amount: Nano, known: string): string =>
  value === amount ? known : value === -amount ? (known[0] === "-" ? known.slice(1) : "-" + known) : value.toString()

const changesText = (changes: ReadonlyArray<LotChange>, amount: Nano, known: string): string => {
  let text = ""
  for (const { id, change } of changes) {
    text += (text === "" ? '["' : ',["') + id + '","' + amountText(change, amount, known) + '"]'
  }
  return text
}

/** Parts only few entries have, kept out of the hot path of `encodeBody`. */
const rareText = (e: Entry): string => {
  let text = ""
  if (e.also.length > 0) text += `,"also":[${changesText(e.also, 0n, "0")}]`
  if (e.opened !== null) {
    const { id, kind, amount, expiresAt, cause } = e.opened
    text += `,"opened":${JSON.stringify({ id, kind, amount: amount.toString(), expiresAt, cause })}`
  }
  if (e.residue !== null) text += `,"residue":${JSON.stringify(e.residue.map(([id, cap]) => [id, cap.toString()]))}`
  if (e.entitlement !== null) {
    const lowBelow = e.entitlement.lowBelow?.toString() ?? null
    text += `,"entitlement":${JSON.stringify({ ...e.entitlement, lowBelow })}`
  }
  if (e.freeze !== null) text += `,"freeze":${JSON.stringify(e.freeze)}`
  if (e.mark !== null) text += `,"mark":${JSON.stringify(e.mark)}`
  if (e.reason !== "") text += `,"reason":${JSON.stringify(e.reason)}`
  return text
}

/**
 * The entry's body as JSON text: what the database stores, the hash chain covers and the journal publishes.
 * Amounts are integer strings of nano-USD; buckets that do not change are left out. Ids and usage lines contain no
 * character that JSON escapes (checked at the border), so they are written as they are.
 */
export const encodeBody = (e: Entry): string => {
  const amount = e.spent
  const known = amount === 0n ? "0" : amount.toString()
  let text = '{"cause":"' + e.cause + '"'
  if (e.granted !== 0n) text += ',"granted":"' + e.granted + '"'
  if (e.debt !== 0n) text += ',"debt":"' + amountText(e.debt, amount, known) + '"'
  if (amount !== 0n) text += ',"spent":"' + known + '"'
  if (e.held !== 0n) text += ',"held":"' + e.held + '"'
  if (e.available !== 0n) text += ',"available":"' + amountText(e.available, amount, known) + '"'
  if (e.frozen !== 0n) text += ',"frozen":"' + amountText(e.frozen, amount, known) + '"'
  if (e.expired !== 0n) text += ',"expired":"' + e.expired + '"'
  if (e.revoked !== 0n) text += ',"revoked":"' + e.revoked + '"'
  if (e.lots.length > 0) text += ',"lots":[' + changesText(e.lots, amount, known) + "]"
  if (e.hold !== null) {
    text += ',"hold":{"id":"' + e.hold.id + '","amount":"' + e.hold.amount + '","expiresAt":' + e.hold.expiresAt + "}"
  }
  if (e.usage !== "") text += ',"usage":"' + e.usage + '"'
  if (e.usedAt !== 0) text += ',"usedAt":' + e.usedAt
  return text + rareText(e) + "}"
}

type ChangeTexts = ReadonlyArray<readonly [id: string, change: string]>

/** The parsed JSON of a body, as `encodeBody` wrote it. */
type Raw = { readonly [bucket in Bucket]?: string } & {
  readonly cause: string
  readonly lots?: ChangeTexts
  readonly also?: ChangeTexts
  readonly opened?: Omit<LotOpened, "amount"> & { readonly amount: string }
  readonly hold?: Omit<HoldChange, "amount"> & { readonly amount: string }
  readonly residue?: ChangeTexts
  readonly entitlement?: Omit<EntitlementOpened, "lowBelow"> & { readonly lowBelow: string | null }
  readonly freeze?: string
  readonly mark?: NonNullable<Entry["mark"]>
  readonly reason?: string
  readonly usage?: string
  readonly usedAt?: number
}

const nano = (value: string | undefined): Nano => (value === undefined ? 0n : BigInt(value))
const changes = (value: ChangeTexts | undefined): ReadonlyArray<LotChange> =>
  value === undefined ? NONE : value.map(([id, change]) => ({ id, change: BigInt(change) }))

/** The inverse of `encodeBody`, from the parsed JSON. */
export const decodeBody = (kind: EntryKind, at: Instant, body: unknown): Entry => {
  const raw = body as Raw
  const entry = makeEntry(kind, at, raw.cause)
  for (const bucket of BUCKETS) entry[bucket] = nano(raw[bucket])
  entry.lots = changes(raw.lots)
  entry.also = changes(raw.also)
  if (raw.opened) entry.opened = { ...raw.opened, amount: BigInt(raw.opened.amount) }
  if (raw.hold) entry.hold = { ...raw.hold, amount: BigInt(raw.hold.amount) }
  if (raw.residue) entry.residue = raw.residue.map(([id, cap]) => [id, BigInt(cap)] as const)
  if (raw.entitlement) {
    const { lowBelow } = raw.entitlement
    entry.entitlement = { ...raw.entitlement, lowBelow: lowBelow === null ? null : BigInt(lowBelow) }
  }
  entry.freeze = raw.freeze ?? null
  entry.mark = raw.mark ?? null
  entry.reason = raw.reason ?? ""
  entry.usage = raw.usage ?? ""
  entry.usedAt = raw.usedAt ?? 0
  return entry
}
