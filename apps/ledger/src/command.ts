/**
 * The ledger's border for requests: JSON text → typed command with bigint amounts, or the reason it is invalid (C:
 * unknown fields are named). Pure. Owns validation and the canonical content that decides "same id, another body"
 * (R6.6).
 */
import { createHash } from "node:crypto"
import type { LedgerRefusal } from "@credits/contracts"
import {
  accountOfHold,
  isAccountId,
  isCallerId,
  NANO_AMOUNT_MAX,
  parseNano,
  partitionOf,
  type Instant,
  type Nano,
} from "@credits/kernel"
import { HOLD_TTL_MAX_MS, HOLD_TTL_MS } from "./authorize.ts"
import { reversalKey } from "./charge.ts"
import type { EntitlementOpened } from "./entry.ts"
import type { LotGrant } from "./grant.ts"
import { NEVER } from "./lot.ts"

interface Common {
  readonly account: string
  /** `<op>:<id>`; "" for reads. */
  readonly key: string
  readonly content: string
  readonly id: string
}

export type WriteCommand = Common &
  (
    | { readonly op: "authorize"; readonly amount: Nano; readonly atLeast: Nano | null; readonly ttl: number }
    | { readonly op: "extend"; readonly holdId: string; readonly amount: Nano }
    | { readonly op: "release"; readonly holdId: string }
    | ({ readonly op: "grant"; readonly reason: string } & LotGrant)
    | { readonly op: "revoke"; readonly lotId: string; readonly amount: Nano; readonly reason: string }
    | { readonly op: "adjust"; readonly amount: Nano; readonly reason: string; readonly expiresAt: Instant | null }
    | {
        readonly op: "reverse"
        readonly chargeId: string
        readonly amount: Nano | null
        readonly nth: number | null
        readonly reason: string
      }
    | {
        readonly op: "entitle"
        readonly entitlement: Omit<EntitlementOpened, "from"> & { readonly from: Instant | null }
        readonly reason: string
      }
    | { readonly op: "freeze" | "unfreeze"; readonly reason: string }
    | { readonly op: "mark"; readonly mark: "refill" | "renewal"; readonly until: Instant }
    | {
        readonly op: "exchange"
        readonly from: string
        readonly back: Nano
        readonly fromExpiresAt: Instant | null
        readonly grant: LotGrant
        readonly reason: string
      }
    | { readonly op: "group"; readonly commands: ReadonlyArray<WriteCommand> }
  )

export type ReadCommand = Common &
  (
    | { readonly op: "wallet" }
    | {
        readonly op: "statement"
        readonly limit: number
        readonly cursor: string
        readonly from: Instant
        readonly to: Instant
        readonly kind: string
      }
    | { readonly op: "hold"; readonly holdId: string }
  )

export type Command = WriteCommand | ReadCommand

/** Thrown inside this file only; leaves as a refusal. */
class Invalid extends Error {
  readonly field: string
  constructor(field: string, detail: string) {
    super(detail)
    this.field = field
  }
}

type Raw = Readonly<Record<string, unknown>>

const fields: Readonly<Record<string, ReadonlyArray<string>>> = {
  authorize: ["id", "amount", "atLeast", "ttl", "model"],
  extend: ["id", "holdId", "amount"],
  release: ["id", "holdId"],
  grant: ["id", "kind", "amount", "expiresAt", "cause", "reason"],
  revoke: ["id", "lotId", "amount", "cause", "reason"],
  adjust: ["id", "amount", "reason", "expiresAt"],
  reverse: ["id", "chargeId", "amount", "nth", "reason"],
  entitle: ["id", "plan", "hostedModels", "from", "until", "cycle", "lowBelow", "pastDue", "reason"],
  freeze: ["id", "reason"],
  unfreeze: ["id", "reason"],
  mark: ["id", "mark", "until"],
  exchange: ["id", "from", "back", "fromExpiresAt", "grant", "reason"],
  group: ["id", "commands"],
  wallet: [],
  statement: ["limit", "cursor", "from", "to", "kind"],
  hold: ["holdId"],
}

