/**
 * The ledger's border for charges: a command message → charges, each valid by itself; a bad one is told by its reason
 * and stops nobody else (decision 5). Pure.
 */
import { isAscii } from "node:buffer"
import type { Charge } from "@credits/contracts"
import type { BadCommand } from "@credits/actor"
import { isAccountId, isCallerId, NANO_AMOUNT_MAX, parseNano, partitionOf } from "@credits/kernel"

/** Hash and usage line as pricing writes them: printable, nothing JSON would escape. */
const PLAIN = /^[ !#-[\]-~]{0,1024}$/
const LINE_MAX = 1024
const ID_MAX = 128

/** How the texts of a message are checked. */
interface Texts {
  readonly isId: (value: unknown) => value is string
  readonly isLine: (value: unknown) => value is string
}

const ANY_TEXTS: Texts = {
  isId: isCallerId,
  isLine: (value): value is string => typeof value === "string" && PLAIN.test(value),
}

/**
 * JSON of printable ASCII without a backslash escapes nothing, so none of its texts has a quote, a backslash or a
 * control character in it: what is left to check of them is their length, and that an id has no space.
 */
const PLAIN_TEXTS: Texts = {
  isId: (value): value is string =>
    typeof value === "string" && value.length > 0 && value.length <= ID_MAX && !value.includes(" "),
  isLine: (value): value is string => typeof value === "string" && value.length <= LINE_MAX,
}

const BACKSLASH = 0x5c
const DELETE = 0x7f
const textsOf = (payload: Buffer): Texts =>
  isAscii(payload) && !payload.includes(BACKSLASH) && !payload.includes(DELETE) ? PLAIN_TEXTS : ANY_TEXTS

const decoder = new TextDecoder("utf-8", { fatal: true })

const bad = (reason: string, detail: string, payload: string): BadCommand => ({ bad: reason, detail, payload })

const decodeCharge = (value: unknown, partition: number, { isId, isLine }: Texts): Charge | BadCommand => {
  const wrong = (field: string, detail: string): BadCommand =>
    bad("invalid_field", `${field}: ${detail}`, JSON.stringify(value) ?? "null")
  if (!Array.isArray(value) || value.length !== 7)
    return bad("malformed", "a charge is an array of 7", JSON.stringify(value) ?? "null")
  const [id, account, occurredAt, cost, holdId, hash, usage] = value as Array<unknown>
  if (!isId(id)) return wrong("id", "1–128 printable characters")
  if (!isAccountId(account)) return wrong("account", "no account id")
  if (partitionOf(account) !== partition) return wrong("account", "belongs to another partition")
  if (typeof occurredAt !== "number" || !Number.isSafeInteger(occurredAt)) return wrong("occurredAt", "no instant")
  const nano = typeof cost === "string" ? parseNano(cost) : null
  if (nano === null || nano < 0n || nano > NANO_AMOUNT_MAX) return wrong("cost", "no amount from 0 to the limit")
  if (holdId !== "" && !isId(holdId)) return wrong("holdId", "no hold id")
  if (!isLine(hash)) return wrong("hash", "not plain text")
  if (!isLine(usage)) return wrong("usage", "not plain text")
  return { id, account, occurredAt, cost: nano, holdId, hash, usage }
}

/** Place in the message → `traceparent`. What is no such thing traces nothing and harms nobody. */
const traced = (charges: ReadonlyArray<Charge | BadCommand>, traces: unknown): ReadonlyArray<Charge | BadCommand> => {
  if (typeof traces !== "object" || traces === null) return charges
  const told = traces as Readonly<Record<string, unknown>>
  return charges.map((charge, i) => {
    const trace = told[i]
    return typeof trace === "string" && !("bad" in charge) ? { ...charge, trace } : charge
  })
}

export const decodeCharges = (
  payload: Uint8Array,
  partition: number,
): ReadonlyArray<Charge | BadCommand> | BadCommand => {
  let text: string
  try {
    text = decoder.decode(payload)
  } catch {
    return bad("malformed", "the message is not UTF-8", `base64:${Buffer.from(payload).toString("base64")}`)
  }
  let message: { readonly v?: unknown; readonly charges?: unknown; readonly traces?: unknown }
  try {
    message = JSON.parse(text) as typeof message
  } catch {
    return bad("malformed", "the message is not JSON", text)
  }
  if (typeof message !== "object" || message === null || message.v !== 1)
    return bad("malformed", "the message's version is not 1", text)
  if (!Array.isArray(message.charges)) return bad("malformed", "the message has no charges", text)
  const texts = textsOf(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength))
  const charges = message.charges.map((charge: unknown) => decodeCharge(charge, partition, texts))
  return message.traces === undefined ? charges : traced(charges, message.traces)
}
