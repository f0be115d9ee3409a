/**
 * The whole system for tests and demos: the same supervisor as `npm start` (apps/dev), as a child process, on a free
 * port and a folder of its own. Single services and nats-server can be killed; the supervisor starts them again.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { BUS_USERS, type BusUser } from "@credits/contracts"
import { findNatsServer } from "./nats.ts"

const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), "../../..")

export interface StartSystemOptions {
  /** Kept by the caller; default: a temporary folder that `stop` removes. */
  readonly dataDir?: string
  /** Default 0: any free port. */
  readonly httpPort?: number
  /** Default: all services. */
  readonly services?: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  /** Default 60 s. */
  readonly readyMs?: number
  /** Every log line; default: kept for the error message only. */
  readonly onLog?: (line: string) => void
}

export interface SystemUnderTest {
  /** `http://localhost:<port>` of the edge. */
  readonly url: string
  readonly natsUrl: string
  /** Of the sandbox's own card processor; undefined with somebody else's. */
  readonly processorUrl: string | undefined
  /** Of the model gateway; undefined where none runs. */
  readonly gatewayUrl: string | undefined
  readonly dataDir: string
  /** nkey seed of each bus user. */
  readonly seeds: Readonly<Record<BusUser, string>>
  /** Milliseconds from the spawn to `ready`. */
  readonly startMs: number
  /** Pid of a service now, or of `nats`, or of the supervisor `dev`; 0 while it is down. */
  pidOf(name: string): number
  /** Sends a signal; after SIGKILL or SIGTERM the supervisor starts it again. Resolves true when it was running. */
  kill(name: string, signal?: NodeJS.Signals): boolean
  /** Resolves when the process of this name is another one than `oldPid`. */
  restarted(name: string, oldPid: number, timeoutMs?: number): Promise<number>
  /** The last 500 log lines. */
  log(): string
  /** SIGTERM to the supervisor; resolves with its exit code when everything is down. */
  stop(): Promise<number>
  /** SIGKILL to everything at once: supervisor, services, nats-server. The data folder stays. */
  killAll(): Promise<void>
}

interface RunFile {
  readonly natsUrl: string
  readonly processorUrl?: string
  readonly gatewayUrl?: string
  readonly pid: number
  readonly natsPid?: number
  readonly services: Readonly<Record<string, number>>
}

/** A test or a bench that is killed leaves no system behind: the channel closes, and it stops as after a SIGTERM. */
const DIE_WITH_STARTER = `data:text/javascript,${encodeURIComponent(
  'process.on("disconnect", () => process.kill(process.pid, "SIGTERM"))',
)}`
const READY_MS = 60_000
const LOG_LINES_KEPT = 500
const POLL_MS = 10

const isAlive = (pid: number): boolean => {
  if (pid === 0) return false
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    // A zombie has ended; only its parent has not noticed yet.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2))
  } catch {
    return process.platform !== "linux"
  }
}

const pause = () => new Promise((done) => setTimeout(done, POLL_MS))

const waitForReady = (child: ChildProcess, log: () => string, timeoutMs: number): Promise<string> =>
  new Promise((resolveReady, reject) => {
    let out = ""
    const fail = (why: string): void => {
      clearTimeout(timer)
      reject(new Error(`the system did not start: ${why}\n${log()}`))
    }
    const timer = setTimeout(() => fail(`not ready after ${timeoutMs} ms`), timeoutMs)
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      out += chunk
      const ready = /^ready (http:\S+)$/m.exec(out)
      if (ready === null) return
      clearTimeout(timer)
      resolveReady(ready[1]!)
    })
    child.once("error", (error) => fail(error.message))
    child.once("exit", (code, signal) => fail(`ended with ${signal ?? `code ${code}`}`))
  })

