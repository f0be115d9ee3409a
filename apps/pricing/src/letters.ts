/**
 * The outbox of dead letters: rows that the intake wrote with its cursor, published to DEAD_LETTERS until they are
 * (decision 5). Level-triggered: whatever is unpublished in the database is published, whoever wrote it and when.
 */
import { BusRefused, publishAtomic, type BusHandle } from "@credits/bus"
import { HEADERS, SUBJECTS, type DeadLetter } from "@credits/contracts"
import type { Report } from "./intake.ts"
import {
  countPendingLetters,
  markLettersPublished,
  pendingLetters,
  type PendingLetter,
  type PricingDatabase,
} from "./store.ts"

const BATCH_LETTERS = 100
const BATCH_BYTES_MAX = 4 * 1024 * 1024
/** nats-server takes 1 MiB a message, headers included. */
const MESSAGE_BYTES_MAX = 960 * 1024
/** What is left of a payload whose escaped form is too long: an escape is at most six characters for one. */
const PAYLOAD_CUT = 100 * 1024
const RETRY_MS = 1_000

const messageOf = (letter: PendingLetter) => {
  let payload = letter.body
  if (Buffer.byteLength(payload) > MESSAGE_BYTES_MAX) {
    const whole = JSON.parse(letter.body) as DeadLetter
    payload = JSON.stringify({ ...whole, payload: whole.payload.slice(0, PAYLOAD_CUT) })
  }
  return { subject: SUBJECTS.deadLetter("pricing"), payload, headers: { [HEADERS.id]: letter.id } }
}

export class DeadLetterOutbox {
  readonly #bus: BusHandle
  readonly #database: PricingDatabase
  readonly #report: Report
  #isStopped = false
  #isAsked = false
  #running: Promise<void> | undefined
  #retry: NodeJS.Timeout | undefined
  #isTroubled = false

  constructor(bus: BusHandle, database: PricingDatabase, report: Report) {
    this.#bus = bus
    this.#database = database
    this.#report = report
  }

  /** Publishes what is pending, now or as soon as the run before has ended. */
  wake(): void {
    if (this.#isStopped) return
    this.#isAsked = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      // Asked while the run was ending.
      if (this.#isAsked && this.#retry === undefined) this.wake()
    })
  }

  pending(): Promise<number> {
    return countPendingLetters(this.#database)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#retry)
    await this.#running
  }

  async #run(): Promise<void> {
    try {
      while (this.#isAsked && !this.#isStopped) {
        this.#isAsked = false
        const letters = await pendingLetters(this.#database, BATCH_LETTERS)
        if (letters.length === 0) return
        await this.#publish(letters)
        this.#isAsked = true
        this.#isTroubled = false
      }
    } catch (error) {
      if (!this.#isTroubled) this.#report("warning", `publishing dead letters: ${String(error)}; trying again`)
      this.#isTroubled = true
      clearTimeout(this.#retry)
      this.#retry = setTimeout(() => {
        this.#retry = undefined
        this.wake()
      }, RETRY_MS)
    }
  }

  async #publish(letters: ReadonlyArray<PendingLetter>): Promise<void> {
    let batch: Array<PendingLetter> = []
    let bytes = 0
    const flush = async (): Promise<void> => {
      if (batch.length === 0) return
      try {
        await publishAtomic(this.#bus.js, batch.map(messageOf))
      } catch (error) {
        if (error instanceof BusRefused) this.#report("error", `dead letters from ${batch[0]!.id} on: ${error.message}`)
        throw error
      }
      await markLettersPublished(
        this.#database,
        batch.map((letter) => letter.id),
      )
      batch = []
      bytes = 0
    }
    for (const letter of letters) {
      batch.push(letter)
      bytes += letter.body.length
      if (bytes >= BATCH_BYTES_MAX) await flush()
    }
    await flush()
  }
}