/** What makes two requests of one id the same, in a fixed order. */
const contents: Readonly<Record<string, ReadonlyArray<string>>> = Object.fromEntries(
  Object.entries(fields).map(([op, names]) => [op, names.filter((name) => name !== "id").sort()]),
)

const READS = new Set(["wallet", "statement", "hold"])
/** What a gateway's bus user may send (decision 20). */
const GATEWAY = new Set(["authorize", "extend", "release"])
const IN_GROUP = new Set(["grant", "revoke", "adjust", "entitle", "mark", "exchange"])
const GROUP_MAX = 16
const REASON_MAX = 500
const INSTANT_MAX = 253_402_300_799_999

const text = (raw: Raw, field: string): string => {
  const value = raw[field]
  if (!isCallerId(value)) throw new Invalid(field, `${field} must be 1–128 printable characters without spaces`)
  return value
}

const reasonOf = (raw: Raw, required: boolean): string => {
  const value = raw.reason
  if (value === undefined && !required) return ""
  if (typeof value !== "string" || value.trim() === "" || value.length > REASON_MAX)
    throw new Invalid("reason", `reason must be 1–${REASON_MAX} characters`)
  return value
}

const amountOf = (raw: Raw, field: string, least: Nano): Nano => {
  const value = raw[field]
  const amount = typeof value === "string" ? parseNano(value) : null
  if (amount === null) throw new Invalid(field, `${field} must be an integer string of nano-USD`)
  if (amount < least || amount > NANO_AMOUNT_MAX)
    throw new Invalid(field, `${field} must be from ${least} to ${NANO_AMOUNT_MAX} nano-USD`)
  return amount
}

const instantOf = (raw: Raw, field: string): Instant | null => {
  const value = raw[field]
  if (value === undefined) return null
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > INSTANT_MAX) {
    throw new Invalid(field, `${field} must be an instant in ms`)
  }
  return value
}

const oneOf = <A extends string>(raw: Raw, field: string, values: ReadonlyArray<A>): A => {
  const value = raw[field]
  if (!values.includes(value as A)) throw new Invalid(field, `${field} must be one of ${values.join(", ")}`)
  return value as A
}

const flag = (raw: Raw, field: string, fallback?: boolean): boolean => {
  const value = raw[field] ?? fallback
  if (typeof value !== "boolean") throw new Invalid(field, `${field} must be true or false`)
  return value
}

const holdIdOf = (raw: Raw, account: string): string => {
  const holdId = text(raw, "holdId")
  if (accountOfHold(holdId) !== account) throw new Invalid("holdId", "holdId is no hold of this account")
  return holdId
}

const cycleOf = (raw: Raw): EntitlementOpened["cycle"] => {
  if (raw.cycle === undefined) return null
  if (typeof raw.cycle !== "object" || raw.cycle === null) throw new Invalid("cycle", "cycle must be an object")
  const cycle = raw.cycle as Raw
  for (const field in cycle) {
    if (field !== "start" && field !== "end") throw new Invalid(`cycle.${field}`, `unknown field cycle.${field}`)
  }
  const start = instantOf(cycle, "start")
  const end = instantOf(cycle, "end")
  if (start === null || end === null || end <= start) throw new Invalid("cycle", "cycle needs start before end")
  return { start, end }
}

const PLAN = /^[a-z][a-z0-9_-]{0,39}$/

const entitlementOf = (raw: Raw): Omit<EntitlementOpened, "from"> & { readonly from: Instant | null } => {
  if (typeof raw.plan !== "string" || !PLAN.test(raw.plan)) throw new Invalid("plan", "plan must be a plan's id")
  return {
    plan: raw.plan,
    hostedModels: flag(raw, "hostedModels"),
    from: instantOf(raw, "from"),
    until: instantOf(raw, "until") ?? NEVER,
    pastDue: flag(raw, "pastDue", false),
    lowBelow: raw.lowBelow === undefined ? null : amountOf(raw, "lowBelow", 0n),
    cycle: cycleOf(raw),
  }
}

