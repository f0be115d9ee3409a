/**
 * Goal: whoever starts a system for a test or a bench, and dies, leaves nothing running that would falsify what is
 * measured next. Method: a process of its own starts one and is killed.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"

const STARTER = fileURLToPath(new URL("./starter.fixture.ts", import.meta.url))

it("a system ends when the process that started it was killed", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "credits-starter-"))
  const starter = spawn(process.execPath, [STARTER, dataDir], { stdio: ["ignore", "pipe", "inherit"] })
  try {
    const [line] = (await once(starter.stdout.setEncoding("utf8"), "data")) as [string]
    const pids = JSON.parse(line) as ReadonlyArray<number>
    expect(pids.map((pid) => existsSync(`/proc/${pid}`))).toEqual([true, true, true])
    starter.kill("SIGKILL")
    await expect.poll(() => pids.filter((pid) => existsSync(`/proc/${pid}`)), { timeout: 30_000 }).toEqual([])
  } finally {
    starter.kill("SIGKILL")
    await rm(dataDir, { recursive: true, force: true })
  }
})
