/**
 * The supervisor as a person meets it: the bundle as a child process, a real nats-server, and stand-in services that
 * answer as the real ones do. Every wait is for a fact, with a deadline.
 */
import { spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { getPriority, tmpdir } from "node:os"
import { join } from "node:path"
import { ask, closeBus, connectBus, provisionStreams, requireDurable, streamState } from "@credits/bus"
import { natsServerForTests, startSystem, type StartSystemOptions, type SystemUnderTest } from "@credits/testkit"
import { build } from "esbuild"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { isSame, known } from "./process-info.ts"
import { NICENESS, SERVICES } from "./service.ts"

/**
 * Answers `status` on its control subject, or over HTTP as the edge and the processor do, and tells what it was told.
 * Its name is the folder it lies in.
 */
const STAND_IN = `
  import { createServer } from "node:http"
  import { connectBus, serve } from "@credits/bus"
  const name = process.argv[1].match(/([a-z-]+).dist.main.js$/)[1]
  const { CREDITS_NATS_URL, CREDITS_NATS_SEED } = process.env
  const { CREDITS_HTTP_HOST, CREDITS_HTTP_PORT, CREDITS_SANDBOX_PORT, CREDITS_GATEWAY_PORT } = process.env
  const bus = await connectBus({ servers: CREDITS_NATS_URL, seed: CREDITS_NATS_SEED, name })
  const log = { time: "2026-11-23T03:00:00.000Z", level: "info", service: name, message: "started" }
  console.log(JSON.stringify({ ...log, pid: process.pid }))
  const ports = { edge: CREDITS_HTTP_PORT, gateway: CREDITS_GATEWAY_PORT, "sandbox-processor": CREDITS_SANDBOX_PORT }
  const port = ports[name]
  if (port !== undefined) {
    const answer = (_, response) => response.end(JSON.stringify(process.env))
    createServer(answer).listen(Number(port), name === "edge" ? CREDITS_HTTP_HOST : "127.0.0.1")
  } else {
    const answer = { service: name, ready: true, cursors: {}, pid: process.pid, env: process.env }
    serve(bus.connection, name + ".control", () => JSON.stringify(answer))
  }
  process.on("SIGTERM", () => process.exit(0))`

/** Bundled like the services: seven processes that load sources would be the whole test's time. */
const bundle = async (source: string): Promise<string> => {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: import.meta.dirname },
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
    banner: { js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);` },
  })
  return outputFiles[0]!.text
}

const CRASHES = `console.log("no database"); process.exit(3)`

let standIn = ""
let folder = ""
let apps = ""
const running: Array<SystemUnderTest> = []

/** A checkout with these bundles; `change` goes over the stand-ins. */
const writeApps = async (name: string, change: Readonly<Record<string, string>> = {}): Promise<string> => {
  const root = join(folder, name)
  const sources = { ...Object.fromEntries(SERVICES.map((service) => [service, standIn])), ...change }
  for (const [service, source] of Object.entries(sources)) {
    const dist = join(root, service === "processor" ? "packages/sandbox-processor" : `apps/${service}`, "dist")
    await mkdir(dist, { recursive: true })
    await writeFile(join(dist, "package.json"), '{"type":"module"}')
    await writeFile(join(dist, "main.js"), source)
  }
  return join(root, "apps")
}

beforeAll(async () => {
  standIn = await bundle(STAND_IN)
  folder = await mkdtemp(join(tmpdir(), "credits-dev-"))
  apps = await writeApps("whole")
})
afterEach(async () => {
  for (const system of running.splice(0)) if (system.pidOf("dev") !== 0) await system.stop()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

let counter = 0
const start = async (options: StartSystemOptions = {}): Promise<SystemUnderTest> => {
  const dataDir = options.dataDir ?? join(folder, `data-${++counter}`)
  const system = await startSystem({ ...options, dataDir, env: { CREDITS_DEV_APPS: apps, ...options.env } })
  running.push(system)
  return system
}

/** Runs the supervisor to its own end. */
const startRefused = (
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number; readonly text: string }> =>
  new Promise((resolve) => {
    const main = join(import.meta.dirname, "../dist/main.js")
    const child = spawn(process.execPath, [main], {
      env: { ...process.env, CREDITS_NATS_URL: "", CREDITS_DEV_APPS: apps, CREDITS_HTTP_PORT: "0", ...env },
    })
    let text = ""
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (chunk) => (text += chunk))
    child.once("exit", (code) => resolve({ code: code ?? -1, text }))
  })

interface StandIn {
  readonly pid: number
  readonly env: Readonly<Record<string, string>>
}
const statusOf = async (system: SystemUnderTest, service: string): Promise<StandIn | undefined> => {
  const bus = await connectBus({ servers: system.natsUrl, seed: system.seeds.ops, name: "ops" })
  try {
    return JSON.parse(await ask(bus.connection, `${service}.control`, '{"op":"status"}', 1_000)) as StandIn
  } catch {
    return undefined
  } finally {
    await closeBus(bus)
  }
}
const answeringPid = async (system: SystemUnderTest, service: string): Promise<number> =>
  (await statusOf(system, service))?.pid ?? 0

const DEADLINE = { timeout: 15_000, interval: 50 }

describe("npm start", () => {
  it("is ready when every service says so, tells where in run.json, and stops without leaving anything", async () => {
    const system = await start()
    expect(system.url).toMatch(/^http:\/\/localhost:\d+$/)
    expect((await fetch(`${system.url.replace("localhost", "127.0.0.1")}/readyz`)).status).toBe(200)
    const run = JSON.parse(readFileSync(join(system.dataDir, "run.json"), "utf8")) as Record<string, unknown>
    expect(run).toMatchObject({ natsUrl: system.natsUrl, httpUrl: system.url, pid: system.pidOf("dev"), ready: true })
    expect(await answeringPid(system, "ledger")).toBe(system.pidOf("ledger"))
    const processes = ["dev", "nats", ...SERVICES].map((name) => known(system.pidOf(name)))
    const stoppedAt = performance.now()
    expect(await system.stop()).toBe(0)
    expect(performance.now() - stoppedAt).toBeLessThan(5_000)
    expect(processes.filter(isSame)).toEqual([])
    expect(existsSync(join(system.dataDir, "lock"))).toBe(false)
    expect(existsSync(join(system.dataDir, "run.json"))).toBe(false)
  })

  // All of 127/8 is this machine on Linux only.
  it.runIf(process.platform === "linux")(
    "asks the edge where it listens, and the processor finds it there",
    async () => {
      const system = await start({ env: { CREDITS_HTTP_HOST: "127.0.0.2" } })
      expect(system.url).toMatch(/^http:\/\/127\.0\.0\.2:\d+$/)
      const told = (await (await fetch(system.processorUrl!)).json()) as Readonly<Record<string, string>>
      expect(told["CREDITS_SANDBOX_WEBHOOK_URL"]).toBe(`${system.url}/api/v1/webhooks/stripe`)
    },
  )

  it("shows the services' JSON logs as readable lines with the service's name", async () => {
    const system = await start()
    expect(system.log()).toContain(`ledger  | 03:00:00 INFO started pid=${system.pidOf("ledger")}`)
  })

  it("ADR 25: a service gives way by what may wait for it, also after a restart", async () => {
    const system = await start()
    const own = getPriority(system.pidOf("dev"))
    const niceness = () => SERVICES.map((name) => [name, getPriority(system.pidOf(name)) - own])
    const wanted = SERVICES.map((name) => [name, NICENESS[name]])
    expect(niceness()).toEqual(wanted)
    const before = system.pidOf("payments")
    system.kill("payments", "SIGKILL")
    await system.restarted("payments", before)
    expect(niceness()).toEqual(wanted)
  })

  /** Linux may share a core among sessions first, and each service has one: nice values then say nothing of it. */
  it.skipIf(!existsSync("/proc/self/autogroup"))(
    "ADR 25: a service's session gives way as the service does",
    async () => {
      const system = await start()
      const groupOf = (pid: number) => readFileSync(`/proc/${pid}/autogroup`, "utf8").trim()
      const niceness = () =>
        SERVICES.map((name) => [name, Number(/nice (-?\d+)$/.exec(groupOf(system.pidOf(name)))?.[1])])
      const wanted = SERVICES.map((name) => [name, NICENESS[name]])
      await expect.poll(niceness, DEADLINE).toEqual(wanted)
      const sessions = [...SERVICES, "dev"].map((name) => groupOf(system.pidOf(name)).split(" ")[0])
      expect(new Set(sessions).size).toBe(sessions.length)
      const before = system.pidOf("payments")
      system.kill("payments", "SIGKILL")
      await system.restarted("payments", before)
      await expect.poll(niceness, DEADLINE).toEqual(wanted)
    },
  )

  it("starts a killed service again, and says so", async () => {
    const system = await start()
    const before = system.pidOf("pricing")
    system.kill("pricing", "SIGKILL")
    const after = await system.restarted("pricing", before)
    await expect.poll(() => answeringPid(system, "pricing"), DEADLINE).toBe(after)
    expect(system.log()).toContain("pricing | ended (SIGKILL); starting it again in")
    expect(system.pidOf("ledger")).not.toBe(0)
  })

  it("starts a killed nats-server again on the same port, and the services find it", async () => {
    const system = await start()
    const [nats, ledger] = [system.pidOf("nats"), system.pidOf("ledger")]
    system.kill("nats", "SIGKILL")
    await system.restarted("nats", nats)
    await expect.poll(() => answeringPid(system, "ledger"), DEADLINE).toBe(ledger)
    expect(system.pidOf("ledger")).toBe(ledger)
  })

  it("stops as cleanly when its terminal is closed", async () => {
    const system = await start()
    const processes = ["nats", ...SERVICES].map((name) => known(system.pidOf(name)))
    system.kill("dev", "SIGHUP")
    await expect.poll(() => processes.filter(isSame), DEADLINE).toEqual([])
    await expect.poll(() => existsSync(join(system.dataDir, "lock")), DEADLINE).toBe(false)
  })

  it("refuses a data folder in use and names the process that uses it", async () => {
    const system = await start()
    const { code, text } = await startRefused({ CREDITS_DATA_DIR: system.dataDir })
    expect(code).toBe(1)
    expect(text).toContain(`is in use by process ${system.pidOf("dev")}`)
    expect(text).toContain("CREDITS_DATA_DIR")
    expect(await answeringPid(system, "ledger")).toBe(system.pidOf("ledger"))
  })

  it("refuses a taken HTTP port, naming CREDITS_HTTP_PORT, and gives the folder back", async () => {
    const taken = createServer()
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, "127.0.0.1", () => resolve((taken.address() as { port: number }).port))
    })
    const dataDir = join(folder, "data-port")
    const { code, text } = await startRefused({ CREDITS_DATA_DIR: dataDir, CREDITS_HTTP_PORT: String(port) })
    taken.close()
    expect(code).toBe(1)
    expect(text).toContain(`port ${port} is taken`)
    expect(text).toContain("CREDITS_HTTP_PORT")
    expect(existsSync(join(dataDir, "lock"))).toBe(false)
  })

  it("gives up on a service that keeps ending, names it, and stops the rest", async () => {
    const broken = await writeApps("broken", { ledger: CRASHES })
    const dataDir = join(folder, "data-broken")
    const { code, text } = await startRefused({ CREDITS_DATA_DIR: dataDir, CREDITS_DEV_APPS: broken })
    expect(code).toBe(1)
    expect(text).toContain("ledger ended 5 times without becoming ready")
    expect(text).toContain("ledger  | no database")
    expect(existsSync(join(dataDir, "lock"))).toBe(false)
  })

  it("refuses a nats-server that is too old or missing", async () => {
    const old = join(folder, "old-nats-server")
    await writeFile(old, "#!/bin/sh\necho nats-server: v2.14.5\n", { mode: 0o755 })
    const dataDir = join(folder, "data-old")
    const tooOld = await startRefused({ CREDITS_DATA_DIR: dataDir, CREDITS_NATS_SERVER: old })
    expect(tooOld.code).toBe(1)
    expect(tooOld.text).toContain("is version 2.14.5, older than 2.15.0")
    const missing = await startRefused({ CREDITS_DATA_DIR: dataDir, CREDITS_NATS_SERVER: join(folder, "nothing") })
    expect(missing.text).toContain("CREDITS_NATS_SERVER")
  })
})

describe("the card processor", () => {
  const toldOver = async (url: string) => (await (await fetch(url)).json()) as Readonly<Record<string, string>>

  it("of the sandbox listens on loopback, each side is told of the other, and nobody else of its secrets", async () => {
    const system = await start()
    const processor = await toldOver(system.processorUrl!)
    const edge = await toldOver(system.url.replace("localhost", "127.0.0.1"))
    const payments = (await statusOf(system, "payments"))!.env
    expect(system.processorUrl).toBe(`http://127.0.0.1:${processor["CREDITS_SANDBOX_PORT"]}`)
    expect(processor["CREDITS_SANDBOX_WEBHOOK_URL"]).toBe(
      `http://127.0.0.1:${edge["CREDITS_HTTP_PORT"]}/api/v1/webhooks/stripe`,
    )
    expect([edge["CREDITS_STRIPE_API_BASE"], payments["CREDITS_STRIPE_API_BASE"]]).toEqual([
      system.processorUrl,
      system.processorUrl,
    ])
    expect(payments["CREDITS_STRIPE_SECRET_KEY"]).toMatch(/^sk_test_\w{32}$/)
    expect(payments["CREDITS_STRIPE_WEBHOOK_SECRET"]).toMatch(/^whsec_\w{32}$/)
    expect(processor["CREDITS_STRIPE_WEBHOOK_SECRET"]).toBe(payments["CREDITS_STRIPE_WEBHOOK_SECRET"])
    const others = await Promise.all(
      ["ledger", "pricing", "subscriptions", "topup", "notifications"].map((name) => statusOf(system, name)),
    )
    for (const env of [edge, ...others.map((status) => status!.env)]) {
      expect(Object.keys(env)).not.toContain("CREDITS_STRIPE_SECRET_KEY")
      expect(Object.keys(env)).not.toContain("CREDITS_STRIPE_WEBHOOK_SECRET")
    }
    expect(Object.keys(processor)).not.toContain("CREDITS_STRIPE_SECRET_KEY")
  })

  it("keeps its keys over a restart", async () => {
    const first = await start()
    const keys = (await statusOf(first, "payments"))!.env["CREDITS_STRIPE_WEBHOOK_SECRET"]
    await first.stop()
    const second = await start({ dataDir: first.dataDir })
    expect((await statusOf(second, "payments"))!.env["CREDITS_STRIPE_WEBHOOK_SECRET"]).toBe(keys)
  })

  it("of somebody else is used as it is given, and none is started", async () => {
    const env = { CREDITS_STRIPE_API_BASE: "https://api.stripe.example", CREDITS_STRIPE_SECRET_KEY: "sk_test_given" }
    const system = await start({ env })
    expect([system.processorUrl, system.pidOf("processor")]).toEqual([undefined, 0])
    const payments = (await statusOf(system, "payments"))!.env
    expect(payments["CREDITS_STRIPE_API_BASE"]).toBe("https://api.stripe.example")
    expect(payments["CREDITS_STRIPE_SECRET_KEY"]).toBe("sk_test_given")
    expect((await statusOf(system, "ledger"))!.env["CREDITS_STRIPE_SECRET_KEY"]).toBeUndefined()
  })
})

