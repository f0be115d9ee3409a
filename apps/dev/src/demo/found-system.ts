/**
 * The system that the demo plays through: the one that runs on this machine, or one of its own in a temporary folder
 * that it starts as `npm start` would and stops afterwards. Owns finding, starting and stopping; nothing of what is
 * played.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { type RunFile, runFile } from "../run-file.ts"

export interface FoundSystem {
  readonly dataDir: string
  readonly run: RunFile
  /** Started by us, in how many milliseconds; null = it was running already. */
  readonly startedInMs: number | null
  /** Of a user of the bus, as `npm start` wrote it. */
  seedOf(user: "gateway" | "ops"): string
  stop(): Promise<void>
}

const START_MS = 120_000
/** Beside `demo.js`; from the sources the bundle is in `dist`. */
const MAIN = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../../dist/main.js" : "./main.js", import.meta.url),
)

const readRun = (dataDir: string): RunFile | null => {
  try {
    return JSON.parse(readFileSync(runFile(dataDir), "utf8")) as RunFile
  } catch {
    return null
  }
}

const answers = (run: RunFile): Promise<boolean> =>
  fetch(`${run.httpUrl}/readyz`, { signal: AbortSignal.timeout(2_000) }).then(
    (response) => response.ok,
    () => false,
  )

const found = (dataDir: string, run: RunFile, startedInMs: number | null, stop: () => Promise<void>): FoundSystem => ({
  dataDir,
  run,
  startedInMs,
  seedOf: (user) => readFileSync(join(dataDir, "nats", `${user}.seed`), "utf8").trim(),
  stop,
})

const untilReady = (child: ChildProcess): Promise<void> =>
  new Promise((resolveReady, reject) => {
    let said = ""
    let complained = ""
    const timer = setTimeout(() => reject(new Error(`the system is not ready after ${START_MS / 1000} s`)), START_MS)
    child.stdout!.on("data", (chunk: Buffer) => {
      said += chunk.toString()
      if (!said.includes("ready ")) return
      clearTimeout(timer)
      resolveReady()
    })
    child.stderr!.on("data", (chunk: Buffer) => (complained = (complained + chunk.toString()).slice(-4_000)))
    child.once("exit", (code) => {
      clearTimeout(timer)
      reject(new Error(`the system ended with ${code} while it started:\n${complained}`))
    })
  })

const startOwn = async (): Promise<FoundSystem> => {
  const dataDir = mkdtempSync(join(tmpdir(), "credits-demo-"))
  const start = performance.now()
  const child = spawn(process.execPath, ["--enable-source-maps", MAIN], {
    env: { ...process.env, CREDITS_DATA_DIR: dataDir, CREDITS_HTTP_PORT: "0", CREDITS_ENV: "development" },
    stdio: ["ignore", "pipe", "pipe"],
    // A Ctrl-C in the terminal is ours to hand on, after the demo has let go of the system.
    detached: true,
  })
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise<void>((resolveEnd) => child.once("exit", () => resolveEnd()))
      child.kill("SIGTERM")
      await ended
    }
    rmSync(dataDir, { recursive: true, force: true })
  }
  try {
    await untilReady(child)
  } catch (error) {
    await stop()
    throw error
  }
  return found(dataDir, readRun(dataDir)!, performance.now() - start, stop)
}

/** The running system of CREDITS_DATA_DIR (default `.data`), else one of its own. */
export const findSystem = async (): Promise<FoundSystem> => {
  const dataDir = resolve(process.env["CREDITS_DATA_DIR"] ?? ".data")
  const run = readRun(dataDir)
  if (run !== null && (await answers(run))) return found(dataDir, run, null, () => Promise.resolve())
  return startOwn()
}
