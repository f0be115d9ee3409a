/**
 * The ledger's worker thread: its database handle and its partition worker. Nothing here waits for the network but the
 * database.
 */
import { randomUUID } from "node:crypto"
import { parentPort, workerData } from "node:worker_threads"
import { actorMigrations, PartitionWorker, PostgresActorStore, SqliteActorStore, type AnyMachine } from "@credits/actor"
import { partitions, STREAMS, SUBJECTS } from "@credits/contracts"
import { migrateNow, openDatabaseNow } from "@credits/store"
import type { Account } from "./account.ts"
import { makeLedgerMachine } from "./machine.ts"

/** Given by main.ts. */
export interface LedgerWorkerData {
  readonly dataDir: string
  readonly databaseUrl: string | null
  /** Unset outside tests: every partition. */
  readonly partitions?: ReadonlyArray<number>
}

const start = async (data: LedgerWorkerData): Promise<void> => {
  const database = await openDatabaseNow({
    service: "ledger",
    dataDir: data.dataDir,
    ...(data.databaseUrl === null ? {} : { databaseUrl: data.databaseUrl }),
  })
  await migrateNow(database, actorMigrations(database.dialect), 1)
  const store =
    database.sqlite === undefined ? new PostgresActorStore(database.pool!) : new SqliteActorStore(database.sqlite)
  const worker = new PartitionWorker<Account>({
    machine: makeLedgerMachine() as unknown as AnyMachine<Account>,
    names: {
      service: "ledger",
      stream: STREAMS.ledgerCommands.name,
      signalSubject: SUBJECTS.ledgerSignal,
      deadLetterSubject: SUBJECTS.deadLetter("ledger"),
    },
    store,
    owner: randomUUID(),
    partitions: data.partitions ?? partitions,
    port: parentPort!,
  })
  await worker.run()
}

await start(workerData as LedgerWorkerData)