describe("with CREDITS_NATS_URL", () => {
  it("uses that server, makes the streams there, starts none of its own and leaves it running", async () => {
    const server = await natsServerForTests()
    const system = await start({ env: { CREDITS_NATS_URL: server.url } })
    expect(system.natsUrl).toBe(server.url)
    expect(system.pidOf("nats")).toBe(0)
    expect(await answeringPid(system, "ledger")).toBe(system.pidOf("ledger"))
    expect(await system.stop()).toBe(0)
    const bus = await connectBus({ servers: server.url, name: "test" })
    expect((await streamState(bus.jsm, "LEDGER_COMMANDS")).last).toBe(0)
    await closeBus(bus)
    await server.stop()
  })

  it("decision 1: production starts nothing on one server that does not say it syncs every write", async () => {
    const server = await natsServerForTests()
    const production = { CREDITS_ENV: "production", CREDITS_NATS_URL: server.url }
    const bus = await connectBus({ servers: server.url, name: "test" })
    await provisionStreams(bus)
    const { code, text } = await startRefused({ ...production, CREDITS_DATA_DIR: join(folder, "data-one-copy") })
    expect(code).toBe(1)
    expect(text).toMatch(/cannot start.*USAGE.*3 replicas.*CREDITS_NATS_MONITOR_URL/s)
    await closeBus(bus)
    await server.stop()
  })

  it("decision 1: the server it starts itself says so, to every service", async () => {
    const production = { CREDITS_ENV: "production", CREDITS_STRIPE_API_BASE: "http://127.0.0.1:1" }
    const system = await start({ env: production })
    const monitorUrl = (await statusOf(system, "ledger"))!.env["CREDITS_NATS_MONITOR_URL"]
    const bus = await connectBus({ servers: system.natsUrl, seed: system.seeds.ops, name: "ops" })
    await requireDurable(bus, monitorUrl)
    await closeBus(bus)
    expect(await system.stop()).toBe(0)
  })

  it("says so when nobody listens there", async () => {
    const dataDir = join(folder, "data-nobody")
    const { code, text } = await startRefused({ CREDITS_DATA_DIR: dataDir, CREDITS_NATS_URL: "nats://127.0.0.1:1" })
    expect(code).toBe(1)
    expect(text).toContain("cannot start")
    expect(text).toContain("ECONNREFUSED")
  })
})

