import { appendFileSync, cpSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { Spool, SpoolInUse } from "./spool.ts"

const KIB = 1024
let directory = ""
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "spool-"))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const event = (number: number, bytes = 100): Buffer => Buffer.from(`{"n":${number},"x":"${"é".repeat(bytes / 2)}"}`)
const numbers = (events: ReadonlyArray<Buffer>): Array<number> =>
  events.map((text) => (JSON.parse(text.toString()) as { n: number }).n)
const range = (from: number, to: number): Array<number> => Array.from({ length: to - from }, (_, i) => from + i)

const readAll = async (spool: Spool): Promise<Array<number>> => {
  const found: Array<number> = []
  let position = spool.acknowledged
  for (;;) {
    const batch = await spool.read(position, 7, 64 * KIB)
    if (batch === null) return found
    found.push(...numbers(batch.events))
    position = batch.end
  }
}
const segments = (): Array<string> => readdirSync(directory).filter((name) => name.endsWith(".spool"))

describe("spool", () => {
  it("gives back what was appended, in order, across segments and a restart that was not clean", async () => {
    const spool = await Spool.open({ directory, bytesMax: 64 * KIB, segmentBytesMax: 2 * KIB, sync: "os" })
    await Promise.all(range(0, 100).map((n) => spool.append(event(n))))
    assert.isAbove(segments().length, 3)
    assert.deepEqual(await readAll(spool), range(0, 100))

    const copy = `${directory}-copy` // what another process finds when this one dies here: nothing was closed
    cpSync(directory, copy, { recursive: true })
    writeFileSync(join(copy, "lock"), "4194305 1\n")
    const next = await Spool.open({ directory: copy, bytesMax: 64 * KIB, segmentBytesMax: 2 * KIB })
    await next.append(event(100))
    assert.deepEqual(await readAll(next), range(0, 101))
    await next.close()
    await spool.close()
    rmSync(copy, { recursive: true })
  })

  it("deletes a segment only when all of it is acknowledged, and resumes behind the acknowledgement", async () => {
    const spool = await Spool.open({ directory, bytesMax: 64 * KIB, segmentBytesMax: 2 * KIB, sync: "os" })
    for (const n of range(0, 60)) await spool.append(event(n))
    const before = segments().length
    const first = (await spool.read(spool.acknowledged, 5, 64 * KIB))!
    await spool.acknowledge(first.end)
    assert.strictEqual(segments().length, before)
    let end = first.end
    while (end.segment < 3) end = (await spool.read(end, 5, 64 * KIB))!.end
    await spool.acknowledge(end)
    assert.isBelow(segments().length, before)
    const rest = await readAll(spool)
    await spool.close()

    const next = await Spool.open({ directory })
    assert.deepEqual(await readAll(next), rest)
    assert.strictEqual(rest.at(-1), 59)
    await next.close()
  })

  it("skips a torn tail and a damaged record, counts them, and loses nothing else", async () => {
    const spool = await Spool.open({ directory, sync: "os" })
    for (const n of range(0, 10)) await spool.append(event(n))
    await spool.close()
    const path = join(directory, segments()[0]!)
    appendFileSync(path, '00000000 {"n":77}\n') // wrong checksum
    appendFileSync(path, 'deadbeef {"n":78') // torn: no newline
    const next = await Spool.open({ directory, sync: "os" })
    await next.append(event(10))
    assert.deepEqual(await readAll(next), range(0, 11))
    assert.strictEqual(next.damaged, 2)
    await next.close()
  })

  it("starts from the beginning of what is left when the cursor is damaged", async () => {
    const spool = await Spool.open({ directory, sync: "os" })
    for (const n of range(0, 10)) await spool.append(event(n))
    await spool.acknowledge((await spool.read(spool.acknowledged, 4, 64 * KIB))!.end)
    await spool.close()
    truncateSync(join(directory, "cursor"), 11)
    const next = await Spool.open({ directory, sync: "os" })
    assert.deepEqual(await readAll(next), range(0, 10))
    await next.close()
  })

  it("has room again after acknowledgements, also when one segment is all there is", async () => {
    const spool = await Spool.open({ directory, bytesMax: 8 * KIB, sync: "os" })
    let appended = 0
    while (spool.hasRoomFor(event(appended).length)) await spool.append(event(appended++))
    assert.isAbove(appended, 40)
    let freed = 0
    spool.onFreed = () => freed++
    for (;;) {
      const batch = await spool.read(spool.acknowledged, 500, 64 * KIB)
      if (batch === null) break
      await spool.acknowledge(batch.end)
    }
    assert.isAbove(freed, 1)
    assert.isTrue(spool.hasRoomFor(2 * KIB))
    await spool.close()
  })

  it("refuses a directory that a living process uses, and takes over a dead one's", async () => {
    const spool = await Spool.open({ directory })
    const refused = await Spool.open({ directory }).then(
      () => null,
      (error: unknown) => error,
    )
    assert.instanceOf(refused, SpoolInUse)
    await spool.close()
    writeFileSync(join(directory, "lock"), `${process.pid} 1\n`) // our own pid, but another start
    await (await Spool.open({ directory })).close()
  })
})
