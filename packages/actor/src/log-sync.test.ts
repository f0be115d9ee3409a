/**
 * Goal: what follows from a commit leaves when a sync that began after it has ended, in order, and never when the disk
 * refused. Method: properties over commits and syncs that a test ends. The whole with a real file is
 * `apps/ledger/src/power-cut.test.ts`.
 */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import type { fdatasync } from "node:fs"
import { SyncGate } from "./log-sync.ts"
import type { FromWorker } from "./protocol.ts"

const LOG = process.execPath
const message = (n: number): FromWorker => ({ t: "replies", replies: [String(n)], texts: [""] })

const gateOf = () => {
  const delivered: Array<number> = []
  const syncs: Array<(error: NodeJS.ErrnoException | null) => void> = []
  const failures: Array<string> = []
  const gate = new SyncGate(
    (each) => delivered.push(Number(each.t === "replies" ? each.replies[0] : -1)),
    (error) => failures.push(error.message),
    ((_handle: number, done: (error: NodeJS.ErrnoException | null) => void) =>
      void syncs.push(done)) as unknown as typeof fdatasync,
  )
  return { gate, delivered, syncs, failures, commit: () => gate.take({ t: "unsynced", log: LOG }) }
}

describe("the gate", () => {
  it("I5 lets out in order what was said, each behind a sync that began after its commit", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("commit", "say", "synced"), { maxLength: 60 }), (steps) => {
        const { gate, delivered, syncs, commit } = gateOf()
        let [commits, said, begun] = [0, 0, 0]
        /** Commits whose sync has ended. */
        let durable = 0
        const follows: Array<number> = []
        const end = (): void => {
          const done = syncs.shift()
          if (done === undefined) return
          durable = begun
          // The next one begins inside and covers all there are.
          done(null)
          if (syncs.length > 0) begun = commits
        }
        for (const step of steps) {
          if (step === "commit") {
            commits += 1
            commit()
            if (syncs.length === 1 && begun === durable) begun = commits
          } else if (step === "say") {
            follows.push(commits)
            gate.take(message(said++))
          } else end()
          assert.isAtMost(syncs.length, 1, "one sync at a time")
          const free = follows.findIndex((after) => after > durable)
          const expected = free === -1 ? said : free
          assert.deepStrictEqual(
            delivered,
            Array.from({ length: expected }, (_, n) => n),
          )
        }
        while (syncs.length > 0) end()
        assert.lengthOf(delivered, said)
      }),
      { numRuns: 500 },
    )
  })

  it("what the disk refused never leaves, nor what comes behind it", () => {
    const { gate, delivered, syncs, failures, commit } = gateOf()
    gate.take(message(0))
    commit()
    gate.take(message(1))
    syncs[0]!(Object.assign(new Error("EIO"), { code: "EIO" }))
    gate.take(message(2))
    commit()
    for (const done of syncs.slice(1)) done(null)
    gate.take(message(3))
    assert.deepStrictEqual([delivered, failures], [[0], ["EIO"]])
  })
})