const ttlOf = (raw: Raw): number => {
  const { ttl } = raw
  if (ttl === undefined) return HOLD_TTL_MS
  if (typeof ttl !== "number" || !Number.isInteger(ttl) || ttl < 1 || ttl > HOLD_TTL_MAX_MS) {
    throw new Invalid("ttl", `ttl must be from 1 to ${HOLD_TTL_MAX_MS} ms`)
  }
  return ttl
}

/** More reversals than corrections of one price are a mistake. */
const NTH_MAX = 100

const nthOf = (raw: Raw): number | null => {
  const { nth } = raw
  if (nth === undefined) return null
  if (typeof nth !== "number" || !Number.isInteger(nth) || nth < 1 || nth > NTH_MAX)
    throw new Invalid("nth", `nth must be from 1 to ${NTH_MAX}`)
  return nth
}

const authorize = (raw: Raw, common: Common): WriteCommand => {
  if (raw.model !== undefined && typeof raw.model !== "string") throw new Invalid("model", "model must be text")
  const amount = amountOf(raw, "amount", 0n)
  const atLeast = raw.atLeast === undefined ? null : amountOf(raw, "atLeast", 0n)
  if (atLeast !== null && atLeast > amount) throw new Invalid("atLeast", "atLeast must not exceed amount")
  return { ...common, op: "authorize", amount, atLeast, ttl: ttlOf(raw) }
}

const grantOf = (raw: Raw): LotGrant => ({
  kind: oneOf(raw, "kind", ["plan", "topup", "promo", "adjustment"]),
  amount: amountOf(raw, "amount", 1n),
  expiresAt: instantOf(raw, "expiresAt"),
  cause: text(raw, "cause"),
})

/** The grant inside an exchange: its faults are named with their place. */
const exchangedGrantOf = (raw: Raw): LotGrant => {
  const { grant } = raw
  if (typeof grant !== "object" || grant === null || Array.isArray(grant))
    throw new Invalid("grant", "grant must be an object")
  for (const field in grant) {
    if (!["kind", "amount", "expiresAt", "cause"].includes(field))
      throw new Invalid(`grant.${field}`, `unknown field grant.${field}`)
  }
  try {
    return grantOf(grant as Raw)
  } catch (error) {
    if (!(error instanceof Invalid)) throw error
    throw new Invalid(`grant.${error.field}`, `grant.${error.message}`)
  }
}

const groupOf = (raw: Raw, common: Common): WriteCommand => {
  const { commands } = raw
  if (!Array.isArray(commands) || commands.length === 0 || commands.length > GROUP_MAX) {
    throw new Invalid("commands", `commands must be 1–${GROUP_MAX} commands`)
  }
  const decoded = commands.map((command: Raw, i) => {
    if (!IN_GROUP.has(String(command?.op)))
      throw new Invalid(`commands.${i}.op`, `a group cannot hold ${String(command?.op)}`)
    return decode(command) as WriteCommand
  })
  if (decoded.some((command) => command.account !== common.account))
    throw new Invalid("commands", "a group is of one account")
  return { ...common, op: "group", commands: decoded }
}

const write = (op: string, raw: Raw, common: Common): WriteCommand => {
  switch (op) {
    case "authorize":
      return authorize(raw, common)
    case "extend":
      return { ...common, op, holdId: holdIdOf(raw, common.account), amount: amountOf(raw, "amount", 1n) }
    case "release":
      return { ...common, op, holdId: holdIdOf(raw, common.account) }
    case "grant":
      return { ...common, op, ...grantOf(raw), reason: reasonOf(raw, false) }
    case "revoke":
      return {
        ...common,
        op,
        lotId: text(raw, "lotId"),
        amount: amountOf(raw, "amount", 1n),
        reason: reasonOf(raw, false),
      }
    case "adjust": {
      const amount = amountOf(raw, "amount", -NANO_AMOUNT_MAX)
      if (amount === 0n) throw new Invalid("amount", "an adjustment of 0 changes nothing")
      return { ...common, op, amount, reason: reasonOf(raw, true), expiresAt: instantOf(raw, "expiresAt") }
    }
    case "reverse":
      return {
        ...common,
        op,
        chargeId: text(raw, "chargeId"),
        amount: raw.amount === undefined ? null : amountOf(raw, "amount", 1n),
        nth: nthOf(raw),
        reason: reasonOf(raw, true),
      }
    case "entitle":
      return { ...common, op, entitlement: entitlementOf(raw), reason: reasonOf(raw, false) }
    case "freeze":
    case "unfreeze":
      return { ...common, op, reason: reasonOf(raw, true) }
    case "mark":
      return { ...common, op, mark: oneOf(raw, "mark", ["refill", "renewal"]), until: instantOf(raw, "until") ?? 0 }
    case "exchange":
      return {
        ...common,
        op,
        from: text(raw, "from"),
        back: amountOf(raw, "back", 0n),
        fromExpiresAt: instantOf(raw, "fromExpiresAt"),
        grant: exchangedGrantOf(raw),
        reason: reasonOf(raw, false),
      }
    default:
      return groupOf(raw, common)
  }
}

