/**
 * Events of the processor, by webhook and by asking for them: each is acted on once, in any order, and only as news
 * that something changed; what it changed to is fetched (field notes A7). The poller makes webhooks an optimisation.
 * Owns which events matter and where their news goes.
 */
import { PROCESSOR_EVENTS, type ChargeStatus } from "@credits/contracts"
import type { Stripe } from "stripe"
import type { ChargeNotice } from "./charge-state.ts"
import type { IntentSnapshot } from "./intent.ts"
import type { MethodNotice } from "./method-state.ts"
import { cardOf, isReturned, type Processor } from "./processor.ts"
import type { Report } from "./report.ts"
import {
  accountOf,
  chargeOfIntent,
  forgetEvents,
  knownEvents,
  readCharge,
  readEventMark,
  rememberEvent,
  statusOfIntent,
  writeEventMark,
  type PaymentsDatabase,
} from "./store.ts"

/** Everything else is not asked for and not acted on. */
const KNOWN_TYPES: ReadonlySet<string> = new Set(PROCESSOR_EVENTS)

const SECOND_MS = 1_000
const DAY_SECONDS = 86_400
/** Events may show up a little out of order. */
const OVERLAP_SECONDS = 600
/** The processor keeps 30 days; what was acted on is remembered longer. */
const FIRST_LOOK_SECONDS = 3 * DAY_SECONDS
const REMEMBERED_MS = 40 * DAY_SECONDS * SECOND_MS
const POLL_EVERY_MS = 10 * 60 * SECOND_MS
/** While our own call about the same intent is under way: its answer is committed within a few milliseconds. */
export const ANSWER_PAUSES_MS = [10, 20, 40, 80, 160] as const
/** Between two looks that somebody wished for. */
const POLL_SPACING_MS = 5 * SECOND_MS

export interface EventsOptions {
  readonly processor: Processor
  readonly database: PaymentsDatabase
  /** Business time: what the processor stamps with. */
  readonly now: () => number
  readonly tellCharge: (obligation: string, notice: ChargeNotice) => Promise<void>
  readonly tellMethod: (account: string, notice: MethodNotice) => Promise<void>
  readonly report: Report
}

/** "later": the processor could not be asked; the event must come again. */
export type Taken = "acted" | "known" | "ignored" | "later"

type SmallEvent = Pick<Stripe.Event, "id" | "type" | "created" | "data">

interface Named {
  readonly id: string
  readonly object: string
  readonly payment_intent?: string | { readonly id: string } | null
}

const idIn = (value: string | { readonly id: string } | null | undefined): string | null =>
  typeof value === "string" ? value : (value?.id ?? null)

export class ProcessorEvents {
  readonly #o: EventsOptions
  #timer: NodeJS.Timeout | undefined
  #polling: Promise<void> | undefined
  #polledAt = Number.NEGATIVE_INFINITY
  #isStarted = false
  #isStopped = false
  /** Real time of the last webhook that was genuine; null: none since the start. */
  webhookAt: number | null = null
  readonly taken: Record<Taken, number> = { acted: 0, known: 0, ignored: 0, later: 0 }
  polls = 0

  constructor(options: EventsOptions) {
    this.#o = options
  }

  /** From now on it looks by itself. Whoever hears of the news must be ready. */
  start(): void {
    this.#isStarted = true
    this.#next(0)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#polling
  }

