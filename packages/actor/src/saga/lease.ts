/**
 * Who owns a machine: one process, by a row with an epoch. Owns the wait for it and how much of it is left; the fence
 * is in every commit (`store.ts`). Leases use real time.
 */
import type { Database } from "@credits/store"
import { hasEnded, ownerName } from "../ended-process.ts"
import { LEASE_MS, type SagaStore } from "./store.ts"

const RETRY_MS = 250
const RENEW_MS = 1_000
const AHEAD_MAX_MS = 5_000
/** Reads from memory need at least this much left: another owner cannot have begun meanwhile. */
const MARGIN_MS = 500

export class Lease {
  readonly #store: SagaStore
  readonly #isLocal: boolean
  #until = 0

  constructor(store: SagaStore, database: Database) {
    this.#store = store
    this.#isLocal = database.dialect === "sqlite"
  }

  /** Waits until it is ours, and until this clock is right (decision 11): due work would run early. */
  async take(onWait: (why: string) => void, signal: AbortSignal | undefined): Promise<void> {
    const owner = ownerName()
    let told = ""
    for (;;) {
      signal?.throwIfAborted()
      const asked = Date.now()
      const aheadMs = this.#isLocal ? 0 : asked - (await this.#store.now())
      if (aheadMs <= AHEAD_MAX_MS && (await this.#store.acquire(owner, this.#isLocal ? hasEnded : () => false))) {
        this.#until = asked + LEASE_MS
        return
      }
      const why =
        aheadMs > AHEAD_MAX_MS
          ? "this clock is ahead of the database's"
          : "another process owns it; waiting until it goes"
      if (why !== told) onWait(why)
      told = why
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }

  /** A commit that began then has renewed it. */
  renewed(began: number): void {
    this.#until = began + LEASE_MS
  }

  get isSafe(): boolean {
    return Date.now() < this.#until - MARGIN_MS
  }

  /** Real time at which an idle owner should renew it. */
  get renewAt(): number {
    return this.#until - LEASE_MS + RENEW_MS
  }
}
