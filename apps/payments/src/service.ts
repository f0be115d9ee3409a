/**
 * Payments as one thing with a life: opens its tables, runs the charge and method machines against the processor, hears
 * its events, compares books and answers until stopped. Owns the order of starting and stopping and what `status` says.
 * Plain promises: the Effect edge is `main.ts`.
 */
import { startSagas, type RunningSagas } from "@credits/actor/saga"
import { verifyStreams, type BusHandle, type RunningClock } from "@credits/bus"
import { STREAMS, SUBJECTS, type ControlAnswer, type PaymentFact } from "@credits/contracts"
import { migrateNow, type Database } from "@credits/store"
import { tracing } from "@credits/telemetry"
import { chargeMachine } from "./charge.ts"
import type { ChargeCommand, ChargeState } from "./charge-state.ts"
import { Endpoints } from "./endpoints.ts"
import { ProcessorEvents } from "./events.ts"
import { methodMachine } from "./method.ts"
import type { MethodCommand, MethodState } from "./method-state.ts"
import { countFact, NO_FINDINGS, noCounters, type Counters, type Metrics } from "./metrics.ts"
import { Pacer } from "./pacer.ts"
import { performCharge, type ChargePerformer } from "./perform.ts"
import { performMethod } from "./perform-method.ts"
import type { Processor } from "./processor.ts"
import { Reconciler } from "./reconcile.ts"
import type { Report } from "./report.ts"
import { migrations, SCHEMA_VERSION } from "./schema.ts"
import { countFindings, oldestUnknown, restoredAt, writeCharges, writeOwners, type PaymentsDatabase } from "./store.ts"

export interface PaymentsOptions {
  readonly bus: BusHandle
  readonly database: PaymentsDatabase
  readonly clock: RunningClock
  readonly processor: Processor
  readonly publishableKey: string
  readonly webhookSecrets: ReadonlyArray<string>
  /** 0: no limit. */
  readonly chargesPerSecond: number
  readonly report: Report
}

export interface RunningPayments {
  readonly status: () => Promise<ControlAnswer>
  /** Looks for the processor's events now. */
  readonly poll: () => Promise<void>
  /** What was decided is committed and published before this resolves. */
  readonly stop: () => Promise<void>
  /** Rejects when a defect or a lost lease ended it. */
  readonly ended: Promise<void>
}

const SERVICE = "payments"
/** Calls under way at a time. The pacer is what limits; these bound memory. */
const CALLS_MAX = 64

interface Parts {
  readonly database: PaymentsDatabase
  readonly clock: RunningClock
  readonly charges: RunningSagas<ChargeState, ChargeCommand>
  readonly methods: RunningSagas<MethodState, MethodCommand>
  readonly events: ProcessorEvents
  readonly counters: Counters
}

const metricsOf = async (parts: Parts): Promise<Metrics> => {
  const { database, clock, charges, methods, events, counters } = parts
  const [charge, method, oldest, findings] = await Promise.all([
    charges.metrics(),
    methods.metrics(),
    oldestUnknown(database),
    countFindings(database),
  ])
  const phases = charge.phases["charge"] ?? {}
  return {
    ...counters,
    oldestUnknownSeconds: oldest === null ? 0 : Math.max(0, Math.floor((clock.now() - oldest) / 1_000)),
    waitingForSlot: phases["planned"] ?? 0,
    inReview: phases["review"] ?? 0,
    webhookAgeSeconds: events.webhookAt === null ? null : Math.floor((Date.now() - events.webhookAt) / 1_000),
    findings: { ...NO_FINDINGS, ...findings },
    events: { ...events.taken },
    polls: events.polls,
    sagas: { charge, method },
  }
}

const earliest = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? (one ?? other) : Math.min(one, other)

