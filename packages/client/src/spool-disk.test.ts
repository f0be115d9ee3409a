/**
 * Goal: whatever the disk refuses, an event that was accepted is read, one that was not was refused, and nobody waits
 * for ever. Method: a file system that refuses to open a folder, as when a process has no file descriptor left, or to
 * remove a file, when a test says so.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, assert, beforeEach, describe, it, vi } from "vitest"
import { Spool, SpoolWriteFailed } from "./spool.ts"
import { UsagePublisher } from "./usage-publisher.ts"

const disk = vi.hoisted(() => ({ folderRefusals: 0, removalRefusals: 0 }))

vi.mock("node:fs/promises", async (original) => {
  const files = await original<typeof import("node:fs/promises")>()
  const open: typeof files.open = (path, flags, mode) => {
    const isFolder = flags === "r" && !String(path).endsWith(".spool")
    if (isFolder && disk.folderRefusals-- > 0) return Promise.reject(new Error("EMFILE: too many open files"))
    return files.open(path, flags, mode)
  }
  const unlink: typeof files.unlink = (path) =>
    disk.removalRefusals-- > 0 ? Promise.reject(new Error("EIO: i/o error, unlink")) : files.unlink(path)
  return { ...files, open, unlink }
})

const KIB = 1024

describe("a spool on a disk in trouble", () => {
  let directory = ""
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "spool-"))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  const readAll = async (spool: Spool): Promise<ReadonlyArray<number>> => {
    const found: Array<number> = []
    for (let position = spool.acknowledged; ;) {
      const batch = await spool.read(position, 100, 64 * KIB)
      if (batch === null) return found
      found.push(...batch.events.map((event) => (JSON.parse(event.toString()) as { readonly n: number }).n))
      position = batch.end
    }
  }

  it("R6.6 an event that was accepted after a segment could not be begun is read, and nothing is damaged", async () => {
    const spool = await Spool.open({ directory, bytesMax: 64 * KIB, segmentBytesMax: KIB })
    const accepted: Array<number> = []
    let refused = 0
    for (let n = 0; n < 40; n++) {
      if (n === 5) disk.folderRefusals = 1
      const event = Buffer.from(JSON.stringify({ n, text: "x".repeat(100) }))
      await spool.append(event).then(
        () => accepted.push(n),
        (error: unknown) => (assert.instanceOf(error, SpoolWriteFailed), refused++),
      )
    }
    assert.strictEqual(refused, 1)
    assert.deepStrictEqual(await readAll(spool), accepted)
    assert.strictEqual(spool.damaged, 0)
    await spool.close()
    const next = await Spool.open({ directory, bytesMax: 64 * KIB, segmentBytesMax: KIB })
    assert.deepStrictEqual(await readAll(next), accepted)
    await next.close()
  })

  it("whoever waits until all is in the stream is told so, also when what is behind it cannot be removed", async () => {
    const before = await Spool.open({ directory })
    await before.append(Buffer.from('{"n":1}'))
    await before.close()
    // What an earlier process left is removed with its last acknowledgement.
    const spool = await Spool.open({ directory })
    const publisher = new UsagePublisher(spool, () => Promise.resolve())
    const drained = publisher.drained()
    disk.removalRefusals = 1
    publisher.start()
    await drained
    await publisher.stop()
    await spool.close()
  })
})
