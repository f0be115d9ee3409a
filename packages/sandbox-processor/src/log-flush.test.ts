/** Goal: every commit is brought to the disk by itself, also one that came during a sync. Method: a real file. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, expect, it } from "vitest"
import { LogFlush } from "./log-flush.ts"

const folder = mkdtempSync(join(tmpdir(), "credits-log-"))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it("brings every commit to the disk by itself, those that come meanwhile with the next turn", async () => {
  const log = join(folder, "log")
  writeFileSync(log, "")
  let commits = 3
  const flush = new LogFlush(log, () => commits, 1)
  expect(flush.flushed).toBe(3)
  for (let i = 0; i < 50; i++) {
    appendFileSync(log, "x".repeat(10_000))
    commits++
    await new Promise((turn) => setImmediate(turn))
    expect(flush.flushed).toBeLessThanOrEqual(commits)
  }
  await expect.poll(() => flush.flushed).toBe(commits)
  flush.close()
})
