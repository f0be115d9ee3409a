/** What pricing's tests share: events as gateways send them, and a running pricing over real parts. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  closeBus,
  connectBus,
  orderedReader,
  publish,
  provisionStreams,
  realClock,
  type BusHandle,
  type RunningClock,
  type Stored,
} from "@credits/bus"
import { STREAMS, SUBJECTS, type ChargeTuple, type ControlAnswer } from "@credits/contracts"
import { defaultCatalogueData, defaultPriceBooksData } from "@credits/pricebook/defaults"
import { openDatabaseNow, type OpenedDatabase } from "@credits/store"
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"
import type { Tables } from "./schema.ts"
import { startPricing, type RunningPricing } from "./service.ts"

export interface EventChange {
  readonly [field: string]: unknown
  readonly data?: Readonly<Record<string, unknown>>
}

/** A good hosted event; `change` replaces fields, `change.data` fields of its data. */
export const usageEvent = (id: string, time: number, change: EventChange = {}): Record<string, unknown> => {
  const { data, ...outer } = change
  return {
    specversion: "1.0",
    id,
    source: "gateway/test",
    type: "ai.usage.v1",
    subject: "acc_test1",
    time: new Date(time).toISOString(),
    ...outer,
    data: {
      requestId: `req-${id}`,
      mode: "hosted",
      provider: "openai",
      model: "gpt-5",
      status: "ok",
      tokens: { convention: "inclusive", input: 1000, output: 100 },
      ...data,
    },
  }
}

export const bytes = (value: unknown): Uint8Array =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value))

/** A busy machine with two cores takes its time; a test that passes needs none of it. */
const EVENTUALLY_MS = 30_000

/** Polls for a fact until it holds. */
export const eventually = async <A>(look: () => Promise<A | undefined> | A | undefined, what: string): Promise<A> => {
  const until = performance.now() + EVENTUALLY_MS
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > until) throw new Error(`not within ${EVENTUALLY_MS} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Charges stored in the command stream up to a message (default: the last), in order, repeats included. */
export const storedCharges = async (bus: BusHandle, last?: number): Promise<ReadonlyArray<ChargeTuple>> => {
  const texts = await storedMessages(bus, STREAMS.ledgerCommands.name, last)
  return texts.flatMap((text) => (JSON.parse(text) as { charges: ReadonlyArray<ChargeTuple> }).charges)
}

export const storedMessages = async (bus: BusHandle, stream: string, last?: number): Promise<ReadonlyArray<string>> => {
  const { state } = await bus.jsm.streams.info(stream)
  const end = last ?? state.last_seq
  const texts: Array<string> = []
  if (state.messages === 0) return texts
  await new Promise<void>((resolve, reject) => {
    const reader = orderedReader(bus, {
      stream,
      filters: [],
      startSeq: state.first_seq,
      onMessage: ({ seq, data }) => {
        if (seq <= end) texts.push(Buffer.from(data).toString())
        if (seq === end) void reader.close().then(resolve)
      },
      onGap: (gap) => reject(new Error(`the test reads ${stream} too late: ${gap.reason}`)),
    })
  })
  return texts
}

export interface TestParts {
  readonly server: TestNatsServer
  readonly bus: BusHandle
  readonly dataDir: string
  readonly database: OpenedDatabase<Tables>
  readonly stop: () => Promise<void>
}

/** A real nats-server with the project's streams, and a database in a temporary folder or on a Postgres. */
export const startParts = async (databaseUrl?: string): Promise<TestParts> => {
  const server = await natsServerForTests()
  const bus = await connectBus({ servers: server.url, name: "pricing" })
  await provisionStreams(bus)
  const dataDir = await mkdtemp(join(tmpdir(), "credits-pricing-"))
  const database = await openDatabaseNow<Tables>({ service: "pricing", dataDir, databaseUrl })
  return {
    server,
    bus,
    dataDir,
    database,
    stop: async () => {
      await closeBus(bus)
      await database.close()
      await server.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export interface TestPricing extends RunningPricing {
  readonly reports: ReadonlyArray<string>
  /** Waits until everything in the usage stream is applied. */
  readonly settled: () => Promise<ControlAnswer>
}

export interface TestPricingOptions {
  readonly clock?: RunningClock
  /** Bytes free on the volume; default: more than enough. */
  readonly readFreeSpace?: () => Promise<number>
}

export const FREE_SPACE_MARK = 1_000_000

export const startTestPricing = async (parts: TestParts, options: TestPricingOptions = {}): Promise<TestPricing> => {
  const { clock = realClock, readFreeSpace = async () => 2 * FREE_SPACE_MARK } = options
  const reports: Array<string> = []
  const running = await startPricing({
    bus: parts.bus,
    database: parts.database,
    clock,
    seeds: {
      books: { data: defaultPriceBooksData, from: "shipped" },
      catalogues: { data: [defaultCatalogueData], from: "shipped" },
    },
    freeSpace: { folder: parts.dataDir, mark: FREE_SPACE_MARK, read: readFreeSpace },
    report: (level, text) => void reports.push(`${level} ${text}`),
  })
  const settled = (): Promise<ControlAnswer> =>
    eventually(async () => {
      const { state } = await parts.bus.jsm.streams.info(STREAMS.usage.name)
      const status = await running.status()
      return status.cursors[STREAMS.usage.name] === state.last_seq && status.outboxPending === 0 ? status : undefined
    }, "the usage stream is applied")
  return { ...running, reports, settled }
}

/** Publishes one usage message until it has its PubAck: accepted, perhaps twice, as a gateway would. */
export const publishUsage = (bus: BusHandle, body: unknown): Promise<Stored> =>
  eventually(() => publish(bus.js, SUBJECTS.usage, bytes(body)).catch(() => undefined), "a usage message is accepted")
