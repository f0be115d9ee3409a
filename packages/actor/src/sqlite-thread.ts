/**
 * A thread beside the one that decides, with a handle of its own on the same SQLite file: one commits (sqlite-writer),
 * one copies the write-ahead log (checkpoints). Owns how they are started and with which settings; imports little, so
 * that it starts at once.
 */
import { MessageChannel, Worker, type MessagePort } from "node:worker_threads"
import BetterSqlite3 from "better-sqlite3"
import { Checkpoints, runCheckpoints } from "./checkpoints.ts"
import { SqliteActorStore } from "./sqlite-store.ts"
import { runSqliteWriter, SqliteWriter } from "./sqlite-writer.ts"

/** What makes a commit durable and quick, taken over from the handle that was opened first. */
const SETTINGS = ["synchronous", "fullfsync", "checkpoint_fullfsync", "foreign_keys", "cache_size", "temp_store"]

/** What such a thread is given as `workerData`. */
export interface SqliteThreadData {
  readonly file: string
  readonly settings: ReadonlyArray<readonly [name: string, value: number]>
  /** Ports of the threads that commit; only the writer has orders and looks itself. */
  readonly looks: ReadonlyArray<MessagePort>
  readonly orders: MessagePort | null
}

const open = ({ file, settings }: SqliteThreadData): BetterSqlite3.Database => {
  const db = new BetterSqlite3(file, { fileMustExist: true })
  for (const [name, value] of settings) {
    db.pragma(`${name} = ${value}`)
    const found = db.pragma(name, { simple: true })
    if (found !== value) throw new Error(`${file}: ${name} is ${String(found)}, not ${value}`)
  }
  return db
}

/** The thread's program; ends when the other ends of its ports are closed. */
export const runSqliteThread = (data: SqliteThreadData): void => {
  const db = open(data)
  if (data.orders === null) runCheckpoints(db, data.looks)
  else runSqliteWriter(new SqliteActorStore(db, new Checkpoints(data.looks[0]!)), data.orders)
}

/** The store of the deciding thread, with both threads beside it. `threadUrl`: a file that calls `runSqliteThread`. */
export const sqliteStoreWithThreads = (db: BetterSqlite3.Database, threadUrl: URL): SqliteActorStore => {
  const settings = SETTINGS.map((name) => [name, Number(db.pragma(name, { simple: true }))] as const)
  const start = (name: string, looks: ReadonlyArray<MessagePort>, orders: MessagePort | null): void => {
    const workerData: SqliteThreadData = { file: db.name, settings, looks, orders }
    const transferList = orders === null ? [...looks] : [...looks, orders]
    new Worker(threadUrl, { workerData, transferList, name }).unref()
  }
  const [decider, writer, orders] = [new MessageChannel(), new MessageChannel(), new MessageChannel()]
  start("checkpoints", [decider.port1, writer.port1], null)
  start("writer", [writer.port2], orders.port1)
  // Here, and only here, the log is synced beside the commits (log-sync.ts).
  db.pragma("synchronous = NORMAL")
  return new SqliteActorStore(db, new Checkpoints(decider.port2), new SqliteWriter(orders.port2))
}