describe("after kill -9", () => {
  it("of everything at once the next start has the lock, the same seeds, port and messages", async () => {
    const first = await start()
    const bus = await connectBus({ servers: first.natsUrl, seed: first.seeds.gateway, name: "gateway" })
    await bus.js.publish("usage.events", "[]")
    await first.killAll()
    await bus.connection.close()
    const second = await start({ dataDir: first.dataDir })
    expect(second.seeds).toEqual(first.seeds)
    expect(second.natsUrl).toBe(first.natsUrl)
    const ops = await connectBus({ servers: second.natsUrl, seed: second.seeds.ops, name: "ops" })
    expect((await streamState(ops.jsm, "USAGE")).last).toBe(1)
    await closeBus(ops)
  })

  it("of the supervisor alone the services end too; the next start replaces the orphaned nats-server", async () => {
    const first = await start()
    const services = SERVICES.map((name) => known(first.pidOf(name)))
    const nats = known(first.pidOf("nats"))
    first.kill("dev", "SIGKILL")
    await expect.poll(() => services.filter(isSame), DEADLINE).toEqual([])
    expect(isSame(nats)).toBe(true)
    const second = await start({ dataDir: first.dataDir })
    expect(isSame(nats)).toBe(false)
    expect(second.natsUrl).toBe(first.natsUrl)
  })
})