/** What the quiet rounds of an advance compare; asked for hundreds of times a second, so nothing is counted for it. */
const restOf = async (parts: Parts): Promise<ControlAnswer> => {
  const [charge, method] = await Promise.all([parts.charges.status(), parts.methods.status()])
  return {
    service: SERVICE,
    ready: charge.ready && method.ready,
    now: parts.clock.now(),
    nextDue: earliest(charge.nextDue, method.nextDue),
    ran: charge.ran + method.ran,
    cursors: {},
    outboxPending: charge.outboxPending + method.outboxPending,
    openRequests: charge.openRequests + method.openRequests,
    detail: { charge: charge.detail, method: method.detail },
  }
}

const statusOf = async (parts: Parts): Promise<ControlAnswer> => {
  const [rest, metrics] = await Promise.all([restOf(parts), metricsOf(parts)])
  return { ...rest, detail: { ...rest.detail, metrics: { ...metrics, tracing: tracing.metrics } } }
}

/** The two machines. A charge tells the account's method of a decline; nothing goes the other way. */
const startMachines = async (
  options: PaymentsOptions,
  counters: Counters,
  onLookup: () => void,
): Promise<Pick<Parts, "charges" | "methods">> => {
  const { bus, clock, processor, report } = options
  // The runtime uses tables of its own.
  const database = options.database as Database
  const publish = (fact: PaymentFact) => {
    countFact(counters, fact)
    return { subject: SUBJECTS.paymentsFact, payload: JSON.stringify(fact) }
  }
  const shared = { bus, database, clock, service: SERVICE, env: () => null, publish, report }
  const methods = await startSagas({
    ...shared,
    machine: methodMachine,
    perform: (step, state) => performMethod({ processor, report }, step, state),
    write: writeOwners,
  })
  const performer: ChargePerformer = {
    processor,
    pacer: new Pacer(options.chargesPerSecond),
    clock,
    tellMethod: (account, notice) => methods.notify(account, notice),
    onLookup,
    report,
    restoredAt: await restoredAt(options.database, clock.now()),
  }
  const charges = await startSagas({
    ...shared,
    machine: chargeMachine,
    perform: (step, state) => performCharge(performer, step, state),
    concurrency: { create: CALLS_MAX, update: CALLS_MAX, confirm: CALLS_MAX, lookup: CALLS_MAX / 4 },
    write: (transaction, rows) => writeCharges(transaction, database.dialect, rows),
  })
  return { charges, methods }
}

/** @throws StoreError (schema) | BusError (streams) */
export const startPayments = async (options: PaymentsOptions): Promise<RunningPayments> => {
  const { bus, database, clock, processor, report, publishableKey, webhookSecrets } = options
  await migrateNow(database, migrations, SCHEMA_VERSION)
  await verifyStreams(bus, [STREAMS.payments.name, STREAMS.deadLetters.name])
  const counters = noCounters()
  const events = new ProcessorEvents({
    processor,
    database,
    now: () => clock.now(),
    tellCharge: (obligation, notice) => charges.notify(obligation, notice),
    tellMethod: (account, notice) => methods.notify(account, notice),
    report,
  })
  const { charges, methods } = await startMachines(options, counters, () => events.wake())
  const reconciler = new Reconciler({ processor, database, clock, report })
  const parts: Parts = { database, clock, charges, methods, events, counters }
  const status = (): Promise<ControlAnswer> => statusOf(parts)
  const rest = (): Promise<ControlAnswer> => restOf(parts)
  const runDue = async (now: number): Promise<void> => {
    await Promise.all([charges.runDue(now), methods.runDue(now)])
  }
  const borders = { bus, processor, reconciler, report, publishableKey, webhookSecrets, status, rest, runDue }
  const endpoints = new Endpoints({ ...parts, ...borders })
  endpoints.start()
  events.start()
  reconciler.start()
  const stop = async (): Promise<void> => {
    await endpoints.stop()
    reconciler.stop()
    await events.stop()
    await charges.stop()
    await methods.stop()
    processor.close()
  }
  return { status, poll: () => events.poll(), stop, ended: Promise.race([charges.ended, methods.ended]) }
}
