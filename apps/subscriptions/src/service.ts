/**
 * Subscriptions as one thing with a life: opens its tables, waits for a catalogue, runs the subscription machine and
 * answers until stopped. Owns the order of starting and stopping and what `status` says. Plain promises: the Effect
 * edge is `main.ts`.
 */
import { startSagas, type RunningSagas } from "@credits/actor/saga"
import { verifyStreams, type BusHandle, type RunningClock } from "@credits/bus"
import { STREAMS, SUBJECTS, type ControlAnswer, type SubscriptionFact } from "@credits/contracts"
import { catalogueAt } from "@credits/pricebook"
import { migrateNow, type Database } from "@credits/store"
import { tracing } from "@credits/telemetry"
import { Asking } from "./asking.ts"
import { Catalogues, type Report } from "./catalogues.ts"
import type { Command } from "./command.ts"
import { Endpoints } from "./endpoints.ts"
import { machine } from "./machine.ts"
import { countFact, noCounters, type Counters, type Metrics } from "./metrics.ts"
import { perform, type Performer } from "./perform.ts"
import { migrations, SCHEMA_VERSION } from "./schema.ts"
import { streams } from "./streams.ts"
import { writeCases, type SubscriptionsDatabase } from "./store.ts"
import type { State } from "./subscription.ts"

export interface SubscriptionsOptions {
  readonly bus: BusHandle
  readonly database: SubscriptionsDatabase
  readonly clock: RunningClock
  readonly report: Report
}

export interface RunningSubscriptions {
  readonly status: () => Promise<ControlAnswer>
  /** What was decided is committed and published before this resolves. */
  readonly stop: () => Promise<void>
  /** Rejects when a defect or a lost lease ended it. */
  readonly ended: Promise<void>
}

const SERVICE = "subscriptions"
const USED_STREAMS = [STREAMS.payments.name, STREAMS.subscriptions.name, STREAMS.deadLetters.name]

interface Parts {
  readonly clock: RunningClock
  readonly catalogues: Catalogues
  readonly sagas: RunningSagas<State, Command>
  readonly counters: Counters
}

const statusOf = async ({ clock, catalogues, sagas, counters }: Parts): Promise<ControlAnswer> => {
  const [rest, sagaMetrics] = await Promise.all([sagas.status(), sagas.metrics()])
  const catalogue = catalogueAt(catalogues.all, clock.now())?.version ?? null
  const metrics: Metrics = { ...counters, catalogue, sagas: sagaMetrics }
  return { ...rest, detail: { ...rest.detail, metrics: { ...metrics, tracing: tracing.metrics } } }
}

const startMachine = (
  options: SubscriptionsOptions,
  catalogues: Catalogues,
  performer: Performer,
  counters: Counters,
): Promise<RunningSagas<State, Command>> => {
  const { bus, clock, report } = options
  return startSagas({
    machine,
    bus,
    // The runtime uses tables of its own.
    database: options.database as Database,
    clock,
    service: SERVICE,
    env: () => ({ catalogues: catalogues.all }),
    perform: (step) => perform(performer, step),
    streams,
    publish: (fact: SubscriptionFact) => {
      countFact(counters, fact)
      return { subject: SUBJECTS.subscriptionsFact, payload: JSON.stringify(fact) }
    },
    write: writeCases,
    report,
  })
}

/** @throws StoreError (schema) | BusError (streams) */
export const startSubscriptions = async (options: SubscriptionsOptions): Promise<RunningSubscriptions> => {
  const { bus, database, clock, report } = options
  await migrateNow(database, migrations, SCHEMA_VERSION)
  await verifyStreams(bus, USED_STREAMS)
  const catalogues = new Catalogues(bus, report)
  await catalogues.start()
  const counters = noCounters()
  const asking = new Asking(bus)
  const sagas = await startMachine(options, catalogues, { asking, now: () => clock.now(), report }, counters)
  const status = (): Promise<ControlAnswer> => statusOf({ clock, catalogues, sagas, counters })
  let lookedAt = Number.NEGATIVE_INFINITY
  const runDue = async (now: number): Promise<void> => {
    // A version published just now holds for what is due now. An advance names each instant several times.
    if (now !== lookedAt) await catalogues.refresh()
    lookedAt = now
    await sagas.runDue(now)
  }
  const endpoints = new Endpoints({
    bus,
    database,
    clock,
    sagas,
    asking,
    catalogues,
    counters,
    status,
    rest: () => sagas.status(),
    runDue,
    report,
  })
  endpoints.start()
  const stop = async (): Promise<void> => {
    await endpoints.stop()
    await sagas.stop()
    catalogues.stop()
  }
  return { status, stop, ended: sagas.ended }
}
