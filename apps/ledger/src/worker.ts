/**
 * The ledger's worker thread: its database handle and its partition worker. Nothing here waits for the network but the
 * database.
 */
import { parentPort, workerData } from "node:worker_threads"
import { ownerName, PartitionWorker, type AnyMachine } from "@credits/actor"
import { partitions, STREAMS, SUBJECTS } from "@credits/contracts"
import type { Account } from "./account.ts"
import { makeLedgerMachine } from "./machine.ts"
import { openStore, type StoreOptions } from "./store.ts"

/** Given by main.ts. */
export interface LedgerWorkerData extends StoreOptions {
  /** Unset outside tests: every partition. */
  readonly partitions?: ReadonlyArray<number>
}

const start = async (data: LedgerWorkerData): Promise<void> => {
  const store = await openStore(data)
  const worker = new PartitionWorker<Account>({
    machine: makeLedgerMachine() as unknown as AnyMachine<Account>,
    names: {
      service: "ledger",
      stream: STREAMS.ledgerCommands.name,
      signalSubject: SUBJECTS.ledgerSignal,
      deadLetterSubject: SUBJECTS.deadLetter("ledger"),
    },
    store,
    owner: ownerName(),
    partitions: data.partitions ?? partitions,
    port: parentPort!,
  })
  await worker.run()
}

await start(workerData as LedgerWorkerData)
