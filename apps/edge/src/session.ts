/**
 * A browser's session: what its cookie holds and how long it lives. Pure: randomness and time are inputs. Owns the form
 * and the lifetimes; which sessions there are is in the database, by the hash of what the cookie holds.
 */
import { createHash } from "node:crypto"
import type { StoredSession } from "./session-table.ts"

const PREFIX = "ses_"
/** 256 bits. */
export const SESSION_RANDOM_BYTES = 32

const DAY_MS = 86_400_000
/** However much it is used, a person signs in once a month. */
export const SESSION_LIFE_MS = 30 * DAY_MS
/** A browser left alone overnight is signed out. */
export const SESSION_IDLE_MS = 12 * 3_600_000
/** The use of a session is written down at most this often: a page that polls must not write with every read. */
const USE_WRITTEN_MS = 5 * 60_000

export const makeSessionSecret = (random: Uint8Array): string => PREFIX + Buffer.from(random).toString("base64url")
export const looksLikeSession = (text: string): boolean => text.startsWith(PREFIX)
export const hashSession = (secret: string): string => createHash("sha256").update(secret).digest("hex")

export const newSession = (account: string, authenticatedAt: number, now: number): StoredSession => ({
  account,
  authenticatedAt,
  endsAt: now + SESSION_LIFE_MS,
  idleAt: now + SESSION_IDLE_MS,
})

/** The new end of an idle session that is used at `now`; null while the one written down is good enough. */
export const idleAfterUse = ({ idleAt, endsAt }: StoredSession, now: number): number | null => {
  const next = Math.min(now + SESSION_IDLE_MS, endsAt)
  return next - idleAt < USE_WRITTEN_MS ? null : next
}
