/**
 * Where usage events enter the client: checked, put on the spool, held back when it is full. Owns back-pressure.
 * An event is accepted when `accept` resolves; from then on it reaches the stream at least once, whatever happens.
 */
import { decodeUsageEvent, EVENT_BYTES_MAX } from "@credits/contracts"
import { ClientClosed, SpoolFull, UsageEventInvalid } from "./errors.ts"
import type { Spool } from "./spool.ts"

export interface UsageIntakeOptions {
  /**
   * How long `accept` waits for room in a full spool before it fails with `SpoolFull`. Default 5,000 ms; 0 = at once.
   */
  readonly fullWaitMs?: number
  /** Callers that wait for room, at most; one more fails with `SpoolFull` at once. Default 10,000. */
  readonly waitersMax?: number
}

interface Waiter {
  readonly event: Buffer
  readonly resolve: (appended: Promise<void>) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

export class UsageIntake {
  readonly #spool: Spool
  readonly #fullWaitMs: number
  readonly #waitersMax: number
  #waiters: Array<Waiter> = []
  #closed = false

  constructor(spool: Spool, options: UsageIntakeOptions) {
    this.#spool = spool
    this.#fullWaitMs = options.fullWaitMs ?? 5_000
    this.#waitersMax = options.waitersMax ?? 10_000
    spool.onFreed = () => this.#admit()
  }

  get waiting(): number {
    return this.#waiters.length
  }

  /**
   * Rejects with `UsageEventInvalid`, `SpoolFull`, `SpoolWriteFailed` or `ClientClosed`: then the event is not
   * accepted.
   */
  accept(value: unknown): Promise<void> {
    if (this.#closed) return Promise.reject(new ClientClosed())
    const decoded = decodeUsageEvent(value)
    if ("code" in decoded) return Promise.reject(new UsageEventInvalid(decoded))
    const event = Buffer.from(JSON.stringify(value))
    if (event.length > EVENT_BYTES_MAX) {
      const detail = `an event has at most ${EVENT_BYTES_MAX} bytes, this one ${event.length}`
      return Promise.reject(new UsageEventInvalid({ code: "too_large", field: "", detail }))
    }
    // Those who wait already come first.
    if (this.#waiters.length === 0 && this.#spool.hasRoomFor(event.length)) return this.#spool.append(event)
    return this.#wait(event)
  }

  #full(): SpoolFull {
    return new SpoolFull({ bytes: this.#spool.bytes, bytesMax: this.#spool.bytesMax })
  }

  #wait(event: Buffer): Promise<void> {
    if (this.#fullWaitMs === 0 || this.#waiters.length >= this.#waitersMax) return Promise.reject(this.#full())
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter)
        reject(this.#full())
      }, this.#fullWaitMs)
      const waiter: Waiter = { event, resolve, reject, timer }
      this.#waiters.push(waiter)
    })
  }

  #admit(): void {
    let admitted = 0
    for (const waiter of this.#waiters) {
      if (!this.#spool.hasRoomFor(waiter.event.length)) break
      clearTimeout(waiter.timer)
      waiter.resolve(this.#spool.append(waiter.event))
      admitted++
    }
    this.#waiters.splice(0, admitted)
  }

  /** Whoever waits for room is told; accepts nothing more. */
  close(): void {
    this.#closed = true
    for (const waiter of this.#waiters.splice(0)) {
      clearTimeout(waiter.timer)
      waiter.reject(new ClientClosed())
    }
  }
}
