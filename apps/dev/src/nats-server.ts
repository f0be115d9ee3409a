/**
 * The embedded nats-server: configuration, start, restart on the same port, stop. JetStream with `sync_interval:
 * always`, so that what was acknowledged survives a kill and a power loss (decision 1), loopback only, one nkey user
 * per service.
 */
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { type BusUser, renderAuthorization } from "@credits/contracts"
import { Child } from "./child.ts"
import { natsLine } from "./log-line.ts"
import { freePort } from "./port.ts"
import { gone, isSame, type KnownProcess, known } from "./process-info.ts"
import { StartRefused } from "./refusal.ts"
import type { BusKeys } from "./seed.ts"

/** Older ones lose acknowledged writes even with sync always, or have no batches with one sync (field notes B2). */
export const NATS_VERSION_MIN = "2.15.0"

export const isVersionEnough = (version: string): boolean => {
  const [found, wanted] = [version, NATS_VERSION_MIN].map((each) => each.split(/[.-]/).slice(0, 3).map(Number))
  for (let index = 0; index < 3; index++) {
    const difference = (found![index] ?? 0) - wanted![index]!
    if (Number.isNaN(difference)) return false
    if (difference !== 0) return difference > 0
  }
  return true
}

/** @throws StartRefused when the program is missing, does not run or is too old. */
export const assertNatsServer = async (program: string): Promise<string> => {
  const next =
    "set CREDITS_NATS_SERVER to a nats-server of version 2.15 or newer, or run `npm start`, which fetches one"
  let printed: string
  try {
    printed = (await promisify(execFile)(program, ["--version"], { timeout: 10_000 })).stdout
  } catch (error) {
    const detail = error instanceof Error ? error.message.split("\n")[0] : String(error)
    throw new StartRefused({ reason: `nats-server does not run: ${detail}`, next })
  }
  const version = /v?(\d+\.\d+\.\d+[^\s]*)/.exec(printed)?.[1] ?? ""
  if (!isVersionEnough(version)) {
    throw new StartRefused({
      reason: `${program} is version ${version || "unknown"}, older than ${NATS_VERSION_MIN}`,
      next,
    })
  }
  return version
}

interface Ports {
  readonly client: number
  readonly monitor: number
}

/** The sum of the streams' byte limits must fit; the disk itself is watched elsewhere (decision 21). */
const FILE_STORE_MAX = "64GB"

export const renderNatsConfig = (dataDir: string, ports: Ports, environment: string, keys: BusKeys): string => {
  const publicKeys = Object.fromEntries(Object.entries(keys).map(([user, key]) => [user, key.publicKey]))
  return [
    "# Written by apps/dev at every start; changes are lost.",
    `listen: "127.0.0.1:${ports.client}"`,
    `http: "127.0.0.1:${ports.monitor}"`,
    'server_name: "credits"',
    `pid_file: ${JSON.stringify(join(dataDir, "nats", "pid"))}`,
    "max_payload: 1MB",
    "jetstream {",
    `  store_dir: ${JSON.stringify(join(dataDir, "nats", "store"))}`,
    "  # An acknowledgement means: on disk.",
    "  sync_interval: always",
    `  max_file_store: ${FILE_STORE_MAX}`,
    "}",
    renderAuthorization(environment, publicKeys as Partial<Record<BusUser, string>>),
  ].join("\n")
}

const readPorts = (file: string): Partial<Ports> => {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Partial<Ports>
  } catch {
    return {}
  }
}

/** A server that outlived its supervisor (kill -9) holds the store and the port: it is ours, so it is stopped. */
const stopOrphan = async (markFile: string): Promise<void> => {
  if (!existsSync(markFile)) return
  const orphan = JSON.parse(readFileSync(markFile, "utf8")) as KnownProcess
  if (isSame(orphan) && orphan.mark !== undefined) {
    process.kill(orphan.pid, "SIGTERM")
    if (!(await gone(orphan, ORPHAN_MS))) process.kill(orphan.pid, "SIGKILL")
    await gone(orphan, ORPHAN_MS)
  }
  rmSync(markFile, { force: true })
}

const ORPHAN_MS = 5_000
const READY_MS = 20_000
/** A store of millions of messages is read at the start; a server that ends this often has a reason to tell. */
const FAILURES_MAX = 3

export interface EmbeddedNats {
  readonly url: string
  readonly monitorUrl: string
  readonly version: string
  readonly pid: () => number | undefined
  readonly stop: () => Promise<void>
}

export interface EmbeddedNatsOptions {
  readonly program: string
  readonly dataDir: string
  readonly environment: string
  readonly keys: BusKeys
  readonly say: (line: string) => void
  readonly onPid: (pid: number) => void
}

/** Starts it and waits until it takes connections. @throws StartRefused */
export const startNatsServer = async (options: EmbeddedNatsOptions): Promise<EmbeddedNats> => {
  const { dataDir, say } = options
  const folder = join(dataDir, "nats")
  mkdirSync(join(folder, "store"), { recursive: true, mode: 0o700 })
  const markFile = join(folder, "process.json")
  const [version] = await Promise.all([assertNatsServer(options.program), stopOrphan(markFile)])
  // Remembered ports keep the addresses that people and open connections know.
  const portsFile = join(folder, "ports.json")
  const before = readPorts(portsFile)
  const ports = { client: await freePort(before.client), monitor: await freePort(before.monitor) }
  writeFileSync(portsFile, JSON.stringify(ports))
  const configFile = join(folder, "nats.conf")
  writeFileSync(configFile, renderNatsConfig(dataDir, ports, options.environment, options.keys), { mode: 0o600 })

  let lastWords = ""
  let becomeReady: () => void = () => undefined
  let refuse: (error: StartRefused) => void = () => undefined
  const ready = new Promise<void>((resolve, reject) => {
    becomeReady = resolve
    refuse = reject
  })
  const child: Child = new Child({
    name: "nats",
    program: options.program,
    args: ["-c", configFile],
    env: { ...process.env },
    niceness: 0,
    channel: false,
    onLine: (line) => {
      if (line.includes("Server is ready")) {
        child.forgive()
        becomeReady()
      }
      const telling = natsLine(line)
      if (telling !== undefined) say((lastWords = telling))
    },
    onStart: (pid) => {
      writeFileSync(markFile, JSON.stringify(known(pid)))
      options.onPid(pid)
    },
    onEnd: (how, pauseMs) => {
      say(`ended (${how}); starting it again in ${pauseMs} ms`)
      if (child.failures < FAILURES_MAX) return
      refuse(
        new StartRefused({ reason: `nats-server does not start: ${lastWords || how}`, next: `look at ${configFile}` }),
      )
    },
  })
  child.start()
  const timer = setTimeout(() => {
    const reason = `nats-server is not ready after ${READY_MS / 1_000} s: ${lastWords}`
    refuse(new StartRefused({ reason, next: `look at ${configFile}` }))
  }, READY_MS)
  try {
    await ready
  } catch (error) {
    await child.stop()
    throw error
  } finally {
    clearTimeout(timer)
  }
  return {
    url: `nats://127.0.0.1:${ports.client}`,
    monitorUrl: `http://127.0.0.1:${ports.monitor}`,
    version,
    pid: () => child.pid,
    stop: async () => {
      await child.stop()
      rmSync(markFile, { force: true })
    },
  }
}
