/**
 * API keys: `wk_live_<32 characters><6 characters of checksum>`. Pure: randomness is an input. Owns the form; which
 * keys exist and what they may do is in `store.ts`. Only the SHA-256 of a key is ever stored, so a copied database
 * opens nothing.
 */
import { createHash } from "node:crypto"

export const API_KEY_PREFIX = "wk_live_"

/** What a key may do: `gateway` = section 4, `control` = read one account's wallet. */
export type KeyScope = "gateway" | "control"

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
const BODY_LENGTH = 32
const CHECKSUM_LENGTH = 6
/** Five bits of each byte: 160 bits, far beyond guessing. */
export const API_KEY_RANDOM_BYTES = BODY_LENGTH

const letters = (bytes: Uint8Array, count: number): string => {
  let text = ""
  for (let i = 0; i < count; i++) text += ALPHABET[bytes[i]! & 31]
  return text
}

const checksumOf = (text: string): string => letters(createHash("sha256").update(text).digest(), CHECKSUM_LENGTH)

export const makeApiKey = (random: Uint8Array): string => {
  const body = API_KEY_PREFIX + letters(random, BODY_LENGTH)
  return body + checksumOf(body)
}

/** Characters of the secret that are shown for ever: enough to tell a few keys apart, 140 bits stay unknown. */
const SHOWN_LENGTH = 4

/** How a key begins: what people recognise it by, in lists and in a leak. */
export const keyPrefixOf = (key: string): string => key.slice(0, API_KEY_PREFIX.length + SHOWN_LENGTH)

const FORM = new RegExp(`^${API_KEY_PREFIX}[${ALPHABET}]{${BODY_LENGTH + CHECKSUM_LENGTH}}$`)

/** True for text of the right form and checksum: a typing error or a scanner's guess never reaches the database. */
export const isApiKey = (text: string): boolean =>
  FORM.test(text) && checksumOf(text.slice(0, -CHECKSUM_LENGTH)) === text.slice(-CHECKSUM_LENGTH)

/** Whether a credential claims to be an API key (and not a JWT). */
export const looksLikeApiKey = (text: string): boolean => text.startsWith(API_KEY_PREFIX)

/** What the store knows a key by, hex. Keys are random, so a plain hash is enough. */
export const hashApiKey = (key: string): string => createHash("sha256").update(key).digest("hex")

/** The use of a key is written down at most this often, never with each of thousands of requests a second. */
const USE_WRITTEN_MS = 60_000

export const keyUseIsWritten = (lastUsedAt: number | null, now: number): boolean =>
  lastUsedAt === null || now - lastUsedAt >= USE_WRITTEN_MS
