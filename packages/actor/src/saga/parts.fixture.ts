/** What the saga runtime's tests share: real servers and databases, a clock one can set, and running errands. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  closeBus,
  connectBus,
  orderedReader,
  provisionStreams,
  type BusHandle,
  type ClockSetting,
  type RunningClock,
} from "@credits/bus"
import { STREAMS, SUBJECTS } from "@credits/contracts"
import { migrateNow, openDatabaseNow, type Migration, type OpenedDatabase } from "@credits/store"
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"
import { sql, type Transaction } from "kysely"
import {
  errandMachine,
  type Errand,
  type ErrandCommand,
  type ErrandFact,
  type ErrandMachine,
  type ErrandRow,
  type ErrandStep,
} from "./errand.fixture.ts"
import { sagaMigrations } from "./migrations.ts"
import type { RunningSagas, SagaOptions } from "./running.ts"
import { startSagas } from "./start.ts"

/** A busy machine with two cores takes its time; a test that passes needs none of it. */
const EVENTUALLY_MS = 30_000

/** Polls for a fact until it holds. */
export const eventually = async <A>(look: () => Promise<A | undefined> | A | undefined, what: string): Promise<A> => {
  const until = performance.now() + EVENTUALLY_MS
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > until) throw new Error(`not within ${EVENTUALLY_MS} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A business clock that a test moves; `listeners` hear of it as those of the real one do. */
export interface TestClock extends RunningClock {
  set(now: number): void
  freeze(now: number): void
}
export const testClock = (at: number): TestClock => {
  const listeners = new Set<() => void>()
  let setting: ClockSetting = { offset: 0, frozenAt: at }
  const change = (next: ClockSetting): void => {
    setting = next
    for (const listener of listeners) listener()
  }
  return {
    now: () => setting.frozenAt ?? Date.now() + setting.offset,
    get setting() {
      return setting
    },
    refresh: async () => undefined,
    onChange: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    stop: () => undefined,
    set: (now) => change({ offset: now - Date.now(), frozenAt: null }),
    freeze: (now) => change({ offset: 0, frozenAt: now }),
  }
}

/** The errands' own read table: `unwritable` is refused by the database. */
const errandTable: Migration = {
  up: async (kysely) => {
    await sql`create table errand_row (id text primary key check (id <> 'unwritable'), count text not null)`.execute(
      kysely,
    )
  },
}
export const errandMigrations = { ...sagaMigrations, "0001_errands": errandTable }

export const writeErrandRows = async (db: Transaction<unknown>, rows: ReadonlyArray<ErrandRow>): Promise<void> => {
  for (const { id, count } of rows) {
    await sql`insert into errand_row (id, count) values (${id}, ${count})
      on conflict (id) do update set count = excluded.count`.execute(db)
  }
}

export interface Parts {
  readonly server: TestNatsServer
  readonly bus: BusHandle
  readonly dataDir: string
  /** A fresh database with the tables, SQLite or in the Postgres of this URL; the caller closes it. */
  readonly database: (postgres?: string) => Promise<OpenedDatabase<unknown>>
  readonly stop: () => Promise<void>
}

let databases = 0

export const startParts = async (): Promise<Parts> => {
  const server = await natsServerForTests()
  const bus = await connectBus({ servers: server.url, name: "errands" })
  await provisionStreams(bus)
  const dataDir = await mkdtemp(join(tmpdir(), "credits-saga-"))
  return {
    server,
    bus,
    dataDir,
    database: async (databaseUrl) => {
      const database = await openDatabaseNow<unknown>({ service: `errands_${++databases}`, dataDir, databaseUrl })
      await migrateNow(database, errandMigrations, 1)
      return database
    },
    stop: async () => {
      await closeBus(bus)
      await server.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export interface Errands extends RunningSagas<Errand, ErrandCommand> {
  readonly reports: ReadonlyArray<string>
  /** Steps performed so far, in order. */
  readonly performed: ReadonlyArray<string>
  /** A command with content of its own; key "" unless given. */
  readonly ask: (id: string, command: ErrandCommand, key?: string, waitMs?: number) => ReturnType<Errands["command"]>
  /** Until nothing waits, runs or is unpublished. */
  readonly quiet: () => Promise<void>
}

type Options = SagaOptions<Errand, ErrandCommand, ErrandStep, string, string, ErrandFact, ErrandRow, { word: string }>

export const startErrands = async (
  parts: Pick<Parts, "bus">,
  database: OpenedDatabase<unknown>,
  clock: RunningClock,
  change: Partial<Options> & { readonly machine?: ErrandMachine } = {},
): Promise<Errands> => {
  const reports: Array<string> = []
  const performed: Array<string> = []
  const { perform = async (step: ErrandStep) => `thing ${step.number}`, ...rest } = change
  const running = await startSagas<
    Errand,
    ErrandCommand,
    ErrandStep,
    string,
    string,
    ErrandFact,
    ErrandRow,
    { word: string }
  >({
    machine: errandMachine,
    bus: parts.bus,
    database,
    clock,
    service: "topup",
    env: () => ({ word: "" }),
    publish: (fact) => ({ subject: SUBJECTS.topupFact, payload: JSON.stringify(fact) }),
    write: writeErrandRows,
    report: (level, message) => void reports.push(`${level} ${message}`),
    ...rest,
    perform: (step, state, signal) => {
      performed.push(step.id)
      return perform(step, state, signal)
    },
  })
  const quiet = async (): Promise<void> => {
    await eventually(async () => {
      const { ready, openRequests, outboxPending } = await running.status()
      return ready && openRequests === 0 && outboxPending === 0 ? true : undefined
    }, "the sagas are quiet")
  }
  return {
    ...running,
    reports,
    performed,
    ask: (id, command, key = "", waitMs = 10_000) =>
      running.command(id, command, { key, content: JSON.stringify(command), waitMs }),
    quiet,
  }
}

/** Texts stored in a stream from a sequence on. */
export const storedTexts = async (bus: BusHandle, stream: string, from = 1): Promise<ReadonlyArray<string>> => {
  const { state } = await bus.jsm.streams.info(stream)
  const texts: Array<string> = []
  if (state.last_seq < from) return texts
  await new Promise<void>((resolve, reject) => {
    const reader = orderedReader(bus, {
      stream,
      filters: [],
      startSeq: from,
      onMessage: ({ seq, data }) => {
        texts.push(Buffer.from(data).toString())
        if (seq === state.last_seq) void reader.close().then(resolve)
      },
      onGap: (gap) => reject(new Error(`the test reads ${stream} too late: ${gap.reason}`)),
    })
  })
  return texts
}
export const endOf = async (bus: BusHandle, stream: string): Promise<number> =>
  (await bus.jsm.streams.info(stream)).state.last_seq
export const TOPUPS = STREAMS.topups.name
