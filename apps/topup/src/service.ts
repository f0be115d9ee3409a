/**
 * Auto top-up as one thing with a life: opens its tables, runs the machine, looks at every account that is on, answers
 * until stopped. Owns the order of starting and stopping and what `status` says. Plain promises: the Effect edge is
 * `main.ts`.
 */
import { startSagas, type RunningSagas } from "@credits/actor/saga"
import { verifyStreams, type BusHandle, type RunningClock } from "@credits/bus"
import { STREAMS, SUBJECTS, type ControlAnswer } from "@credits/contracts"
import { migrateNow, type Database } from "@credits/store"
import { tracing } from "@credits/telemetry"
import { performOn } from "./asking.ts"
import { Endpoints, type Report } from "./endpoints.ts"
import { noMetrics, type Metrics } from "./metrics.ts"
import { Readings } from "./reading.ts"
import { migrations, SCHEMA_VERSION } from "./schema.ts"
import { enabledAfter, writeRows, type TopupDatabase } from "./store.ts"
import { streams } from "./streams.ts"
import { topupMachine } from "./topup.ts"
import type { TopupCommand, TopupRow, TopupState } from "./topup-state.ts"

export interface TopupOptions {
  readonly bus: BusHandle
  readonly database: TopupDatabase
  readonly clock: RunningClock
  readonly report: Report
}

export interface RunningTopup {
  readonly metrics: Metrics
  readonly status: () => Promise<ControlAnswer>
  readonly stop: () => Promise<void>
  /** Rejects when a defect or a lost lease ended it. */
  readonly ended: Promise<void>
}

const USED_STREAMS = [...streams.map(({ stream }) => stream), STREAMS.topups.name, STREAMS.deadLetters.name]

/**
 * Looks under way at a time; the ledger answers thousands a second, and a month's start looks at everybody. Charges are
 * paced by payments.
 */
const CONCURRENCY = { look: 32 }
const START_PAGE = 500

const count = (metrics: Metrics, rows: ReadonlyArray<TopupRow>): void => {
  for (const { type } of rows) {
    if (type === "cap_rejection") metrics.capRejections++
    else if (type === "consent") metrics.consents++
  }
}

/** R9.4, decision 9: whatever was missed, a look finds it. */
const lookAtAll = async (
  database: TopupDatabase,
  sagas: RunningSagas<TopupState, TopupCommand>,
  isStopped: () => boolean,
): Promise<void> => {
  for (let after = ""; !isStopped();) {
    const accounts = await enabledAfter(database, after, START_PAGE)
    await Promise.all(accounts.map((account) => sagas.notify(account, { type: "start" })))
    if (accounts.length < START_PAGE) return
    after = accounts.at(-1)!
  }
}

/** @throws StoreError (schema) | BusError (streams) */
export const startTopup = async (options: TopupOptions): Promise<RunningTopup> => {
  const { bus, database, clock, report } = options
  await migrateNow(database, migrations, SCHEMA_VERSION)
  await verifyStreams(bus, USED_STREAMS)
  const metrics = noMetrics()
  const sagas = await startSagas({
    machine: topupMachine,
    bus,
    // The runtime has tables of its own.
    database: database as unknown as Database,
    clock,
    service: "topup",
    env: () => undefined,
    perform: performOn({ bus, clock }),
    concurrency: CONCURRENCY,
    streams,
    publish: (fact) => ({ subject: SUBJECTS.topupFact, payload: JSON.stringify(fact) }),
    write: async (transaction, rows) => {
      await writeRows(transaction, rows)
      count(metrics, rows)
    },
    report,
  })
  const rest = async (): Promise<ControlAnswer> => {
    const answer = await sagas.status()
    return { ...answer, openRequests: answer.openRequests + endpoints.open }
  }
  const status = async (): Promise<ControlAnswer> => {
    const [answer, runtime] = await Promise.all([rest(), sagas.metrics()])
    return { ...answer, detail: { ...answer.detail, metrics: { ...runtime, ...metrics, tracing: tracing.metrics } } }
  }
  const endpoints = new Endpoints({
    bus,
    database,
    clock,
    sagas,
    metrics,
    status,
    rest,
    report,
    readings: new Readings(bus, () => clock.now()),
  })
  endpoints.start()
  let isStopped = false
  const looking = lookAtAll(database, sagas, () => isStopped).catch((error: unknown) => {
    if (!isStopped) report("warning", `not every account was looked at after the start: ${String(error)}`)
  })
  const stop = async (): Promise<void> => {
    isStopped = true
    await endpoints.stop()
    await sagas.stop()
    await looking
  }
  return { metrics, status, stop, ended: sagas.ended }
}
