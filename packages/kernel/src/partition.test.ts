/** Goal: everybody who computes a partition, nats-server included, computes the same one. */
import { assert, describe, it } from "vitest"
import { fnv1a32, PARTITIONS, partitionOf } from "./partition.ts"

describe("partitions", () => {
  it("the hash is FNV-1a-32: the vectors of its authors", () => {
    assert.strictEqual(fnv1a32(""), 0x811c9dc5)
    assert.strictEqual(fnv1a32("a"), 0xe40c292c)
    assert.strictEqual(fnv1a32("foobar"), 0xbf9cf968)
  })

  it("an account's partition is the one nats-server 2.15.1 maps it to with partition(64,1)", () => {
    // Read off a server with the mapping "in.*" → "out.{{partition(64,1)}}.{{wildcard(1)}}".
    const mapped: Readonly<Record<string, number>> = {
      acc_1: 42,
      acc_2: 23,
      acc_a: 26,
      acc_Z: 31,
      acc_0123456789: 4,
      acc_01hzxk8w9v7qd3m5n2r4t6y8ab: 20,
      acc_demo1: 63,
      acc_demo50: 57,
      acc_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz: 31,
      acc_OpenDesign: 17,
    }
    assert.deepStrictEqual(Object.fromEntries(Object.keys(mapped).map((id) => [id, partitionOf(id)])), mapped)
  })

  it("there are 64, fixed for the life of the data, and accounts spread over all of them", () => {
    assert.strictEqual(PARTITIONS, 64)
    const counts = Array.from({ length: PARTITIONS }, () => 0)
    for (let i = 0; i < 64_000; i++) counts[partitionOf(`acc_${i.toString(36)}`)]! += 1
    assert.isAbove(Math.min(...counts), 700)
    assert.isBelow(Math.max(...counts), 1_300)
  })
})
