/**
 * For a person's hand: what an authorization costs the worker by itself, SQLite synchronous FULL, without NATS.
 * `node apps/ledger/src/authorize.bench.ts [calls] [callers] [accounts] [per second]`; `callers` 0: an open
 * loop of so many a second (7,500) whatever is answered.
 */
import { ulid } from "@credits/kernel"
import { benchAccounts, fund, startBenchLedger, type BenchQuestion } from "./bench.fixture.ts"

const CALLS = Number(process.argv[2] ?? 200_000)
const CALLERS = Number(process.argv[3] ?? 256)
const ACCOUNTS = Number(process.argv[4] ?? 50_000)
const OPEN_PER_SECOND = Number(process.argv[5] ?? 7_500)

const accounts = benchAccounts(ACCOUNTS)
const random = new Uint8Array(10)
const now = Date.now()
const latencies: Array<number> = []
const sentAt = new Map<string, number>()
let next = 0
let answered = 0
let messages = 0
const done = Promise.withResolvers<void>()

const question = (at: number): BenchQuestion => {
  const i = next++
  const account = accounts[(i * 7919) % ACCOUNTS]!
  random[9] = i & 255
  random[8] = (i >> 8) & 255
  random[7] = (i >> 16) & 255
  const id = `req_${ulid(now + Math.floor(i / 10), random)}`
  const reply = String(i)
  sentAt.set(reply, at)
  return { account, reply, text: JSON.stringify({ op: "authorize", id, account, amount: "1000000", ttl: 3600000 }) }
}

const some = (count: number): Array<BenchQuestion> => {
  const at = performance.now()
  return Array.from({ length: Math.min(count, CALLS - next) }, () => question(at))
}

const ledger = await startBenchLedger((message) => {
  if (message.t !== "replies") return
  const at = performance.now()
  messages += 1
  for (let i = 0; i < message.replies.length; i++) {
    if (!message.texts[i]!.startsWith('{"ok"')) process.stderr.write(`${message.texts[i]}\n`)
    latencies.push(at - sentAt.get(message.replies[i]!)!)
  }
  answered += message.replies.length
  if (CALLERS > 0 && next < CALLS) ledger.ask(some(message.replies.length))
  if (answered === CALLS) done.resolve()
})
await fund(ledger, accounts)
const cpuBefore = process.cpuUsage()
const started = performance.now()
if (CALLERS > 0) ledger.ask(some(CALLERS))
else {
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - started) / 1000) * OPEN_PER_SECOND) - next
    if (due > 0) ledger.ask(some(due))
    if (next >= CALLS) clearInterval(timer)
  }, 1)
}
await done.promise
const seconds = (performance.now() - started) / 1000
const cpu = process.cpuUsage(cpuBefore)
latencies.sort((a, b) => a - b)
const at = (share: number): string => latencies[Math.floor(latencies.length * share)]!.toFixed(2)
const cpuText = `${(cpu.user / CALLS).toFixed(1)} + ${(cpu.system / CALLS).toFixed(1)} system µs CPU a call`
process.stdout.write(
  `${Math.round(CALLS / seconds)}/s · ${cpuText} · ${(CALLS / messages).toFixed(1)} answers a commit · ` +
    `p50 ${at(0.5)} p90 ${at(0.9)} p99 ${at(0.99)} max ${at(0.99999)} ms\n`,
)
await ledger.stop()
