/**
 * CPU of the usage projection per journal entry, in process and without NATS: `node
 * apps/pricing/src/projection.bench.ts`. Messages of 20 entries, as the ledger's partitions make them, of 100,000
 * accounts at random: hardly a row is counted twice in one commit.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { partitionOf, PARTITIONS } from "@credits/kernel"
import { migrateNow, openDatabaseNow } from "@credits/store"
import { random } from "@credits/testkit"
import { foldJournal, Rollup, type Positions } from "./rollup.ts"
import { migrations, SCHEMA_VERSION, type Tables } from "./schema.ts"
import { commitProjection, rememberStream } from "./store.ts"

const AT = Date.parse("2026-11-01T00:00:00.000Z")
const ACCOUNTS = 100_000
const ENTRIES = 20
const MESSAGES = Number(process.argv[2] ?? 10_000)
const PER_COMMIT = Number(process.argv[3] ?? 64)

const source = random(1)
const byPartition: Array<Array<string>> = Array.from({ length: PARTITIONS }, () => [])
for (let n = 0; n < ACCOUNTS; n++) {
  const account = `acc_load${String(n).padStart(8, "0")}`
  byPartition[partitionOf(account)]!.push(account)
}
const seqs = Array.from({ length: PARTITIONS }, () => 0)

const message = (n: number): Uint8Array => {
  const partition = n % PARTITIONS
  const accounts = byPartition[partition]!
  const after = seqs[partition]!
  const entries = Array.from({ length: ENTRIES }, (_, i) => {
    const id = `01m8bnbksc${String(n * ENTRIES + i).padStart(16, "0")}`
    const spent = String(1_000 + source.below(10_000_000))
    return {
      seq: after + i + 1,
      account: accounts[source.below(accounts.length)],
      n: 8,
      prev: 9_650_698,
      at: AT + n,
      kind: "charged",
      body: {
        cause: `evt_${id}`,
        spent,
        available: `-${spent}`,
        lots: [["lot_01m8e7ppgesm6p3rz1ydycjgyc", `-${spent}`]],
        usage: `openai|gpt-5|b1|${50 + source.below(4_000)}|${source.below(900)}|0|0|0|0|0|1|ok|req_${id}`,
        usedAt: AT + n,
      },
    }
  })
  seqs[partition] = after + ENTRIES
  return Buffer.from(JSON.stringify({ v: 1, partition, after, entries }))
}

const folder = mkdtempSync(join(tmpdir(), "credits-projection-"))
const database = await openDatabaseNow<Tables>({ service: "pricing", dataDir: folder })
await migrateNow(database, migrations, SCHEMA_VERSION)
await rememberStream(database, "BENCH", "bench")
const messages = Array.from({ length: MESSAGES }, (_, n) => message(n))
let before: Positions = new Map()
let foldingMs = 0
/** Every account has its row after the first half; what the second half costs goes on for ever. */
const half = Math.floor(MESSAGES / PER_COMMIT / 2) * PER_COMMIT
let used = process.cpuUsage()
for (let at = 0; at < MESSAGES; at += PER_COMMIT) {
  if (at === half) [used, foldingMs] = [process.cpuUsage(), 0]
  const rollup = new Rollup()
  const positions: Positions = new Map(before)
  const startedAt = performance.now()
  const taken = messages.slice(at, at + PER_COMMIT)
  for (const body of taken) foldJournal(rollup, positions, JSON.parse(Buffer.from(body).toString("utf8")))
  foldingMs += performance.now() - startedAt
  const to = at + taken.length
  await commitProjection(database, { stream: "BENCH", incarnation: "bench", from: at, to, rollup, before, positions })
  before = positions
}
const { user, system } = process.cpuUsage(used)
const counted = (MESSAGES - half) * ENTRIES
await database.close()
rmSync(folder, { recursive: true })
process.stdout.write(
  `µs CPU per entry: ${((user + system) / counted).toFixed(2)}, of which folding ` +
    `${((foldingMs * 1000) / counted).toFixed(2)} (${PER_COMMIT} messages a commit)\n`,
)