/** Starts the system and waits for its ready line. @throws Error with the log when it does not become ready. */
export const startSystem = async (options: StartSystemOptions = {}): Promise<SystemUnderTest> => {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "credits-system-")))
  const main = join(REPOSITORY, "apps/dev/dist/main.js")
  if (!existsSync(main)) throw new Error("apps/dev is not built: run `pnpm build`")
  const startedAt = performance.now()
  const child = spawn(process.execPath, ["--enable-source-maps", "--import", DIE_WITH_STARTER, main], {
    cwd: REPOSITORY,
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: {
      ...process.env,
      // A test must not reach the developer's own bus, database or card processor.
      CREDITS_NATS_URL: "",
      CREDITS_DATABASE_URL: "",
      CREDITS_STRIPE_API_BASE: "",
      CREDITS_NATS_SERVER: findNatsServer(),
      CREDITS_DATA_DIR: dataDir,
      CREDITS_HTTP_PORT: String(options.httpPort ?? 0),
      ...(options.services === undefined ? {} : { CREDITS_DEV_SERVICES: options.services.join(",") }),
      ...options.env,
    },
  })
  const lines: Array<string> = []
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    for (const line of chunk.split("\n")) {
      if (line === "") continue
      lines.push(line)
      if (lines.length > LOG_LINES_KEPT) lines.shift()
      options.onLog?.(line)
    }
  })
  const log = () => lines.join("\n")
  const exit = new Promise<number>((resolveExit) => child.once("exit", (code) => resolveExit(code ?? -1)))
  const url = await waitForReady(child, log, options.readyMs ?? READY_MS).catch(async (error: unknown) => {
    child.kill("SIGTERM")
    await exit
    throw error
  })
  return systemOf({
    child,
    url,
    dataDir,
    startMs: performance.now() - startedAt,
    log,
    exit,
    owned: options.dataDir === undefined,
  })
}

interface Started {
  readonly child: ChildProcess
  readonly url: string
  readonly dataDir: string
  readonly startMs: number
  readonly log: () => string
  readonly exit: Promise<number>
  readonly owned: boolean
}

const systemOf = (started: Started): SystemUnderTest => {
  const { child, dataDir } = started
  const run = (): RunFile => JSON.parse(readFileSync(join(dataDir, "run.json"), "utf8")) as RunFile
  // With a server of somebody else there are no seeds of ours.
  const seedOf = (user: string): string => readFileSync(join(dataDir, "nats", `${user}.seed`), "utf8").trim()
  const hasSeeds = existsSync(join(dataDir, "nats", "dev.seed"))
  const pidOf = (name: string): number => {
    if (name === "dev") return child.pid ?? 0
    const known = run()
    const pid = name === "nats" ? known.natsPid : known.services[name]
    return pid !== undefined && isAlive(pid) ? pid : 0
  }
  const forget = async (): Promise<void> => {
    if (started.owned) await rm(dataDir, { recursive: true, force: true })
  }
  return {
    url: started.url,
    natsUrl: run().natsUrl,
    processorUrl: run().processorUrl,
    gatewayUrl: run().gatewayUrl,
    dataDir,
    seeds: Object.fromEntries(
      BUS_USERS.map((user) => [user, hasSeeds ? seedOf(user) : undefined]),
    ) as SystemUnderTest["seeds"],
    startMs: started.startMs,
    pidOf,
    kill: (name, signal = "SIGKILL") => {
      const pid = pidOf(name)
      return pid !== 0 && process.kill(pid, signal)
    },
    restarted: async (name, oldPid, timeoutMs = 20_000) => {
      const deadline = performance.now() + timeoutMs
      for (;;) {
        const pid = pidOf(name)
        if (pid !== 0 && pid !== oldPid) return pid
        if (performance.now() > deadline)
          throw new Error(`${name} was not started again in ${timeoutMs} ms\n${started.log()}`)
        await pause()
      }
    },
    log: started.log,
    stop: async () => {
      child.kill("SIGTERM")
      const code = await started.exit
      await forget()
      return code
    },
    killAll: async () => {
      const known = run()
      const pids = [child.pid ?? 0, known.natsPid ?? 0, ...Object.values(known.services)].filter((pid) => pid !== 0)
      // The supervisor first: it must not start again what dies next.
      for (const pid of pids) if (isAlive(pid)) process.kill(pid, "SIGKILL")
      while (pids.some(isAlive)) await pause()
    },
  }
}
