/**
 * After a takeover holds do not expire until the owner has applied the stream's end that it saw then, or for a while
 * (decision 11): what settles them may still wait in the stream.
 */
import type { Mailbox } from "./mailbox.ts"
import { HOLD_GRACE_MS } from "./pace.ts"

export class HoldGrace {
  #since = 0
  #upTo = Number.POSITIVE_INFINITY

  takenOver(): void {
    this.#since = Date.now()
    this.#upTo = Number.POSITIVE_INFINITY
  }

  streamEnds(last: number): void {
    this.#upTo = last
  }

  hasDelivered({ delivered }: Pick<Mailbox<unknown>, "delivered">): boolean {
    return delivered >= this.#upTo
  }

  isOver(mailbox: Pick<Mailbox<unknown>, "delivered" | "messages">): boolean {
    return Date.now() - this.#since > HOLD_GRACE_MS || (this.hasDelivered(mailbox) && mailbox.messages === 0)
  }
}
