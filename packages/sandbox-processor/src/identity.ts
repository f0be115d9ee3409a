/**
 * Ids and secrets. Ids sort by their making, which lists and the order of events rest on; a number carries on after a
 * restart. Secrets are random.
 */
import { randomBytes } from "node:crypto"

/** 36⁹: a hundred million million objects. */
const SEQUENCE_LENGTH = 9
const RANDOM_LENGTH = 14
const SECRET_LENGTH = 25
const ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456"
/** Bytes drawn at a time: a draw costs more than the bytes. */
const POOL_BYTES = 4_096

let pool = Buffer.alloc(0)
let used = 0

const randomText = (length: number): string => {
  if (used + length > pool.length) {
    pool = randomBytes(POOL_BYTES)
    used = 0
  }
  let text = ""
  for (let i = 0; i < length; i++) text += ALPHABET[pool[used++]! & 63]!
  return text
}

export class Identity {
  #sequence: number

  /** @param lastId what followed the prefix of the last id that was given out; "" for none */
  constructor(lastId: string) {
    this.#sequence = lastId === "" ? 0 : Number.parseInt(lastId.slice(1, 1 + SEQUENCE_LENGTH), 36)
  }

  readonly nextId = (): string => {
    this.#sequence += 1
    return `1${this.#sequence.toString(36).padStart(SEQUENCE_LENGTH, "0")}${randomText(RANDOM_LENGTH)}`
  }

  readonly nextSecret = (): string => randomText(SECRET_LENGTH)
}

export const newRequestId = (): string => `req_${randomText(RANDOM_LENGTH)}`
