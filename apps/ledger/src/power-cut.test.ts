/**
 * Goal: no answer leaves before its commit would survive a power cut (I3, I5), although commits do not wait for the
 * disk (ADR 26). Method: the real worker on a real file; each sync first copies what the disk would have after it, and
 * every answer is looked up in the newest copy there was when it left.
 */
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import BetterSqlite3 from "better-sqlite3"
import { afterAll, assert, beforeAll, it } from "vitest"
import { benchAccounts, fund, startBenchLedger, type BenchLedger } from "./bench.fixture.ts"

const CALLS = 2_000
/** More than one commit takes: all but its last one go on without waiting for the disk. After each comes one alone. */
const WAVE = 250
const real = { fdatasync: fs.fdatasync, fdatasyncSync: fs.fdatasyncSync }
const accounts = benchAccounts(200)
const disks: Array<string> = []
const syncs = { beside: 0, inside: 0 }
/** Answers, with the copy there was when each left. */
const left: Array<{ readonly call: number; readonly disk: number }> = []
let folder: string
let ledger: BenchLedger | undefined
/** What the disk has now: the newest copy whose sync has ended. */
let onDisk = -1

/** What a power cut after this sync would leave. */
const copyDisk = (): number => {
  if (ledger === undefined) return -1
  const disk = join(folder, String(disks.length))
  fs.mkdirSync(disk)
  for (const name of ["ledger.db", "ledger.db-wal"]) fs.copyFileSync(join(ledger.dataDir, name), join(disk, name))
  return disks.push(disk) - 1
}

beforeAll(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "credits-power-cut-"))
  const beside = (handle: number, done: fs.NoParamCallback): void => {
    const copy = copyDisk()
    syncs.beside += 1
    real.fdatasync(handle, (error) => {
      onDisk = Math.max(onDisk, copy)
      done(error)
    })
  }
  const inside = (handle: number): void => {
    const copy = copyDisk()
    syncs.inside += 1
    real.fdatasyncSync(handle)
    onDisk = Math.max(onDisk, copy)
  }
  Object.assign(fs, { fdatasync: beside, fdatasyncSync: inside })
  syncBuiltinESMExports()
})
afterAll(() => {
  Object.assign(fs, real)
  syncBuiltinESMExports()
  // The worker has ended, and not by itself: nothing is left to stop. A mark of its last renewal may still arrive.
  const { dataDir } = ledger!
  ledger = undefined
  fs.rmSync(dataDir, { recursive: true, force: true })
  fs.rmSync(folder, { recursive: true, force: true })
})

const questionOf = (call: number) => {
  const account = accounts[call % accounts.length]!
  const request = { op: "authorize", id: `req_${call}`, account, amount: "1000000", ttl: 3_600_000 }
  return { account, reply: String(call), text: JSON.stringify(request) }
}

it("I5 an answer leaves only when its commit would survive a power cut", async () => {
  const done = Promise.withResolvers<void>()
  let [next, waves] = [0, 0]
  const ask = (count: number): void =>
    ledger!.ask(Array.from({ length: Math.min(count, CALLS - next) }, () => questionOf(next++)))
  const started = await startBenchLedger((message) => {
    if (message.t !== "replies") return
    for (const [i, reply] of message.replies.entries()) {
      assert.match(message.texts[i]!, /^{"ok"/)
      left.push({ call: Number(reply), disk: onDisk })
    }
    if (left.length === CALLS) done.resolve()
    else if (left.length === next) ask((waves += 1) % 2 === 0 ? 1 : WAVE)
  })
  await fund(started, accounts)
  ledger = started
  ask(1)
  await done.promise
  assert.isAbove(syncs.beside, 5, "commits that did not wait")
  assert.isAbove(syncs.inside, 5, "commits that did")
  for (const [disk, path] of disks.entries()) {
    const mustHave = left.filter((answer) => answer.disk === disk)
    if (mustHave.length === 0) continue
    const db = new BetterSqlite3(join(path, "ledger.db"))
    const has = db.prepare("SELECT 1 FROM receipt WHERE key LIKE ? AND account = ?").pluck()
    for (const { call } of mustHave)
      assert.strictEqual(
        has.get(`%req_${call}`, accounts[call % accounts.length]!),
        1,
        `answer ${call} on disk ${disk}`,
      )
    db.close()
  }
  assert.lengthOf(
    left.filter(({ disk }) => disk < 0),
    0,
    "every answer was behind a sync",
  )
}, 120_000)

it("I5 a disk that refuses a sync ends the worker, and what was not synced is answered to nobody", async () => {
  const before = left.length
  const refuse = (): never => {
    throw new Error("EIO: i/o error, fdatasync")
  }
  Object.assign(fs, { fdatasyncSync: refuse })
  syncBuiltinESMExports()
  ledger!.ask([questionOf(CALLS)])
  const why = await ledger!.ended.then(
    () => "it went on",
    (error: Error) => error.message,
  )
  assert.match(why, /ledger\.db-wal could not be synced/)
  assert.lengthOf(left, before)
})
