/**
 * For a person's hand: how fast the worker alone drains charge arrays into SQLite (synchronous FULL), without NATS.
 * `node apps/ledger/src/drain.bench.ts [charges] [accounts]`
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { MessageChannel } from "node:worker_threads"
import { PartitionWorker, type AnyMachine, type FromWorker } from "@credits/actor"
import { encodeCharges, partitions, type ChargeTuple } from "@credits/contracts"
import { PARTITIONS, partitionOf, ulid } from "@credits/kernel"
import type { Account } from "./account.ts"
import { makeLedgerMachine } from "./machine.ts"
import { openStore } from "./store.ts"

const CHARGES = Number(process.argv[2] ?? 500_000)
const ACCOUNTS = Number(process.argv[3] ?? 100_000)

const accounts = Array.from({ length: ACCOUNTS }, (_, i) => `acc_bench${i.toString().padStart(8, "0")}`)
const now = Date.now()
/** After the entitlements, which begin when they are commanded. */
const usedAt = now + 3_600_000

/** Charges in the order of their ids, grouped by partition as pricing does it: 20,000 at a time. */
const messages: Array<{ partition: number; payload: Uint8Array }> = []
const random = new Uint8Array(10)
for (let from = 0; from < CHARGES; from += 20_000) {
  const groups: Array<Array<ChargeTuple>> = Array.from({ length: PARTITIONS }, () => [])
  for (let i = from; i < Math.min(CHARGES, from + 20_000); i++) {
    const account = accounts[(i * 7919) % ACCOUNTS]!
    random[9] = i & 255
    random[8] = (i >> 8) & 255
    random[7] = (i >> 16) & 255
    const id = `evt_${ulid(now + Math.floor(i / 100), random)}`
    groups[partitionOf(account)]!.push([
      id,
      account,
      usedAt,
      String(100_000 + (i % 1000)),
      "",
      "p3Jx0sXk2mT9bW4cVq8ZLg",
      `openai|gpt-5.1|book-2026-11-01|${300 + (i % 700)}|${(i % 300) + 10}|0|0|0|0|0|1|ok|req_${i}`,
    ])
  }
  groups.forEach((group, partition) => {
    if (group.length > 0) messages.push({ partition, payload: Buffer.from(encodeCharges(group)) })
  })
}

const dataDir = mkdtempSync(join(tmpdir(), "drain-"))
const store = await openStore({ dataDir, databaseUrl: null })
const { port1, port2 } = new MessageChannel()
const worker = new PartitionWorker<Account>({
  machine: makeLedgerMachine() as unknown as AnyMachine<Account>,
  names: { service: "ledger", stream: "BENCH", signalSubject: (p) => `s.${p}`, deadLetterSubject: "d" },
  store,
  owner: "bench",
  partitions,
  port: port1,
})
let journalBytes = 0
let replies = 0
let consumed = 0
let generation = 0
let started = 0
let cpuBefore = process.cpuUsage()
let onReplies: (() => void) | null = null
port2.on("message", (message: FromWorker) => {
  if (message.t === "journal") {
    let bytes = 0
    for (const item of message.items) bytes += item.bytes
    journalBytes += bytes
    port2.postMessage({ t: "journaled", bytes, items: message.items.map((i) => [i.partition, i.lastSeq, i.lastId]) })
  } else if (message.t === "replies") {
    replies += message.replies.length
    onReplies?.()
  } else if (message.t === "consumed") consumed += message.messages
  else if (message.t === "owned") generation = message.generation
  else if (message.t === "log")
    process.stderr.write(`${message.level} ${message.message} ${JSON.stringify(message.detail)}\n`)
  if (consumed === messages.length && started > 0) {
    consumed = -1
    const seconds = (performance.now() - started) / 1000
    const cpu = process.cpuUsage(cpuBefore)
    const cpuUs = `${(cpu.user / CHARGES).toFixed(1)} + ${(cpu.system / CHARGES).toFixed(1)} system`
    process.stdout.write(
      `${cpuUs} µs CPU a charge, ${Math.round(CHARGES / seconds)} charges/s, ${ACCOUNTS} accounts, ` +
        `${(journalBytes / 1e6).toFixed(0)} MB journal, rss ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB\n`,
    )
    port2.postMessage({ t: "stop" })
  }
  if (message.t === "stopped") {
    port2.close()
    port1.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
})

const ask = (texts: ReadonlyArray<{ account: string; text: string }>): Promise<void> =>
  new Promise((resolve) => {
    const goal = replies + texts.length
    onReplies = () => (replies >= goal ? resolve() : undefined)
    port2.postMessage({
      t: "requests",
      partitions: texts.map((t) => partitionOf(t.account)),
      restricted: texts.map(() => false),
      replies: texts.map((_, i) => `r${i}`),
      texts: texts.map((t) => t.text),
    })
  })

const running = worker.run()
for (let i = 0; i < ACCOUNTS; i += 2_000) {
  const some = accounts.slice(i, i + 2_000)
  await ask(
    some.map((account) => ({
      account,
      text: `{"op":"entitle","id":"e","account":"${account}","plan":"pro","hostedModels":true}`,
    })),
  )
  await ask(
    some.map((account) => ({
      account,
      text: `{"op":"grant","id":"g","account":"${account}","kind":"plan","amount":"120000000000","cause":"c"}`,
    })),
  )
}
process.stderr.write("funded\n")
started = performance.now()
cpuBefore = process.cpuUsage()
for (let i = 0; i < messages.length; i += 64) {
  const some = messages.slice(i, i + 64)
  port2.postMessage({
    t: "messages",
    generation,
    partitions: some.map((m) => m.partition),
    seqs: some.map((_, k) => i + k + 1),
    payloads: some.map((m) => m.payload),
  })
}
await running
