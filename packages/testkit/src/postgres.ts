/**
 * A real Postgres for tests: a private cluster in a temporary folder on a loopback port, from the machine's own
 * binaries or from npm's (`postgres-binaries.ts`). Owns the cluster's life, no tables.
 */
import { execFile, spawn } from "node:child_process"
import { chmod, chown, cp, mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { freePort } from "./nats.ts"
import { findPostgresBinaries, isCached } from "./postgres-binaries.ts"

export { findPostgresBinaries } from "./postgres-binaries.ts"

const run = promisify(execFile)

interface Owner {
  readonly uid: number
  readonly gid: number
}

/** Postgres refuses to run as root: then the cluster belongs to `postgres` or `nobody`. */
const unprivilegedOwner = async (): Promise<Owner | undefined> => {
  if (process.getuid?.() !== 0) return undefined
  const lines = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"))
  const found = lines.find((line) => line[0] === "postgres") ?? lines.find((line) => line[0] === "nobody")
  if (found === undefined) throw new Error("running as root and no user `postgres` or `nobody` to run Postgres as")
  return { uid: Number(found[2]), gid: Number(found[3]) }
}

/** The checkout may be in a home folder that the other user cannot enter: then it gets a copy. */
const reachable = async (binaries: string, folder: string, owner: Owner | undefined): Promise<string> => {
  if (owner === undefined || !isCached(binaries)) return binaries
  await cp(dirname(binaries), join(folder, "postgres"), { recursive: true, verbatimSymlinks: true })
  return join(folder, "postgres", "bin")
}

export interface TestPostgres {
  /** `postgres://…`; the user may create schemas. */
  readonly url: string
  /** Immediate shutdown, as a crash; the data stays. */
  kill(): Promise<void>
  restart(): Promise<void>
  /** Stops it and removes its folder. */
  stop(): Promise<void>
}

const START_MS = 20_000

const startServer = async (binaries: string, folder: string, port: number, owner: Owner | undefined) => {
  const settings = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    `unix_socket_directories=${folder}`,
    "max_connections=50",
  ]
  const args = ["-D", join(folder, "data"), ...settings.flatMap((setting) => ["-c", setting])]
  const child = spawn(join(binaries, "postgres"), args, { stdio: ["ignore", "ignore", "pipe"], ...owner })
  let log = ""
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`postgres is not ready after ${START_MS} ms:\n${log}`)), START_MS)
    child.stderr.on("data", (chunk: Buffer) => {
      if (log.length < 20_000) log += chunk.toString()
      if (!log.includes("ready to accept connections")) return
      clearTimeout(timer)
      resolve()
    })
    child.once("error", reject)
    child.once("exit", (code) => {
      clearTimeout(timer)
      reject(new Error(`postgres ended with ${code}:\n${log}`))
    })
  })
  return child
}

/** Starts a private cluster; undefined when this machine has no Postgres at all (tests then skip and say so). */
export const postgresForTests = async (): Promise<TestPostgres | undefined> => {
  const found = findPostgresBinaries()
  if (found === undefined) return undefined
  const owner = await unprivilegedOwner()
  const folder = await mkdtemp(join(tmpdir(), "credits-pg-"))
  await chmod(folder, 0o700)
  if (owner !== undefined) await chown(folder, owner.uid, owner.gid)
  const binaries = await reachable(found, folder, owner)
  const init = ["-D", join(folder, "data"), "-U", "credits", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]
  await run(join(binaries, "initdb"), init, { ...owner, cwd: folder })
  const port = await freePort()
  let server = await startServer(binaries, folder, port, owner)
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const gone = new Promise<void>((resolve) => server.once("exit", () => resolve()))
    server.kill(signal)
    await gone
  }
  return {
    url: `postgres://credits@127.0.0.1:${port}/postgres`,
    // SIGQUIT is Postgres's own crash: no checkpoint, recovery at the next start, and its children end too.
    kill: () => end("SIGQUIT"),
    restart: async () => {
      server = await startServer(binaries, folder, port, owner)
    },
    stop: async () => {
      await end("SIGINT")
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Runs `use` with a private cluster and stops it afterwards; resolves undefined when there is no Postgres here. */
export const withPostgres = async <A>(use: (postgres: TestPostgres) => Promise<A>): Promise<A | undefined> => {
  const postgres = await postgresForTests()
  if (postgres === undefined) return undefined
  try {
    return await use(postgres)
  } finally {
    await postgres.stop()
  }
}
