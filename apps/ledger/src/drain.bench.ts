/**
 * For a person's hand: how fast the worker alone drains charge arrays into SQLite (synchronous FULL), without NATS.
 * `node apps/ledger/src/drain.bench.ts [charges] [accounts] [authorizations a second meanwhile]`
 */
import { encodeCharges, type ChargeTuple } from "@credits/contracts"
import { PARTITIONS, partitionOf, ulid } from "@credits/kernel"
import { benchAccounts, fund, startBenchLedger } from "./bench.fixture.ts"

const CHARGES = Number(process.argv[2] ?? 500_000)
const ACCOUNTS = Number(process.argv[3] ?? 100_000)
const CALLS_PER_SECOND = Number(process.argv[4] ?? 0)

const accounts = benchAccounts(ACCOUNTS)
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

let consumed = 0
const askedAt = new Map<string, number>()
const latencies: Array<number> = []
const done = Promise.withResolvers<void>()
const ledger = await startBenchLedger((message) => {
  if (message.t === "replies")
    for (const reply of message.replies) latencies.push(performance.now() - askedAt.get(reply)!)
  if (message.t !== "consumed") return
  consumed += message.messages
  if (consumed === messages.length) done.resolve()
})
await fund(ledger, accounts)
const journalBefore = ledger.journalBytes()
const started = performance.now()
const cpuBefore = process.cpuUsage()
for (let i = 0; i < messages.length; i += 64) {
  const some = messages.slice(i, i + 64)
  ledger.tell({
    t: "messages",
    generation: ledger.generation(),
    partitions: some.map((m) => m.partition),
    seqs: some.map((_, k) => i + k + 1),
    payloads: some.map((m) => m.payload),
    headers: some.map(() => ""),
  })
}
let asked = 0
const calling = setInterval(() => {
  const due = Math.floor(((performance.now() - started) / 1000) * CALLS_PER_SECOND)
  for (; asked < due; asked++) {
    const account = accounts[(asked * 104_729) % ACCOUNTS]!
    const text = JSON.stringify({ op: "authorize", id: `req_${asked}`, account, amount: "1000000" })
    askedAt.set(String(asked), performance.now())
    ledger.ask([{ account, text, reply: String(asked) }])
  }
}, 1)
await done.promise
clearInterval(calling)
const seconds = (performance.now() - started) / 1000
const cpu = process.cpuUsage(cpuBefore)
const cpuText = `${(cpu.user / CHARGES).toFixed(1)} + ${(cpu.system / CHARGES).toFixed(1)} system µs CPU a charge`
process.stdout.write(
  `${cpuText}, ${Math.round(CHARGES / seconds)} charges/s, ${ACCOUNTS} accounts, ` +
    `${((ledger.journalBytes() - journalBefore) / 1e6).toFixed(0)} MB journal, ` +
    `rss ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB\n`,
)
latencies.sort((a, b) => a - b)
if (latencies.length > 0) {
  const at = (share: number): string => latencies[Math.floor(latencies.length * share)]!.toFixed(1)
  process.stdout.write(`${latencies.length} authorizations meanwhile: p50 ${at(0.5)} p99 ${at(0.99)} ms\n`)
}
await ledger.stop()
