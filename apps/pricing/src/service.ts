/**
 * Pricing as one thing with a life: opens its tables, publishes the seeds, then rates, counts and answers until
 * stopped. Owns the order of starting and stopping and what `status` says. Plain promises: the Effect edge is
 * `main.ts`.
 */
import { processName, verifyStreams, type BusHandle, type RunningClock } from "@credits/bus"
import { BUCKETS, STREAMS, type ControlAnswer } from "@credits/contracts"
import { readCatalogue, readPriceBook, type Catalogue, type PriceBook } from "@credits/pricebook"
import { tracing } from "@credits/telemetry"
import { FreeSpace, migrateNow, type FreeSpaceOptions } from "@credits/store"
import { RatingActor } from "./actor.ts"
import { refuseBook, refusePast } from "./correction.ts"
import { Endpoints } from "./endpoints.ts"
import type { Report } from "./intake.ts"
import { DeadLetterOutbox } from "./letters.ts"
import { noMetrics, type Metrics } from "./metrics.ts"
import { UsageProjection } from "./projection.ts"
import { UsageRebuild } from "./rebuild.ts"
import { migrations, SCHEMA_VERSION } from "./schema.ts"
import type { PricingDatabase } from "./store.ts"
import { Versions } from "./versions.ts"

/** Data for the first start ever, and where it comes from, for people. */
export interface Seed {
  readonly data: ReadonlyArray<unknown>
  readonly from: string
}

export interface PricingOptions {
  readonly bus: BusHandle
  readonly database: PricingDatabase
  readonly clock: RunningClock
  readonly seeds: { readonly books: Seed; readonly catalogues: Seed }
  /** Below its mark no further usage is rated; questions are answered as ever (decision 21). */
  readonly freeSpace: FreeSpaceOptions
  readonly report: Report
}

export interface RunningPricing {
  readonly metrics: Metrics
  readonly status: () => Promise<ControlAnswer>
  /** What was rated is published and committed before this resolves. */
  readonly stop: () => Promise<void>
}

const USED_STREAMS = [
  STREAMS.usage.name,
  STREAMS.ledgerCommands.name,
  STREAMS.ledgerJournal.name,
  STREAMS.deadLetters.name,
]

interface Parts {
  readonly space: FreeSpace
  readonly actor: RatingActor
  readonly projection: UsageProjection
  readonly letters: DeadLetterOutbox
  readonly books: Versions<PriceBook>
  readonly catalogues: Versions<Catalogue>
  readonly endpoints: Endpoints
}

const statusOf = async (parts: Parts, clock: RunningClock, metrics: Metrics): Promise<ControlAnswer> => {
  const { space, actor, projection, letters, books, catalogues, endpoints } = parts
  const now = clock.now()
  const gaps = [actor.gap, projection.gap].filter((gap) => gap !== undefined)
  return {
    service: "pricing",
    ready: actor.caughtUp && actor.gap === undefined && books.wasPushed && catalogues.wasPushed,
    now,
    nextDue: null,
    ran: 0,
    cursors: { [STREAMS.usage.name]: actor.cursor, [STREAMS.ledgerJournal.name]: projection.cursor },
    outboxPending: await letters.pending(),
    openRequests: endpoints.open,
    detail: {
      ...(gaps.length > 0 && {
        cursor_gap: gaps.map(({ stream, reason, cursor, state }) => ({ stream, reason, cursor, ...state })),
      }),
      ...(projection.gaps.size > 0 && { journal_gap: [...projection.gaps.values()] }),
      trouble: actor.trouble ?? projection.trouble ?? null,
      queued: { [STREAMS.usage.name]: actor.queued, [STREAMS.ledgerJournal.name]: projection.queued },
      owner: processName,
      priceBook: books.at(now)?.version ?? null,
      catalogue: catalogues.at(now)?.version ?? null,
      isPushed: books.isPushed && catalogues.isPushed,
      metrics: { ...metrics, ...space.metrics, tracing: tracing.metrics },
    },
  }
}

/** @throws StoreError (schema) | BusError (streams) | Error (a seed that is invalid) */
export const startPricing = async (options: PricingOptions): Promise<RunningPricing> => {
  const { bus, database, clock, seeds, report } = options
  await migrateNow(database, migrations, SCHEMA_VERSION)
  await verifyStreams(bus, USED_STREAMS)
  const metrics = noMetrics()
  const shared = { bus, database, report }
  const books = new Versions({
    ...shared,
    kind: "book",
    bucket: BUCKETS.priceBooks,
    read: readPriceBook,
    refuseInstant: refuseBook,
  })
  const catalogues = new Versions({
    ...shared,
    kind: "catalogue",
    bucket: BUCKETS.catalogues,
    read: readCatalogue,
    refuseInstant: refusePast,
  })
  await books.open(seeds.books.data, seeds.books.from, clock.now())
  await catalogues.open(seeds.catalogues.data, seeds.catalogues.from, clock.now())
  const letters = new DeadLetterOutbox(bus, database, report)
  const actor = new RatingActor({
    ...shared,
    metrics,
    books: () => books.values,
    now: () => clock.now(),
    onDeadLetters: () => letters.wake(),
  })
  const space = await FreeSpace.watch(options.freeSpace, ({ isLow, sentence }) => {
    report(isLow ? "warning" : "info", sentence)
    actor.hold(isLow)
  })
  const projection = new UsageProjection({
    ...shared,
    metrics,
    isRatingBusy: () => actor.busy,
    onDeadLetters: () => letters.wake(),
  })
  const status = (): Promise<ControlAnswer> => statusOf(parts, clock, metrics)
  const rebuild = new UsageRebuild({ ...shared, projection })
  const endpoints = new Endpoints({ ...shared, clock, books, catalogues, rebuild, status })
  const parts: Parts = { space, actor, projection, letters, books, catalogues, endpoints }
  await actor.start()
  await projection.start()
  letters.wake()
  endpoints.start()
  const stop = async (): Promise<void> => {
    space.stop()
    await endpoints.stop()
    // Together: a rebuild waits for its turn with the live projection, which may not give it before it is stopped.
    await Promise.all([actor.stop(), projection.stop(), rebuild.stop()])
    await Promise.all([letters.stop(), books.stop(), catalogues.stop()])
  }
  return { metrics, status, stop }
}