  /** Looks soon: somebody is in doubt. */
  wake(): void {
    const sinceMs = performance.now() - this.#polledAt
    if (this.#isStarted && this.#polling === undefined && sinceMs >= POLL_SPACING_MS) this.#next(0)
  }

  #next(ms: number): void {
    if (this.#isStopped) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#polling ??= this.poll().finally(() => {
        this.#polling = undefined
        this.#next(POLL_EVERY_MS)
      })
    }, ms)
    this.#timer.unref()
  }

  /** Everything that happened since the last look. Never rejects: the next look begins where this one ended. */
  async poll(): Promise<void> {
    const { processor, database, now, report } = this.#o
    this.#polledAt = performance.now()
    try {
      const nowSeconds = Math.floor(now() / SECOND_MS)
      const since = ((await readEventMark(database)) ?? nowSeconds - FIRST_LOOK_SECONDS) - OVERLAP_SECONDS
      const fresh: Array<SmallEvent> = []
      for await (const page of processor.events(PROCESSOR_EVENTS, since)) {
        const known = await knownEvents(
          database,
          page.map(({ id }) => id),
        )
        for (const event of page) if (!known.has(event.id)) fresh.push(smallEvent(event))
      }
      // Oldest first: the mark may go on as far as everything before it was acted on.
      const outcomes = new Set<Taken>()
      for (const event of fresh.reverse()) if (!this.#isStopped) outcomes.add(await this.take(event))
      if (!outcomes.has("later") && !this.#isStopped) await writeEventMark(database, nowSeconds)
      await forgetEvents(database, Date.now() - REMEMBERED_MS)
      this.polls++
    } catch (error) {
      report("warning", `looking for the processor's events: ${String(error)}; again in ten minutes`)
    }
  }

  /**
   * An event, however it came. It is remembered only after what it said is committed. Sent while it is news it leaves
   * the processor together with the answer to our own call: `pausesMs` are how long that answer's commit is waited for,
   * instead of asking again for what it says.
   */
  async take(event: SmallEvent, pausesMs: ReadonlyArray<number> = []): Promise<Taken> {
    const taken = await this.#take(event, pausesMs)
    this.taken[taken]++
    return taken
  }

  async #take(event: SmallEvent, pausesMs: ReadonlyArray<number>): Promise<Taken> {
    const { database } = this.#o
    if (!KNOWN_TYPES.has(event.type)) return "ignored"
    const object = event.data.object as unknown as Named
    if (await isNoNews(database, event.type, object, pausesMs)) return "known"
    if ((await knownEvents(database, [event.id])).has(event.id)) return "known"
    const taken = await this.#takeObject(object)
    if (taken !== "later") await rememberEvent(database, event, Date.now())
    return taken
  }

  async #takeObject(object: Named): Promise<Taken> {
    switch (object.object) {
      case "payment_method":
        return this.#takeMethod(object)
      case "refund":
        return this.#takeRefund(object)
      default:
        return this.#takeIntent(object, (intent) => ({ type: "intent", intent }))
    }
  }

  /** Of those that come back later: everything else about a refund shows in its charge. */
  async #takeRefund(object: Named): Promise<Taken> {
    const called = await this.#o.processor.retrieveRefund(object.id)
    if ("failed" in called) return called.failed.kind === "invalid" ? "ignored" : "later"
    const refund = called.ok
    if (!isReturned(refund)) return "ignored"
    return this.#takeIntent(object, (intent) => ({ type: "refund_failed", refund: refund.id, intent }))
  }

  async #takeIntent(object: Named, news: (intent: IntentSnapshot) => ChargeNotice): Promise<Taken> {
    const { database, processor, tellCharge } = this.#o
    const id = object.object === "payment_intent" ? object.id : idIn(object.payment_intent)
    if (id === null) return "ignored"
    const ours = await chargeOfIntent(database, id)
    const called = await processor.retrieveIntent(id)
    if ("failed" in called) return called.failed.kind === "invalid" ? "ignored" : "later"
    const intent = called.ok
    const charge = ours ?? (intent.chargeId === null ? null : await readCharge(database, intent.chargeId))
    // Somebody else's money is the reconciliation's business.
    if (charge === null || intent.obligation !== charge.obligation) return "ignored"
    await tellCharge(charge.obligation, news(intent))
    return "acted"
  }

  async #takeMethod(object: Named): Promise<Taken> {
    const { database, processor, tellMethod } = this.#o
    const account = await accountOf(database, object.id)
    if (account === null) return "ignored"
    const called = await processor.retrieveMethod(object.id)
    if ("failed" in called) return called.failed.kind === "invalid" ? "ignored" : "later"
    const card = cardOf(called.ok)
    if (called.ok.customer === null) await tellMethod(account, { type: "detached", id: object.id })
    else if (card !== null) await tellMethod(account, { type: "card", card })
    return "acted"
  }
}

/** Ends that an intent never leaves, by the event that tells of them. */
const ENDS: Readonly<Record<string, ChargeStatus>> = {
  "payment_intent.succeeded": "succeeded",
  "payment_intent.canceled": "canceled",
}

/**
 * Our own call was answered first, as nearly always: nothing more can come of an end that is known. It need not be
 * remembered either, because it is no news the next time again.
 */
const isNoNews = async (
  database: PaymentsDatabase,
  type: string,
  object: Named,
  pausesMs: ReadonlyArray<number>,
): Promise<boolean> => {
  const end = ENDS[type]
  if (end === undefined) return false
  let status = await statusOfIntent(database, object.id)
  for (const ms of pausesMs) {
    if (status !== "submitting") break
    await new Promise((resolve) => setTimeout(resolve, ms))
    status = await statusOfIntent(database, object.id)
  }
  return status === end
}

const smallEvent = ({ id, type, created, data }: SmallEvent): SmallEvent => {
  const object = data.object as unknown as Named
  const small = { id: object.id, object: object.object, payment_intent: idIn(object.payment_intent) }
  // Thousands may wait for their turn: the rest of them is not believed anyway.
  return { id, type, created, data: { object: small } } as unknown as SmallEvent
}
