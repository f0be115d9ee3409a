/**
 * Usage events that the other side will never take, kept for a person: `rejected.jsonl` beside the spool's segments,
 * one line an event with the reason. Owns that file and its limit; a repeat of a message may write a line twice.
 */
import { appendFile, stat } from "node:fs/promises"
import { join } from "node:path"
import type { RejectedEvent } from "./transport.ts"

/** Above this they are only counted: a gateway that is wrong about everything must not fill the disk. */
const FILE_BYTES_MAX = 64 * 1024 * 1024

export class RejectedEvents {
  readonly #file: string
  readonly #onRejected: (event: RejectedEvent) => void
  #count = 0

  constructor(directory: string, onRejected: (event: RejectedEvent) => void = () => {}) {
    this.#file = join(directory, "rejected.jsonl")
    this.#onRejected = onRejected
  }

  /** Since the start. */
  get count(): number {
    return this.#count
  }

  /** @param message the JSON array they were sent in */
  async keep(message: Buffer, rejected: ReadonlyArray<RejectedEvent>): Promise<void> {
    const events = new Map(
      (JSON.parse(message.toString()) as ReadonlyArray<{ readonly id: string }>).map((event) => [event.id, event]),
    )
    const lines = rejected.map((one) => `${JSON.stringify({ ...one, event: events.get(one.id) ?? null })}\n`)
    const bytes = await stat(this.#file).then(
      ({ size }) => size,
      () => 0,
    )
    if (bytes < FILE_BYTES_MAX) await appendFile(this.#file, lines.join(""), { mode: 0o600 })
    this.#count += rejected.length
    for (const one of rejected) this.#onRejected(one)
  }
}
