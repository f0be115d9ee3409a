/**
 * The end of every call: its usage handed in, or its hold given back; and the ends of calls that a dead process left.
 * Owns the order of journal and spool, and that what cannot be handed in now is handed in later.
 */
import type { Gateway } from "@credits/client"
import type { Span } from "@credits/telemetry"
import { carried, usageSpan } from "./call-span.ts"
import type { CallJournal, OpenCall } from "./journal.ts"
import { type CallEnd, type CallRecord, isNothing, usageEvent, type UsageEventData } from "./usage.ts"

/** The part of the client that tells: no way to the ledger (I9). */
type Telling = Pick<Gateway, "usage">
type Releasing = Pick<Gateway, "release">

/** What a call without a hold can do at its end: be recorded. */
export interface Recording {
  begun(call: CallRecord & { readonly mode: "byok" }): void
  produced(id: string, tokens: number): void
  /** The end is on disk when this returns; it is handed in soon. */
  ended(call: CallRecord & { readonly mode: "byok" }, end: CallEnd): void
}

/** A full spool or a silent ledger is asked again after this. */
const AGAIN_MS = 1_000
/** Progress is written every so many tokens: that much a killed process may give away. */
const PROGRESS_TOKENS = 32

export class Settlement implements Recording {
  readonly #gateway: Telling & Releasing
  readonly #journal: CallJournal
  readonly #report: (text: string) => void
  readonly #progress = new Map<string, number>()
  readonly #busy = new Set<Promise<void>>()
  readonly #stopped = new AbortController()

  constructor(gateway: Telling & Releasing, journal: CallJournal, report: (text: string) => void) {
    this.#gateway = gateway
    this.#journal = journal
    this.#report = report
  }

  /** Calls whose end is not handed in yet. */
  get open(): number {
    return this.#journal.open
  }

  /** Settles what was open when the process before this one died, by what it had produced. @returns how many */
  recover(): number {
    for (const found of this.#journal.found) this.#recoverOne(found)
    return this.#journal.found.length
  }

  #recoverOne({ call, produced, event }: OpenCall): void {
    if (event !== null) this.#handIn(call.requestId, event)
    else this.ended(call, { status: "cancelled", usage: null, produced })
  }

  begun(call: CallRecord): void {
    this.#journal.begun(call)
  }

  produced(id: string, tokens: number): void {
    if (tokens < (this.#progress.get(id) ?? 0) + PROGRESS_TOKENS) return
    this.#progress.set(id, tokens)
    this.#journal.produced(id, tokens)
  }

  ended(call: CallRecord, end: CallEnd): void {
    const { requestId, holdId } = call
    this.#progress.delete(requestId)
    if (isNothing(end)) {
      if (holdId === "") this.#journal.closed(requestId)
      else this.#follow(() => this.#giveBack(requestId, holdId, call.traceparent))
      return
    }
    const span = usageSpan(call, end)
    const event = usageEvent(call, end, carried(span))
    this.#journal.settling(requestId, event)
    this.#handIn(requestId, event, span)
  }

  #handIn(requestId: string, event: UsageEventData, span?: Span): void {
    this.#follow(async () => {
      await this.#gateway.usage(event)
      this.#journal.closed(requestId)
      span?.end()
      return true
    })
  }

  async #giveBack(requestId: string, holdId: string, traceparent: string | undefined): Promise<boolean> {
    const answer = await this.#gateway.release(holdId, traceparent)
    // Expired or settled by somebody else: nothing is held any more.
    const isOver = "ok" in answer || answer.refused.code === "hold_not_open"
    if (isOver) this.#journal.closed(requestId)
    return isOver
  }

  /** Until it works or the process ends: then the journal has it. */
  #follow(step: () => Promise<boolean>): void {
    const run = async (): Promise<void> => {
      while (!this.#stopped.signal.aborted) {
        try {
          if (await step()) return
        } catch (error) {
          this.#report(`a call cannot be settled yet: ${error instanceof Error ? error.message : String(error)}`)
        }
        await this.#pause()
      }
    }
    const following = run().finally(() => this.#busy.delete(following))
    this.#busy.add(following)
  }

  #pause(): Promise<void> {
    const { signal } = this.#stopped
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener("abort", done)
        resolve()
      }
      const timer = setTimeout(done, AGAIN_MS)
      signal.addEventListener("abort", done)
    })
  }

  /** Waits for what is being handed in; what cannot be now stays in the journal. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    await Promise.all(this.#busy)
    this.#journal.close()
  }
}
