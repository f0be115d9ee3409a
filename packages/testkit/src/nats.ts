/**
 * A real nats-server for tests: JetStream in a temporary folder, an ephemeral loopback port, `sync_interval: always`
 * as in production. Owns finding the binary and the server's life; the connection is @credits/bus.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), "../../..")

/** Where set-up keeps what it fetched. */
export const cacheDir = resolve(REPOSITORY, process.env["CREDITS_CACHE_DIR"] || ".cache")

/** CREDITS_NATS_SERVER, then the PATH, then the project's cache (`npm start` and `npm test` put it there). */
export const findNatsServer = (): string => {
  const named = process.env["CREDITS_NATS_SERVER"]
  if (named !== undefined && named !== "") {
    if (existsSync(named)) return named
    throw new Error(`CREDITS_NATS_SERVER names ${named}, which does not exist`)
  }
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    if (folder !== "" && existsSync(join(folder, "nats-server"))) return join(folder, "nats-server")
  }
  const cached = join(cacheDir, "nats-server", "nats-server")
  if (existsSync(cached)) return cached
  throw new Error("no nats-server: set CREDITS_NATS_SERVER or run `npm test` once, which fetches one into .cache/")
}

/** A loopback port that was free a moment ago. */
export const freePort = (): Promise<number> =>
  new Promise((resolvePort, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      server.close(() => resolvePort(port))
    })
  })

export interface NatsServerOptions {
  /** Extra configuration text: users, permissions, limits. */
  readonly config?: string
  /** `always` as in production, unless a test is about a server that is not. */
  readonly syncInterval?: string
  /** Keep the store here instead of in a temporary folder (which `stop` removes). */
  readonly storeDir?: string
}

export interface TestNatsServer {
  readonly url: string
  readonly port: number
  readonly storeDir: string
  readonly pid: () => number
  /** SIGKILL, as a crash; the store stays. */
  kill(): Promise<void>
  /** SIGTERM; the store stays. */
  terminate(): Promise<void>
  /** Starts it again on the same port and store. */
  restart(): Promise<void>
  /** Sends a signal such as SIGSTOP. */
  signal(signal: NodeJS.Signals): void
  /** Stops it and removes a temporary store. */
  stop(): Promise<void>
}

const START_MS = 15_000

const exited = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolveExit) => child.once("exit", () => resolveExit()))

const startChild = async (binary: string, configFile: string): Promise<ChildProcess> => {
  const child = spawn(binary, ["-c", configFile], { stdio: ["ignore", "ignore", "pipe"] })
  let log = ""
  const ready = new Promise<void>((resolveReady, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`nats-server is not ready after ${START_MS} ms:\n${log}`)),
      START_MS,
    )
    child.stderr?.on("data", (chunk: Buffer) => {
      if (log.length < 20_000) log += chunk.toString()
      if (log.includes("Server is ready")) {
        clearTimeout(timer)
        resolveReady()
      }
    })
    child.once("error", (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.once("exit", (code) => {
      clearTimeout(timer)
      reject(new Error(`nats-server ended with ${code}:\n${log}`))
    })
  })
  await ready
  return child
}

/** Starts a server; the caller stops it (`afterAll(() => server.stop())`). */
export const natsServerForTests = async (options: NatsServerOptions = {}): Promise<TestNatsServer> => {
  const binary = findNatsServer()
  const home = await mkdtemp(join(tmpdir(), "credits-nats-"))
  const storeDir = options.storeDir ?? join(home, "store")
  await mkdir(storeDir, { recursive: true })
  const port = await freePort()
  const configFile = join(home, "nats.conf")
  const syncInterval = options.syncInterval ?? "always"
  const config = [
    `listen: "127.0.0.1:${port}"`,
    `jetstream { store_dir: ${JSON.stringify(storeDir)}, sync_interval: ${syncInterval}, max_file_store: 64GB }`,
    "max_payload: 1MB",
    options.config ?? "",
  ]
  await writeFile(configFile, config.join("\n"))
  let child = await startChild(binary, configFile)
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill("SIGCONT")
    child.kill(signal)
    await exited(child)
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    storeDir,
    pid: () => child.pid ?? 0,
    kill: () => end("SIGKILL"),
    terminate: () => end("SIGTERM"),
    restart: async () => {
      child = await startChild(binary, configFile)
    },
    signal: (signal) => void child.kill(signal),
    stop: async () => {
      await end("SIGKILL")
      await rm(home, { recursive: true, force: true })
    },
  }
}
