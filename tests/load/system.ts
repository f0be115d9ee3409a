/**
 * The system under load: nats-server, ledger, pricing and edge as their own processes, started from the same bundles
 * as in production, in a temporary data folder. Owns their life and what they report of themselves.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ask, type BusHandle, closeBus, connectBus, provisionStreams, streamState } from "@credits/bus"
import { type ControlAnswer, STREAMS, SUBJECTS } from "@credits/contracts"
import { residentBytes } from "./processes.ts"
import { freePort, natsServerForTests, type TestNatsServer } from "@credits/testkit"

export type Service = "ledger" | "pricing" | "edge"

const ROOT = join(import.meta.dirname, "../..")
const CONTROL = { ledger: SUBJECTS.ledgerControl, pricing: SUBJECTS.pricingControl } as const
const READY_MS = 120_000

/**
 * CREDITS_DEV_APPS: bundles from elsewhere, to compare two builds. CREDITS_BENCH_PROFILE: a folder for CPU profiles.
 */
const APPS = process.env["CREDITS_DEV_APPS"] ?? join(ROOT, "apps")

export const bundleOf = (app: string, file = "main.js"): string => join(APPS, app, "dist", file)

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export class LoadSystem {
  readonly dataDir: string
  readonly server: TestNatsServer
  readonly bus: BusHandle
  readonly #children = new Map<Service, ChildProcess>()
  #httpPort = 0

  private constructor(dataDir: string, server: TestNatsServer, bus: BusHandle) {
    this.dataDir = dataDir
    this.server = server
    this.bus = bus
  }

  /** A fresh, empty system; nothing but nats-server runs yet. */
  static async create(): Promise<LoadSystem> {
    const dataDir = mkdtempSync(join(process.env["CREDITS_BENCH_DIR"] ?? tmpdir(), "credits-bench-"))
    mkdirSync(join(dataDir, "nats"))
    const server = await natsServerForTests({ storeDir: join(dataDir, "nats", "store") })
    const bus = await connectBus({ servers: server.url, name: "bench", firstConnectMs: 5_000 })
    await provisionStreams(bus)
    return new LoadSystem(dataDir, server, bus)
  }

  get servers(): string {
    return this.server.url
  }
  get env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      CREDITS_ENV: "development",
      CREDITS_NATS_URL: this.server.url,
      CREDITS_DATA_DIR: this.dataDir,
      CREDITS_HTTP_PORT: String(this.#httpPort),
    }
  }

  /** Names and pids of all that runs, for measuring. */
  get pids(): Readonly<Record<string, number>> {
    const services = [...this.#children].map(([service, child]) => [service, child.pid!] as const)
    return { "nats-server": this.server.pid(), ...Object.fromEntries(services) }
  }
  /** Resident memory of the ledger, bytes. */
  memory(): number {
    return residentBytes(this.#children.get("ledger")?.pid ?? 0)
  }

  /** Starts services and waits until each says that it is ready. */
  async start(...services: ReadonlyArray<Service>): Promise<void> {
    for (const service of services) {
      const bundle = bundleOf(service)
      if (!existsSync(bundle)) throw new Error(`${bundle} is missing: build first (npm run bench does)`)
      if (service === "edge") this.#httpPort = await freePort()
      const log = openSync(join(this.dataDir, `${service}.log`), "a")
      const profile = process.env["CREDITS_BENCH_PROFILE"]
      const flags = profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", join(profile, service)]
      const child = spawn(process.execPath, ["--enable-source-maps", ...flags, bundle], {
        env: this.env,
        stdio: ["ignore", log, log],
      })
      this.#children.set(service, child)
    }
    for (const service of services) await this.#untilReady(service)
  }

  async #untilReady(service: Service): Promise<void> {
    const deadline = performance.now() + READY_MS
    for (;;) {
      const child = this.#children.get(service)!
      if (child.exitCode !== null) throw new Error(`${service} ended with ${child.exitCode}:\n${this.log(service)}`)
      if (await this.#isReady(service)) return
      if (performance.now() > deadline) throw new Error(`${service} is not ready:\n${this.log(service)}`)
      await pause(20)
    }
  }

  async #isReady(service: Service): Promise<boolean> {
    return service === "edge" ? this.#isHealthy() : (await this.status(service))?.ready === true
  }

  async #isHealthy(): Promise<boolean> {
    return fetch(`http://127.0.0.1:${this.#httpPort}/readyz`).then(
      (response) => response.ok,
      () => false,
    )
  }

  /** What a service says of itself, null when nobody answers. */
  async status(service: "ledger" | "pricing"): Promise<ControlAnswer | null> {
    const text = await ask(this.bus.connection, CONTROL[service], '{"op":"status"}', 2_000).catch(() => null)
    if (text === null) return null
    const answer = JSON.parse(text) as { readonly ok?: ControlAnswer } & ControlAnswer
    return answer.ok ?? answer
  }

  /** SIGTERM, and waits for the end. */
  async stop(...services: ReadonlyArray<Service>): Promise<void> {
    for (const service of services) {
      const child = this.#children.get(service)
      if (child === undefined) continue
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGTERM")
        const force = setTimeout(() => child.kill("SIGKILL"), 20_000)
        await ended
        clearTimeout(force)
      }
      this.#children.delete(service)
    }
  }

  /** The last lines a service wrote. */
  log(service: Service): string {
    return readFileSync(join(this.dataDir, `${service}.log`), "utf8")
      .split("\n")
      .slice(-30)
      .join("\n")
  }

  /** Last sequence the ledger has applied of its command stream. */
  async ledgerCursor(): Promise<number> {
    return (await this.status("ledger"))?.cursors[STREAMS.ledgerCommands.name] ?? 0
  }

  /** Entries the ledger has made since ever: a charge is one. */
  async ledgerEntries(): Promise<number> {
    return Number((await this.status("ledger"))?.detail["entries"] ?? 0)
  }

  /** Resolves when pricing has rated all usage and the ledger has applied all commands that came of it. */
  async untilDrained(deadlineMs = 600_000): Promise<void> {
    const deadline = performance.now() + deadlineMs
    while (!(await this.isDrained())) {
      if (performance.now() > deadline) throw new Error(`not drained in ${deadlineMs} ms:\n${this.log("ledger")}`)
      await pause(20)
    }
  }

  /**
   * Drained, the journal published, and pricing's usage projection caught up with it: nothing runs behind what comes
   * next.
   */
  async untilQuiet(deadlineMs = 600_000): Promise<void> {
    const deadline = performance.now() + deadlineMs
    while (!((await this.isDrained()) && (await this.#isProjected()))) {
      if (performance.now() > deadline) throw new Error(`not quiet in ${deadlineMs} ms:\n${this.log("pricing")}`)
      await pause(50)
    }
  }

  async #isProjected(): Promise<boolean> {
    if ((await this.status("ledger"))?.outboxPending !== 0) return false
    if (!this.#children.has("pricing")) return true
    const journal = await streamState(this.bus.jsm, STREAMS.ledgerJournal.name)
    return ((await this.status("pricing"))?.cursors[STREAMS.ledgerJournal.name] ?? 0) >= journal.last
  }

  async isDrained(): Promise<boolean> {
    if (this.#children.has("pricing")) {
      const usage = await streamState(this.bus.jsm, STREAMS.usage.name)
      const pricing = await this.status("pricing")
      if (pricing === null || (pricing.cursors[STREAMS.usage.name] ?? 0) < usage.last) return false
    }
    const commands = await streamState(this.bus.jsm, STREAMS.ledgerCommands.name)
    return (await this.ledgerCursor()) >= commands.last
  }

  /** Bytes of a service's database with its write-ahead log. */
  databaseBytes(service: Service): number {
    return ["", "-wal"].reduce((sum, suffix) => {
      const path = join(this.dataDir, `${service}.db${suffix}`)
      return sum + (existsSync(path) ? statSync(path).size : 0)
    }, 0)
  }

  /** The ledger's own verifier through the command line, as a person would run it. */
  async verify(): Promise<{ readonly ok: boolean; readonly text: string }> {
    const child = spawn(process.execPath, [bundleOf("ops"), "ledger", "verify", "--json"], {
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
    })
    let text = ""
    let trouble = ""
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (trouble += chunk.toString()))
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve))
    let ok = false
    try {
      ok = code === 0 && (JSON.parse(text) as { readonly ok?: boolean }).ok === true
    } catch {
      ok = false
    }
    return { ok, text: text === "" ? trouble : text }
  }

  /** Ends everything and removes the data. */
  async destroy(): Promise<void> {
    await this.stop("edge", "pricing", "ledger")
    await closeBus(this.bus)
    await this.server.stop()
    if (process.env["CREDITS_BENCH_KEEP"] === undefined) rmSync(this.dataDir, { recursive: true, force: true })
  }
}
