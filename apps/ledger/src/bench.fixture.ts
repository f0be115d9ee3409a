/**
 * The ledger's worker on a SQLite file without NATS, its accounts funded, for benches by hand and for what must be seen
 * from inside one thread. Everything it sends comes to one callback, behind the sync of its commit; the journal is
 * acknowledged as the bus would.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { MessageChannel } from "node:worker_threads"
import {
  PartitionWorker,
  SyncGate,
  type AnyMachine,
  type FromWorker,
  type ToWorker,
  type Unsynced,
} from "@credits/actor"
import { partitions } from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import type { Account } from "./account.ts"
import { makeLedgerMachine } from "./machine.ts"
import { openStore } from "./store.ts"

export interface BenchQuestion {
  readonly account: string
  readonly text: string
  readonly reply: string
}

export interface BenchLedger {
  readonly dataDir: string
  /** Rejects when the worker gave up. */
  readonly ended: Promise<void>
  readonly tell: (message: ToWorker) => void
  readonly ask: (questions: ReadonlyArray<BenchQuestion>) => void
  /** Resolves when all are answered. */
  readonly askAll: (questions: ReadonlyArray<Omit<BenchQuestion, "reply">>) => Promise<void>
  readonly generation: () => number
  readonly journalBytes: () => number
  readonly stop: () => Promise<void>
}

export const benchAccounts = (count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => `acc_bench${i.toString().padStart(8, "0")}`)

/** Starts it; `hear` gets every message of the worker. `rest`: seconds after which nobody stays awake. */
export const startBenchLedger = async (hear: (message: FromWorker) => void, rest?: number): Promise<BenchLedger> => {
  const dataDir = mkdtempSync(join(process.env["CREDITS_BENCH_DIR"] ?? tmpdir(), "ledger-bench-"))
  const store = await openStore({ dataDir, databaseUrl: null })
  const { port1, port2 } = new MessageChannel()
  const worker = new PartitionWorker<Account>({
    machine: makeLedgerMachine() as unknown as AnyMachine<Account>,
    names: { service: "ledger", stream: "BENCH", signalSubject: (p) => `s.${p}`, deadLetterSubject: "d" },
    store,
    owner: "bench",
    partitions,
    port: port1,
    ...(rest !== undefined && { restAfterSeconds: rest }),
  })
  let journalBytes = 0
  let generation = 0
  let waiting = 0
  let onAnswered: (() => void) | null = null
  const tell = (message: ToWorker): void => port2.postMessage(message)
  const take = (message: FromWorker): void => {
    if (message.t === "journal") {
      let bytes = 0
      for (const item of message.items) bytes += item.text.byteLength
      journalBytes += bytes
      tell({ t: "journaled", bytes, items: message.items.map((i) => [i.partition, i.lastSeq, i.lastId]) })
    } else if (message.t === "owned") generation = message.generation
    else if (message.t === "log")
      process.stderr.write(`${message.level} ${message.message} ${JSON.stringify(message.detail)}\n`)
    else if (message.t === "replies" && waiting > 0) {
      waiting -= message.replies.length
      if (waiting <= 0) onAnswered?.()
      return
    }
    hear(message)
  }
  const gate = new SyncGate(take, (error) => {
    throw error
  })
  port2.on("message", (message: FromWorker | Unsynced) => gate.take(message))
  const running = worker.run()
  const ask = (questions: ReadonlyArray<BenchQuestion>): void =>
    tell({
      t: "requests",
      partitions: questions.map((q) => partitionOf(q.account)),
      restricted: questions.map(() => false),
      replies: questions.map((q) => q.reply),
      texts: questions.map((q) => q.text),
    })
  return {
    dataDir,
    ended: running,
    tell,
    ask,
    askAll: (questions) =>
      new Promise((resolve) => {
        waiting = questions.length
        onAnswered = resolve
        ask(questions.map((question, i) => ({ ...question, reply: `r${i}` })))
      }),
    generation: () => generation,
    journalBytes: () => journalBytes,
    stop: async () => {
      tell({ t: "stop" })
      await running
      port2.close()
      port1.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** Plan and credit for every account. */
export const fund = async (ledger: BenchLedger, accounts: ReadonlyArray<string>): Promise<void> => {
  for (let i = 0; i < accounts.length; i += 2_000) {
    const some = accounts.slice(i, i + 2_000)
    const entitle = { op: "entitle", id: "e", plan: "pro", hostedModels: true }
    await ledger.askAll(some.map((account) => ({ account, text: JSON.stringify({ ...entitle, account }) })))
    const grant = { op: "grant", id: "g", kind: "plan", amount: "120000000000", cause: "c" }
    await ledger.askAll(some.map((account) => ({ account, text: JSON.stringify({ ...grant, account }) })))
  }
  process.stderr.write("funded\n")
}
