/**
 * A partition worker on a real database with this test as its host: what the host would send it, and everything it
 * says. No NATS, so that a test can put any message at any moment.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { MessageChannel } from "node:worker_threads"
import {
  actorMigrations,
  entriesOf,
  PartitionWorker,
  PostgresActorStore,
  SqliteActorStore,
  type ActorStore,
  type FromWorker,
  type NewOutbox,
  type StoredEntry,
  type ToWorker,
} from "@credits/actor"
import { migrateNow, openDatabaseNow, type OpenedDatabase } from "@credits/store"
import { type Add, countingMachine, partitionOfAccount } from "./counting-machine.ts"
import { until } from "./facts.ts"

type Said<T extends FromWorker["t"]> = Extract<FromWorker, { readonly t: T }>

const NAMES = {
  service: "counting",
  stream: "COMMANDS",
  signalSubject: (partition: number) => `signal.${partition}`,
  deadLetterSubject: "dead-letter.counting",
}

export interface BenchOptions {
  readonly partitions: ReadonlyArray<number>
  /** Unset: SQLite in a temporary folder. */
  readonly databaseUrl?: string
  readonly leaseMs?: number
  /** After so long without a byte from Postgres the worker gives up (unset: as in a service). */
  readonly silenceMaxMs?: number
  /** Stands between the worker and its store: a network that loses answers, say. */
  readonly between?: (store: ActorStore) => ActorStore
}

export class WorkerBench {
  readonly heard: Array<FromWorker> = []
  readonly database: OpenedDatabase<unknown>
  readonly store: ActorStore
  readonly #folder: string
  readonly #channel = new MessageChannel()
  readonly #running: Promise<void>
  #asked = 0

  private constructor(database: OpenedDatabase<unknown>, folder: string, options: BenchOptions) {
    this.database = database
    this.#folder = folder
    this.store = storeOf(database)
    this.#channel.port2.on("message", (message: FromWorker) => this.heard.push(message))
    const worker = new PartitionWorker({
      machine: countingMachine(),
      names: NAMES,
      // Its own store object; the pool or handle is shared, as it would be in one process.
      store: options.between?.(storeOf(database)) ?? storeOf(database),
      owner: "bench",
      partitions: options.partitions,
      port: this.#channel.port1,
      ...(options.leaseMs === undefined ? {} : { leaseMs: options.leaseMs }),
    })
    this.#running = worker.run()
  }

  /** Resolves when the worker owns its partitions. */
  static async start(options: BenchOptions): Promise<WorkerBench> {
    const folder = mkdtempSync(join(tmpdir(), "credits-worker-"))
    const { databaseUrl, silenceMaxMs } = options
    const silence = silenceMaxMs === undefined ? {} : { silenceMaxMs }
    const database = await openDatabaseNow({ service: "counting", dataDir: folder, databaseUrl, ...silence })
    await migrateNow(database, actorMigrations(database.dialect), 1)
    const bench = new WorkerBench(database, folder, options)
    await bench.hears("owned", ({ partitions }) => partitions.length === options.partitions.length)
    return bench
  }

  tell(message: ToWorker): void {
    this.#channel.port2.postMessage(message)
  }

  said<T extends FromWorker["t"]>(t: T): ReadonlyArray<Said<T>> {
    return this.heard.filter((message): message is Said<T> => message.t === t)
  }

  async hears<T extends FromWorker["t"]>(t: T, is: (message: Said<T>) => boolean, from = 0): Promise<Said<T>> {
    const find = () =>
      this.heard.slice(from).find((message): message is Said<T> => message.t === t && is(message as Said<T>))
    return (await until(`the worker says ${t}`, find, (found) => found !== undefined, 15_000))!
  }

  /** Stream messages as the host forwards them; `generation`: which announcement's reader they come from. */
  messages(
    generation: number,
    ...list: ReadonlyArray<readonly [seq: number, body: string | ReadonlyArray<Add>]>
  ): void {
    const bodies = list.map(([, body]) => body)
    this.tell({
      t: "messages",
      generation,
      seqs: list.map(([seq]) => seq),
      partitions: bodies.map((body) => (typeof body === "string" ? 0 : partitionOfAccount(body[0]!.account))),
      payloads: bodies.map((body) => Buffer.from(typeof body === "string" ? body : JSON.stringify(body))),
      headers: list.map(() => ""),
    })
  }

  /** Asks in one message, so in one batch; answers in order, undefined while there is none. */
  request(
    ...asked: ReadonlyArray<{
      readonly id: string
      readonly account: string
      readonly add: number
      readonly due?: number
    }>
  ) {
    const replies = asked.map(() => `reply.${++this.#asked}`)
    this.tell({
      t: "requests",
      replies,
      partitions: asked.map(({ account }) => partitionOfAccount(account)),
      restricted: asked.map(() => false),
      texts: asked.map((request) => JSON.stringify(request)),
    })
    const answers = (): ReadonlyArray<string | undefined> => {
      const said = new Map(
        this.said("replies").flatMap((m) => m.replies.map((reply, i) => [reply, m.texts[i]!] as const)),
      )
      return replies.map((reply) => said.get(reply))
    }
    return { now: answers, all: () => until("all are answered", answers, (list) => !list.includes(undefined), 15_000) }
  }

  entries(partitions: ReadonlyArray<number>): Promise<ReadonlyArray<StoredEntry>> {
    return this.store.blocksFrom(0, partitions, 1_000).then((blocks) => blocks.flatMap(entriesOf))
  }

  /** What each account has counted to, by its entries in the database. */
  async totals(partitions: ReadonlyArray<number>): Promise<Readonly<Record<string, number>>> {
    const totals: Record<string, number> = {}
    for (const { account, body } of await this.entries(partitions))
      totals[account] = (totals[account] ?? 0) + (body as { add: number }).add
    return totals
  }

  deadLetters(partitions: ReadonlyArray<number>): Promise<ReadonlyArray<NewOutbox>> {
    return this.store.outboxFrom(partitions, 0, 1_000)
  }

  async stop(): Promise<void> {
    this.tell({ t: "stop" })
    await this.#running
    this.#channel.port2.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

const storeOf = ({ sqlite, pool }: OpenedDatabase<unknown>): ActorStore =>
  sqlite === undefined ? new PostgresActorStore(pool!) : new SqliteActorStore(sqlite)
