/**
 * Running the reconciliation (R10.4): pages of the processor's charges against ours, then ours that it did not show.
 * Owns the walk and when it runs; what counts as a difference is `reconciliation.ts`. Nothing is corrected.
 */
import type { RunningClock } from "@credits/bus"
import type { ChargeView, ReconciliationAnswer } from "@credits/contracts"
import type { Processor } from "./processor.ts"
import {
  compareCharge,
  distinct,
  duplicateOf,
  GRACE_MS,
  missingThere,
  type FoundSubject,
  type ProcessorCharge,
} from "./reconciliation.ts"
import type { Report } from "./report.ts"
import { chargesOfIntents, succeededBetween, writeFindings, type PaymentsDatabase } from "./store.ts"

const HOUR_MS = 3_600_000
/** What is looked at when nobody says: the night's look back. */
const WINDOW_MS = 48 * HOUR_MS
/** The hourly look; longer than an hour, so that one that failed is made good by the next. */
const DELTA_MS = 3 * HOUR_MS
const DELTAS_PER_WINDOW = 24
const PAGE_ROWS = 500

export interface ReconcilerOptions {
  readonly processor: Processor
  readonly database: PaymentsDatabase
  readonly clock: Pick<RunningClock, "now">
  readonly report: Report
}

export class Reconciler {
  readonly #o: ReconcilerOptions
  #running: Promise<ReconciliationAnswer> | undefined
  #timer: NodeJS.Timeout | undefined
  #runs = 0
  #isStopped = false

  constructor(options: ReconcilerOptions) {
    this.#o = options
  }

  /** Every hour of real time. */
  start(): void {
    this.#timer = setTimeout(() => {
      const isWhole = this.#runs++ % DELTAS_PER_WINDOW === 0
      const now = this.#o.clock.now()
      this.run(now - (isWhole ? WINDOW_MS : DELTA_MS), now)
        .catch((error: unknown) => this.#o.report("warning", `reconciliation: ${String(error)}`))
        .finally(() => {
          if (!this.#isStopped) this.start()
        })
    }, HOUR_MS)
    this.#timer.unref()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  /** One at a time: a second waits for the first. @throws Error of the SDK | StoreError */
  async run(from?: number, to?: number): Promise<ReconciliationAnswer> {
    await this.#running?.catch(() => undefined)
    const end = to ?? this.#o.clock.now()
    const running = this.#compare(from ?? end - WINDOW_MS, end)
    this.#running = running
    return running
  }

  async #compare(from: number, to: number): Promise<ReconciliationAnswer> {
    const { processor, database, clock, report } = this.#o
    const now = clock.now()
    const found: Array<FoundSubject> = []
    const seen = new Set<string>()
    const paid = new Map<string, ProcessorCharge>()
    let compared = 0
    for await (const page of processor.charges(from, to)) {
      const ours = await this.#oursOf(page)
      for (const there of page) {
        compared++
        if (there.intent !== null) seen.add(there.intent)
        const here = ours(there)
        found.push(...compareCharge(there, here, now))
        const before = there.obligation === null ? undefined : paid.get(there.obligation)
        if (before !== undefined) found.push(duplicateOf(there, before, here, now))
        else if (there.obligation !== null) paid.set(there.obligation, there)
      }
    }
    // What was decided just now may not be in the list that was read before.
    for await (const here of this.#unseen(from, Math.min(to, now - GRACE_MS), seen)) {
      compared++
      const shown = await this.#shownAs(here)
      if (shown !== null) found.push(missingThere(here, shown, now))
    }
    const findings = distinct(found)
    await writeFindings(database, { from, to }, findings, now)
    for (const { finding } of findings) {
      report("error", `reconciliation: ${finding.kind} ${finding.processorId ?? finding.chargeId}: ${finding.detail}`)
    }
    return { from, to, compared, findings: findings.map(({ finding }) => finding) }
  }

  async #oursOf(page: ReadonlyArray<ProcessorCharge>): Promise<(there: ProcessorCharge) => ChargeView | null> {
    const intents = page.flatMap(({ intent }) => (intent === null ? [] : [intent]))
    const chargeIds = page.flatMap(({ chargeId }) => (chargeId === null ? [] : [chargeId]))
    const ours = await chargesOfIntents(this.#o.database, intents, chargeIds)
    const byIntent = new Map(ours.map((view) => [view.processorId, view]))
    const byId = new Map(ours.map((view) => [view.chargeId, view]))
    return ({ intent, chargeId }) => byIntent.get(intent) ?? byId.get(chargeId ?? "") ?? null
  }

  async *#unseen(from: number, to: number, seen: ReadonlySet<string>): AsyncGenerator<ChargeView> {
    let after = ""
    for (;;) {
      const page = await succeededBetween(this.#o.database, from, to, after, PAGE_ROWS)
      for (const view of page) if (view.processorId === null || !seen.has(view.processorId)) yield view
      if (page.length < PAGE_ROWS) return
      after = page.at(-1)!.chargeId
    }
  }

  /** Asked for itself: the window's edges cut differently on the two sides. null: it is as we say. */
  async #shownAs(here: ChargeView): Promise<string | null> {
    if (here.processorId === null) return "nothing is known"
    const called = await this.#o.processor.retrieveIntent(here.processorId)
    if ("ok" in called) return called.ok.status === "succeeded" ? null : called.ok.status
    if (called.failed.kind === "invalid") return "nothing is known"
    throw new Error("the processor does not answer")
  }
}
