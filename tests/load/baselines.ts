/**
 * (f) What the parts do by themselves on this machine, in the same run: bare NATS echo, bare JetStream, bare SQLite,
 * fsync. Ratios to these compare across machines; absolute figures do not.
 */
import { fork } from "node:child_process"
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { latencyHistogram, type LatencySummary, type LoadResult, summaryOf } from "@credits/testkit"
import Database from "better-sqlite3"
import { generate, generateMeasured, type Measured } from "./generator.ts"
import type { JetStreamResult, RequestsJob } from "./jobs/job.ts"
import type { EventPlan } from "./payloads.ts"

const scratch = (): string => mkdtempSync(join(process.env["CREDITS_BENCH_DIR"] ?? tmpdir(), "credits-bare-"))

/** 4 KiB and fdatasync, one after another. */
export const fsyncLatency = (writes = 500): LatencySummary => {
  const directory = scratch()
  const file = openSync(join(directory, "sync"), "w")
  const page = Buffer.alloc(4096, 7)
  const histogram = latencyHistogram()
  for (let i = 0; i < writes; i++) {
    const start = performance.now()
    writeSync(file, page)
    fdatasyncSync(file)
    histogram.recordValue(Math.max(1, Math.round((performance.now() - start) * 1000)))
  }
  closeSync(file)
  rmSync(directory, { recursive: true })
  return summaryOf(histogram)
}

export interface SqliteResult {
  readonly rowsPerSecond: number
  readonly commit: LatencySummary
  readonly settings: string
}

const ROWS_PER_STATEMENT = 50

/** Group inserts in the ledger's shape: an entry and an idempotency key per event, `group` events a commit. */
export const bareSqlite = (events: number, group: number): SqliteResult => {
  const directory = scratch()
  const db = new Database(join(directory, "bare.db"))
  db.pragma("journal_mode = WAL")
  db.pragma("synchronous = FULL")
  db.pragma("wal_autocheckpoint = 4000")
  db.exec("CREATE TABLE entry (id INTEGER PRIMARY KEY, account INTEGER, previous INTEGER, at INTEGER, body TEXT)")
  db.exec("CREATE TABLE idem (key TEXT, account INTEGER, entry INTEGER, PRIMARY KEY (key, account)) WITHOUT ROWID")
  const rows = (columns: number): string =>
    Array.from({ length: ROWS_PER_STATEMENT }, () => `(${Array.from({ length: columns }, () => "?").join(",")})`).join(
      ",",
    )
  const entry = db.prepare(`INSERT INTO entry (account, previous, at, body) VALUES ${rows(4)}`)
  const idem = db.prepare(`INSERT INTO idem VALUES ${rows(3)} ON CONFLICT DO NOTHING`)
  const body = "x".repeat(150)
  const histogram = latencyHistogram()
  const start = performance.now()
  for (let done = 0; done < events; done += group) {
    const began = performance.now()
    db.exec("BEGIN IMMEDIATE")
    for (let row = done; row < done + group; row += ROWS_PER_STATEMENT) {
      const entries: Array<unknown> = []
      const keys: Array<unknown> = []
      for (let i = row; i < row + ROWS_PER_STATEMENT; i++) {
        entries.push((i * 7919) % 100_000, i, i, body)
        keys.push(`evt_01${i.toString(32).padStart(24, "0")}`, (i * 7919) % 100_000, i)
      }
      entry.run(entries)
      idem.run(keys)
    }
    db.exec("COMMIT")
    histogram.recordValue(Math.max(1, Math.round((performance.now() - began) * 1000)))
  }
  const seconds = (performance.now() - start) / 1000
  const synchronous = db.pragma("synchronous", { simple: true }) as number
  const mode = db.pragma("journal_mode", { simple: true }) as string
  const settings = `${mode}, synchronous=${synchronous === 2 ? "FULL" : synchronous}`
  db.close()
  rmSync(directory, { recursive: true })
  return { rowsPerSecond: events / seconds, commit: summaryOf(histogram), settings }
}

export type RequestLoad = RequestsJob["load"]

/** Requests to a bare responder, with the same questions as an authorization. */
export const bareEcho = async (
  system: { readonly servers: string; readonly pids: Readonly<Record<string, number>> },
  what: "echo" | "echo-asker",
  accounts: number,
  load: RequestLoad,
): Promise<Measured<LoadResult>> => {
  const { servers, pids } = system
  const echo = join(import.meta.dirname, "echo.ts")
  const responder = fork(echo, [servers], { stdio: ["ignore", "ignore", "inherit", "ipc"] })
  await new Promise((resolve) => responder.once("message", resolve))
  try {
    const job = { job: "requests", what, servers, name: "bench-load", accounts, seed: 11, load } as const
    return await generateMeasured(job, { ...pids, responder: responder.pid! })
  } finally {
    const ended = new Promise((resolve) => responder.once("exit", resolve))
    responder.kill("SIGKILL")
    await ended
  }
}

export const bareJetStream = (servers: string, plan: EventPlan): Promise<JetStreamResult> =>
  generate({ job: "jetstream", servers, name: "bench-load", plan, perMessage: 500, inFlight: 8 })
