/**
 * Decided inputs a second of one machine on SQLite with `synchronous = FULL`, 64 callers, over a real nats-server:
 * `node packages/actor/src/saga/saga.bench.ts [postgres]`. Every command is keyed, changes state, row and fact.
 */
import { postgresForTests } from "@credits/testkit"
import { realClock } from "@credits/bus"
import { startErrands, startParts } from "./parts.fixture.ts"

const CALLERS = 64
const SECONDS = 5
const ACTORS = 10_000

const parts = await startParts()
const postgres = process.argv[2] === "postgres" ? await postgresForTests() : undefined
const database = await parts.database(postgres?.url)
const errands = await startErrands(parts, database, realClock)

const measure = async (name: string, once: (n: number) => Promise<unknown>): Promise<void> => {
  const before = await errands.metrics()
  const latencies: Array<number> = []
  const began = performance.now()
  const cpu = process.cpuUsage()
  let n = 0
  const caller = async (): Promise<void> => {
    while (performance.now() - began < SECONDS * 1_000) {
      const at = performance.now()
      await once(n++)
      latencies.push(performance.now() - at)
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  const seconds = (performance.now() - began) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  await errands.quiet()
  const after = await errands.metrics()
  const decided = (m: typeof after): number => Object.values(m.decisions).reduce((sum, count) => sum + count, 0)
  const inputs = decided(after) - decided(before)
  const commits = after.commits - before.commits
  latencies.sort((a, b) => a - b)
  const pick = (share: number): string => latencies[Math.floor(latencies.length * share)]!.toFixed(1)
  process.stdout.write(
    `${name}: ${Math.round(inputs / seconds)} inputs/s, ${(inputs / commits).toFixed(1)} a commit, ` +
      `${((after.commitMs - before.commitMs) / commits).toFixed(2)} ms a commit, ` +
      `${((user + system) / inputs).toFixed(0)} µs CPU each, latency ms p50 ${pick(0.5)} p99 ${pick(0.99)}\n`,
  )
}

await measure("commands", (n) => errands.ask(`acc_${n % ACTORS}`, { op: "count", by: 1 }, `k${n}`))
await measure("commands with a step", (n) => errands.ask(`acc_go${n}`, { op: "go" }, `g${n}`))
await errands.stop()
await database.close()
await parts.stop()
await postgres?.stop()
