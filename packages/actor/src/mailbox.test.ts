/**
 * Goal: of requests that wait each is taken once, a partition's in their order, and nobody waits for ever behind
 * others. Method: properties over arrivals and takings, without a database.
 */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import type { AnyMachine } from "./batch.ts"
import { Mailbox } from "./mailbox.ts"
import type { Partition } from "./partition.ts"

const PARTITIONS = 64
const owned = new Map(Array.from({ length: PARTITIONS }, (_, id) => [id, {} as Partition]))
const machine = { decodeRequest: (text: string) => ({ account: text, key: text }) } as unknown as AnyMachine<unknown>

const nothingInvalid = (): void => assert.fail("every request here can be read")

class Arrivals {
  readonly mailbox = new Mailbox<unknown>(machine)
  readonly waiting: Array<{ readonly reply: string; readonly partition: number }> = []
  #count = 0

  offer(partitions: ReadonlyArray<number>): void {
    const replies = partitions.map(() => String(this.#count++))
    partitions.forEach((partition, i) => this.waiting.push({ partition, reply: replies[i]! }))
    this.mailbox.offerRequests({
      t: "requests",
      partitions: [...partitions],
      restricted: partitions.map(() => false),
      replies,
      texts: replies,
    })
  }

  /** What a commit takes; gone from those that wait. */
  take(): ReadonlyArray<{ readonly reply: string; readonly partition: number }> {
    const taken = this.mailbox.takeRequests(owned, nothingInvalid).map(({ reply, partition }) => ({ reply, partition }))
    const replies = new Set(taken.map(({ reply }) => reply))
    assert.strictEqual(replies.size, taken.length, "each once")
    const left = this.waiting.filter(({ reply }) => !replies.has(reply))
    assert.strictEqual(left.length + taken.length, this.waiting.length, "only what waits")
    this.waiting.splice(0, this.waiting.length, ...left)
    return taken
  }
}

const arrivals = fc.array(fc.array(fc.nat(PARTITIONS - 1), { maxLength: 600 }), { minLength: 1, maxLength: 12 })

describe("requests that wait", () => {
  it("are each taken once, a partition's in their order, the longest waiting of all always among the next", () => {
    fc.assert(
      fc.property(arrivals, (steps) => {
        const all = new Arrivals()
        const lastOf = new Map<number, number>()
        const look = (): void => {
          const [oldest] = all.waiting
          const taken = all.take()
          if (oldest !== undefined)
            assert.include(
              taken.map(({ reply }) => reply),
              oldest.reply,
            )
          for (const { partition, reply } of taken) {
            assert.isAbove(Number(reply), lastOf.get(partition) ?? -1)
            lastOf.set(partition, Number(reply))
          }
          assert.strictEqual(all.mailbox.requests, all.waiting.length)
        }
        for (const step of steps) {
          all.offer(step)
          look()
        }
        while (all.waiting.length > 0) look()
      }),
    )
  })

  it("few are taken at once, many by whole partitions and in parts of about a quarter", () => {
    const all = new Arrivals()
    all.offer(Array.from({ length: 96 }, (_, i) => i % PARTITIONS))
    assert.lengthOf(all.take(), 96)
    all.offer(Array.from({ length: 640 }, (_, i) => i % PARTITIONS))
    const taken = all.take()
    assert.lengthOf(taken, 160)
    assert.strictEqual(new Set(taken.map(({ partition }) => partition)).size, 16)
  })

  it("one hot partition is taken a thousand at a time, and what comes to it later waits behind the others", () => {
    const all = new Arrivals()
    const hot = Array.from({ length: 1_000 }, () => 7)
    all.offer([...hot, ...hot, 8])
    const partitions = () => new Set(all.take().map(({ partition }) => partition))
    assert.deepStrictEqual([...partitions()], [7])
    all.offer(hot)
    assert.deepStrictEqual([...partitions()], [7])
    all.offer(hot)
    assert.isTrue(partitions().has(8))
  })
})
