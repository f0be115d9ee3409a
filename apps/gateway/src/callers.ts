/**
 * Whose calls these are: asks the edge for each credential once in a while. Owns the cache; only a hash of a credential
 * is kept.
 */
import { createHash } from "node:crypto"
import type { Answer, Caller, Gateway } from "@credits/client"

/** So long a key that was revoked may still be used. */
const KNOWN_MS = 30_000
/** A program with a bad key asks in a loop. */
const UNKNOWN_MS = 2_000
const KEPT_MAX = 20_000

interface Known {
  readonly answer: Answer<Caller>
  /** Real time: a credential does not age in an advance of the business clock. */
  readonly until: number
}

const hashOf = (credential: string): string => createHash("sha256").update(credential).digest("base64")

export class Callers {
  readonly #gateway: Pick<Gateway, "callerOf">
  readonly #known = new Map<string, Known>()
  readonly #asking = new Map<string, Promise<Answer<Caller>>>()

  constructor(gateway: Pick<Gateway, "callerOf">) {
    this.#gateway = gateway
  }

  /** @param now monotonic milliseconds */
  of(credential: string, now: number): Promise<Answer<Caller>> {
    const hash = hashOf(credential)
    const known = this.#known.get(hash)
    if (known !== undefined && known.until > now) return Promise.resolve(known.answer)
    const asking = this.#asking.get(hash)
    if (asking !== undefined) return asking
    const asked = this.#ask(credential, hash, now).finally(() => this.#asking.delete(hash))
    this.#asking.set(hash, asked)
    return asked
  }

  async #ask(credential: string, hash: string, now: number): Promise<Answer<Caller>> {
    const answer = await this.#gateway.callerOf(credential)
    const isUnknown = "refused" in answer
    // That it could not be checked is nothing to remember.
    if (isUnknown && answer.refused.code !== "auth_required") return answer
    this.#known.delete(hash)
    this.#known.set(hash, { answer, until: now + (isUnknown ? UNKNOWN_MS : KNOWN_MS) })
    const oldest = this.#known.keys().next().value
    if (this.#known.size > KEPT_MAX && oldest !== undefined) this.#known.delete(oldest)
    return answer
  }
}