const read = (op: string, raw: Raw, common: Common): ReadCommand => {
  if (op === "wallet") return { ...common, op }
  if (op === "hold") return { ...common, op, holdId: holdIdOf(raw, common.account) }
  const limit = raw.limit ?? 50
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 1 || limit > 500)
    throw new Invalid("limit", "limit must be from 1 to 500")
  return {
    ...common,
    op: "statement",
    limit,
    cursor: raw.cursor === undefined ? "" : text(raw, "cursor"),
    from: instantOf(raw, "from") ?? 0,
    to: instantOf(raw, "to") ?? NEVER,
    kind: raw.kind === undefined ? "" : text(raw, "kind"),
  }
}

/** Long contents are hashed: a receipt row stays small. */
const contentOf = (op: string, raw: Raw): string => {
  let content = ""
  for (const name of contents[op]!) {
    if (Object.hasOwn(raw, name)) content += `${content === "" ? "[" : ","}["${name}",${JSON.stringify(raw[name])}]`
  }
  content = content === "" ? "[]" : `${content}]`
  return content.length <= 96 ? content : createHash("sha256").update(content).digest("base64url")
}

const decode = (value: unknown): Command => {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Invalid("", "a request must be a JSON object")
  const raw = value as Raw
  const op = raw.op
  const known = typeof op === "string" && Object.hasOwn(fields, op) ? fields[op]! : null
  if (known === null) throw new Invalid("op", "op is no request of the ledger")
  for (const field in raw) {
    if (field !== "op" && field !== "account" && !known.includes(field))
      throw new Invalid(field, `unknown field ${field}`)
  }
  if (!isAccountId(raw.account)) throw new Invalid("account", "account must be an account id")
  if (READS.has(op as string)) return read(op as string, raw, { account: raw.account, key: "", content: "", id: "" })
  const id = text(raw, "id")
  const key = op === "reverse" ? reversalKey(text(raw, "chargeId"), nthOf(raw)) : `${op as string}:${id}`
  return write(op as string, raw, { account: raw.account, key, content: contentOf(op as string, raw), id })
}

/** What promises more than was promised before. */
const PROMISES = new Set(["authorize", "extend"])

/**
 * Whether a request, valid or not, would promise more credit: such stop below the free-space mark (decision 21). Reads
 * go on, and so does what gives back, settles or brings in credit that was paid for.
 */
export const isPromise = (json: string): boolean => {
  try {
    return PROMISES.has(String((JSON.parse(json) as Raw | null)?.op))
  } catch {
    return false
  }
}

/** Decodes a request of one partition. `restricted` is the gateways' subject: authorize, extend and release only. */
export const decodeRequest = (json: string, partition: number, restricted: boolean): Command | LedgerRefusal => {
  try {
    const command = decode(JSON.parse(json))
    if (partitionOf(command.account) !== partition)
      throw new Invalid("account", "this account belongs to another partition")
    if (restricted && !GATEWAY.has(command.op))
      throw new Invalid("op", "a gateway may authorize, extend and release only")
    return command
  } catch (error) {
    const field = error instanceof Invalid ? error.field : ""
    const detail = error instanceof Invalid ? error.message : "a request must be JSON"
    return { code: "invalid", detail, field }
  }
}
