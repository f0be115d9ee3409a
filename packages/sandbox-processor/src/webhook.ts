/**
 * Delivery of events: signed as Stripe signs, at least once, in no promised order. What waits is in the store, so a
 * restart goes on. Runs on real time throughout: the receiver checks the signature's age against its own clock.
 */
import { createHmac } from "node:crypto"
import type { FaultPlan, WebhookFault } from "./fault.ts"
import { isLike } from "./fault.ts"
import type { DeliverableEvent, Store } from "./store.ts"
import { WebhookPost } from "./webhook-post.ts"

export interface WebhookTarget {
  readonly url: string
  /** `whsec_…`: what the receiver checks with. */
  readonly secret: string
  /** Types it is subscribed to, `charge.*` for a group; absent: all. Others are only in `events.list`. */
  readonly events?: ReadonlyArray<string> | undefined
}

/** Deliveries under way at a time; more would only queue at the receiver. */
const IN_FLIGHT_MAX = 16
/** Taken from the store and waiting for a later try, a delay or their turn. */
const HELD_MAX = 1_000
const RETRY_FIRST_MS = 500
const RETRY_MAX_MS = 30_000
/** Then it counts as failed and `events.list` with `delivery_success: false` shows it. Three minutes in all. */
const TRIES_MAX = 10
/** A held-back event does not wait for a next one that never comes. */
const REORDER_MS = 1_000

/** `t=<seconds>,v1=<hex of HMAC-SHA256 over "<seconds>.<body>">`. */
export const signatureOf = (secret: string, body: string, seconds: number): string =>
  `t=${seconds},v1=${createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex")}`

export class WebhookDelivery {
  readonly #target: WebhookTarget
  readonly #store: Store
  readonly #faults: FaultPlan
  readonly #nowMs: () => number
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #post: WebhookPost
  readonly #wanted = new Map<string, boolean>()
  #isStopped = false
  /** Everything up to here was taken from the store. */
  #takenId = ""
  #inFlight = 0
  #held = 0
  /** Sent after the next event. */
  #heldBack: Array<DeliverableEvent> = []
  #idle: Array<() => void> = []

  /** @param nowMs real time, milliseconds */
  constructor(target: WebhookTarget, store: Store, faults: FaultPlan, nowMs: () => number) {
    this.#target = target
    this.#post = new WebhookPost(target.url)
    this.#store = store
    this.#faults = faults
    this.#nowMs = nowMs
  }

  /** Whether the endpoint is subscribed to this type. */
  isWanted(type: string): boolean {
    const known = this.#wanted.get(type)
    if (known !== undefined) return known
    const isWanted = this.#target.events?.some((wanted) => isLike(type, wanted)) ?? true
    this.#wanted.set(type, isWanted)
    return isWanted
  }

  /** After a commit that brought events. */
  wake(): void {
    if (this.#isStopped) return
    while (this.#inFlight < IN_FLIGHT_MAX && this.#held < HELD_MAX) {
      const events = this.#store.undelivered(this.#takenId, IN_FLIGHT_MAX - this.#inFlight)
      if (events.length === 0) break
      this.#takenId = events.at(-1)!.id
      for (const event of events) this.#begin(event)
    }
    if (this.#isIdle) for (const resolve of this.#idle.splice(0)) resolve()
  }

  get #isIdle(): boolean {
    return this.#inFlight === 0 && this.#held === 0
  }

  /** Resolves when everything that happened until now was delivered or given up. */
  async drained(): Promise<void> {
    if (this.#isStopped) return
    await new Promise<void>((resolve) => {
      this.#store.afterCommit(() => {
        this.#idle.push(resolve)
        this.wake()
      })
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#post.close()
    for (const timer of this.#timers) clearTimeout(timer)
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  #begin(event: DeliverableEvent): void {
    const fault = this.#faults.ofWebhook(event.type)
    if (fault !== undefined) return this.#beginWrong(event, fault)
    this.#send(event, 1)
    for (const earlier of this.#heldBack.splice(0)) this.#letGo(earlier)
  }

  #beginWrong(event: DeliverableEvent, fault: WebhookFault): void {
    switch (fault.kind) {
      case "webhook_lose":
        return this.#store.deliveryFailed(event.id)
      case "webhook_duplicate":
        this.#send(event, 1)
        return this.#send(event, 1)
      case "webhook_delay":
        return this.#later(fault.ms, () => this.#send(event, 1))
      case "webhook_reorder":
        this.#held += 1
        this.#heldBack.push(event)
        this.#timer(REORDER_MS, () => {
          if (!this.#heldBack.includes(event)) return
          this.#heldBack = this.#heldBack.filter((each) => each !== event)
          this.#letGo(event)
        })
    }
  }

  #letGo(event: DeliverableEvent): void {
    this.#held -= 1
    this.#send(event, 1)
  }

  #timer(ms: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      then()
    }, ms)
    this.#timers.add(timer)
  }

  #later(ms: number, then: () => void): void {
    this.#held += 1
    this.#timer(ms, () => {
      this.#held -= 1
      then()
    })
  }

  #send(event: DeliverableEvent, tries: number): void {
    this.#inFlight += 1
    void this.#deliver(event, tries)
  }

  async #deliver(event: DeliverableEvent, tries: number): Promise<void> {
    const seconds = Math.floor(this.#nowMs() / 1_000)
    const isTaken = await this.#post.send(event.body, signatureOf(this.#target.secret, event.body, seconds))
    this.#inFlight -= 1
    if (this.#isStopped) return
    if (isTaken) this.#store.delivered(event.id)
    else if (tries >= TRIES_MAX) this.#store.deliveryFailed(event.id)
    else {
      const pauseMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (tries - 1))
      this.#later(pauseMs, () => this.#send(event, tries + 1))
    }
    this.#store.afterCommit(() => this.wake())
  }
}
