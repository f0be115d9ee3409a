/**
 * The ledger's database: opened once for the decisions, and once more by each thread that works beside them. Owns which
 * threads there are; what is in the database belongs to the partition runtime.
 */
import { MessageChannel, Worker, type MessagePort } from "node:worker_threads"
import {
  actorMigrations,
  Checkpoints,
  PostgresActorStore,
  runCheckpoints,
  SqliteActorStore,
  type ActorStore,
} from "@credits/actor"
import { migrateNow, openDatabaseNow, openSqliteFile } from "@credits/store"

/** Given by main.ts. */
export interface StoreOptions {
  readonly dataDir: string
  readonly databaseUrl: string | null
}

/** Given to a thread beside the worker. */
export interface StoreThreadData {
  readonly file: string
  readonly checkpoints: MessagePort
}

/** `threadUrl`: a file that calls `runStoreThread` with what it was given. */
export const openStore = async ({ dataDir, databaseUrl }: StoreOptions, threadUrl: URL): Promise<ActorStore> => {
  const url = databaseUrl === null ? {} : { databaseUrl }
  const database = await openDatabaseNow({ service: "ledger", dataDir, ...url })
  await migrateNow(database, actorMigrations(database.dialect), 1)
  if (database.sqlite === undefined) return new PostgresActorStore(database.pool!)
  const { port1, port2 } = new MessageChannel()
  const workerData: StoreThreadData = { file: database.file!, checkpoints: port2 }
  const thread = new Worker(threadUrl, { workerData, transferList: [port2], name: "checkpoints" })
  thread.unref()
  return new SqliteActorStore(database.sqlite, new Checkpoints(port1))
}

/** Ends when the other end of its port is closed. */
export const runStoreThread = ({ file, checkpoints }: StoreThreadData): void => {
  const db = openSqliteFile(file)
  checkpoints.on("close", () => db.close())
  runCheckpoints(db, checkpoints)
}
