/**
 * Goal: a stream that no longer fits its reader's database is noticed, never skipped (decision 2, C11). Method: the
 * ledger and pricing as processes; their stream is trimmed beyond the cursor or deleted and made again, while they are
 * down and while they run; then nothing more is applied, the status says `cursor_gap` and `credits doctor` names it.
 */
import { afterEach, describe, expect, it } from "vitest"
import { type ReaderName, StreamReader } from "./stream-reader.ts"

const READERS: ReadonlyArray<ReaderName> = ["ledger", "pricing"]
/** More than a reader asks ahead: the rest is still in the stream when it is trimmed. */
const MANY = 1_500

let reader: StreamReader | undefined
afterEach(() => reader?.stop())

const upTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i + 1)

/** The gap is shown and named, what comes now changes nothing, and what was applied has no hole. */
const stopsAtTheGap = async (running: StreamReader, reason: string): Promise<ReadonlyArray<number>> => {
  const shown = await running.gap()
  expect(JSON.stringify(shown.detail)).toContain(reason)
  const applied = await running.applied()
  expect(applied).toEqual(upTo(applied.length))
  await running.send(5)
  const { exit, text } = await running.doctor()
  expect(exit).toBe(1)
  expect(text).toContain("cursor_gap")
  expect(text).toContain(running.name)
  // The doctor asked it and its stream in the meantime: it has had every chance to read on.
  expect(await running.applied()).toEqual(applied)
  expect((await running.gap()).ready).toBe(false)
  return applied
}

for (const name of READERS) {
  describe(`decision 2: cursor_gap of ${name}`, () => {
    it("its stream trimmed beyond the cursor while it was down", async () => {
      reader = await StreamReader.start(name)
      await reader.kill()
      await reader.send(4)
      await reader.trim((await reader.end()) - 1)
      reader.restart()
      expect(await stopsAtTheGap(reader, "trimmed")).toEqual(upTo(3))
    })

    it("its stream wiped and grown again beyond the cursor while it was down", async () => {
      reader = await StreamReader.start(name)
      await reader.kill()
      await reader.wipe()
      await reader.send(10)
      reader.restart()
      expect(await stopsAtTheGap(reader, "other_incarnation")).toEqual(upTo(3))
    })

    it("its stream trimmed beyond what it has read while it runs", async () => {
      reader = await StreamReader.start(name)
      reader.signal("SIGSTOP")
      await reader.send(MANY)
      await reader.trim((await reader.end()) - 10)
      reader.signal("SIGCONT")
      // What had been sent to it before is applied; what is missing after that is not jumped over.
      expect((await stopsAtTheGap(reader, "trimmed")).length).toBeLessThan(MANY)
    })

    it("its stream wiped while it runs", async () => {
      reader = await StreamReader.start(name)
      await reader.wipe()
      await reader.send(10)
      expect(await stopsAtTheGap(reader, "other_incarnation")).toEqual(upTo(3))
    })
  })
}
