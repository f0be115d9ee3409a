/**
 * Command messages of the ledger while they grow: one partition each, within the size caps of decision 4.
 * Owns bytes and counts only; what a charge says is `call.ts`.
 */
import { MESSAGE_BYTES_MAX } from "@credits/contracts"

/** A command message of one partition, ready to publish. */
export interface ChargeMessage {
  readonly partition: number
  readonly payload: Uint8Array
  readonly charges: number
}
const HEAD = Buffer.from(`{"v":1,"charges":[`)
const TAIL = Buffer.from("]}")
/** `"1999":"00-…",` is 65; the rest is this one's share of what stands around all of them. */
const TRACE_BYTES = 80
const COMMA = 0x2c
/**
 * A charge message is a command: at most 512 KiB, and no more charges than one commit of the ledger takes (decision
 * 4).
 */
const CHARGES_PER_MESSAGE_MAX = 2000
const NO_BYTES = Buffer.alloc(0)
const OPEN_BYTES_MIN = 8 * 1024
/** 64 of them are open at once. */
const OPEN_BYTES_MAX = 96 * 1024
/** What the last message needed and a quarter more: the next is mostly as long, and need not be moved as it grows. */
let openBytes = OPEN_BYTES_MIN

/**
 * The charge message of one partition while it grows. Lines go into bytes at once: kept as strings until the end of the
 * batch, they would survive the young generation and cost more in garbage collection than everything else in the loop.
 */
export class OpenMessage {
  #bytes = NO_BYTES
  #length = 0
  /** Place in the message → `traceparent`, of the few charges that are traced. */
  #traces: Record<number, string> | null = null
  #tailBytes = TAIL.length
  charges = 0

  /** `line` is ASCII: its length is its size. False when it does not fit any more. */
  add(line: string, trace?: string): boolean {
    const end = (this.charges === 0 ? HEAD.length : this.#length + 1) + line.length
    const tail = trace === undefined ? this.#tailBytes : this.#tailBytes + TRACE_BYTES
    if (this.charges === CHARGES_PER_MESSAGE_MAX || end + tail > MESSAGE_BYTES_MAX) return false
    if (trace !== undefined) {
      ;(this.#traces ??= {})[this.charges] = trace
      this.#tailBytes += TRACE_BYTES
    }
    if (end + TAIL.length > this.#bytes.length) this.#grow(end + TAIL.length)
    if (this.charges === 0) {
      HEAD.copy(this.#bytes)
      this.#length = HEAD.length
    } else {
      this.#bytes[this.#length++] = COMMA
    }
    this.#length += this.#bytes.write(line, this.#length, "latin1")
    this.charges++
    return true
  }

  #grow(wanted: number): void {
    const bytes = Buffer.allocUnsafeSlow(
      Math.min(Math.max(wanted, openBytes, this.#bytes.length * 2), MESSAGE_BYTES_MAX),
    )
    this.#bytes.copy(bytes, 0, 0, this.#length)
    this.#bytes = bytes
  }

  take(partition: number): ChargeMessage {
    const tail = this.#traces === null ? TAIL : Buffer.from(`],"traces":${JSON.stringify(this.#traces)}}`)
    if (this.#length + tail.length > this.#bytes.length) this.#grow(this.#length + tail.length)
    tail.copy(this.#bytes, this.#length)
    const payload = this.#bytes.subarray(0, this.#length + tail.length)
    const { charges } = this
    openBytes = Math.min(Math.max(OPEN_BYTES_MIN, Math.ceil(payload.length * 1.25)), OPEN_BYTES_MAX)
    this.#traces = null
    this.#tailBytes = TAIL.length
    this.#bytes = NO_BYTES
    this.#length = 0
    this.charges = 0
    return { partition, payload, charges }
  }
}
