/**
 * Ids: opaque, prefixed, time-sortable (a ULID body in lower-case Crockford base 32).
 * Pure: time and randomness are inputs. Time-ordered ids keep the idempotency tables append-only (architecture,
 * decision 12).
 */

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

export type IdPrefix =
  | "acc"
  | "sub"
  | "lot"
  | "hold"
  | "chg"
  | "qt"
  | "evt"
  | "ntf"
  | "rev"
  | "req"
  | "key"
  | "cmd"
  | "whk"

/** 26 characters: 48 bits of milliseconds, 80 bits of randomness (`random` needs 10 bytes). */
export const ulid = (nowMs: number, random: Uint8Array): string => {
  let time = nowMs
  let head = ""
  for (let i = 0; i < 10; i++) {
    head = ALPHABET[time % 32] + head
    time = Math.floor(time / 32)
  }
  let tail = ""
  let bits = 0
  let held = 0
  for (let i = 0; i < 10; i++) {
    held = (held << 8) | random[i]!
    bits += 8
    while (bits >= 5) {
      bits -= 5
      tail += ALPHABET[(held >> bits) & 31]
    }
    held &= (1 << bits) - 1
  }
  return head + tail
}

export const makeId = (prefix: IdPrefix, nowMs: number, random: Uint8Array): string =>
  `${prefix}_${ulid(nowMs, random)}`

const ACCOUNT_ID = /^acc_[0-9A-Za-z]{1,40}$/

/** Account ids are `acc_` and 1–40 letters or digits. */
export const isAccountId = (text: unknown): text is string => typeof text === "string" && ACCOUNT_ID.test(text)

/**
 * Ids that callers choose (event ids, request ids): 1–128 printable ASCII characters without spaces, quotes or
 * backslash.
 */
const CALLER_ID = /^[!#-[\]-~]{1,128}$/
export const isCallerId = (text: unknown): text is string => typeof text === "string" && CALLER_ID.test(text)

/**
 * A hold id carries its account, so that extend and release find the partition without a look-up.
 * `hold_<time and randomness, 26 characters><account id without its prefix>`.
 */
export const makeHoldId = (accountId: string, nowMs: number, random: Uint8Array): string =>
  `hold_${ulid(nowMs, random)}${accountId.slice(4)}`

const HOLD_ID = /^hold_[0-9a-z]{26}([0-9A-Za-z]{1,40})$/

/** The account a hold id belongs to, or null when the text is no hold id. */
export const accountOfHold = (holdId: string): string | null => {
  const match = HOLD_ID.exec(holdId)
  return match === null ? null : `acc_${match[1]!}`
}
