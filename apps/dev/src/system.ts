/**
 * The whole system in one supervised run: bus, streams, services; ready when every one of them says so. Owns the
 * order of starting and stopping. Each step is released in reverse by the scope it was started in.
 */
import { existsSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import type { BusUser } from "@credits/contracts"
import { Effect, type Scope } from "effect"
import { Child } from "./child.ts"
import type { DevConfig } from "./config.ts"
import { janitor } from "./janitor.ts"
import { dataFolderLock } from "./lock.ts"
import { jsonLine, prefixed, readableLine } from "./log-line.ts"
import { startNatsServer } from "./nats-server.ts"
import { claimHttpPort, freePort, hostToAsk, isFree } from "./port.ts"
import { isReady } from "./readiness.ts"
import { provisioned } from "./provisioning.ts"
import { attempt, StartRefused } from "./refusal.ts"
import { removeRunFile, RunRecord } from "./run-file.ts"
import { type Processor, processorOf } from "./sandbox-processor.ts"
import { busKeys, externalSeed } from "./seed.ts"
import { bundleOf, NICENESS, type ServiceName, withoutOthersSecrets } from "./service.ts"

/** Where one finds log lines: stdout belongs to the one line `ready …`. */
type Say = (name: string, line: string) => void

const sayAs =
  (log: DevConfig["log"]): Say =>
  (name, line) => {
    const told = log === "json" ? jsonLine(name, line, new Date()) : prefixed(name, readableLine(line))
    process.stderr.write(`${told}\n`)
  }

const READY_POLL_MS = 25
const STILL_WAITING_MS = 10_000
/** A service that ends this often before it was ever ready has a reason that waiting does not cure. */
const FAILURES_MAX = 5
const CONNECT_MS = 10_000

/** Dies with us even when we are killed: the channel closes and the service ends as after a SIGTERM. */
const DIE_WITH_SUPERVISOR = 'process.on("disconnect", () => process.kill(process.pid, "SIGTERM"))'

export interface RunningSystem {
  readonly httpUrl: string
  readonly natsUrl: string
}

interface Bus {
  readonly url: string
  /** The server's own HTTP monitoring, when it is known. */
  readonly monitorUrl: string | undefined
  readonly seedOf: (user: BusUser) => string | undefined
}

const startBus = (config: DevConfig, onPid: (pid: number) => void): Effect.Effect<Bus, StartRefused, Scope.Scope> => {
  const { dataDir, natsUrl } = config
  if (natsUrl !== undefined) {
    const seedOf = (user: BusUser) => externalSeed(dataDir, user, config.natsSeed)
    return Effect.succeed({ url: natsUrl, monitorUrl: config.natsMonitorUrl, seedOf })
  }
  return Effect.gen(function* () {
    const keys = yield* Effect.try({ try: () => busKeys(dataDir), catch: seedsUnreadable })
    const embedded = yield* Effect.acquireRelease(
      attempt(() =>
        startNatsServer({
          program: config.natsServer,
          dataDir,
          environment: config.environment,
          keys,
          say: (line) => sayAs(config.log)("nats", line),
          onPid,
        }),
      ),
      (server) => Effect.promise(() => server.stop()),
    )
    return { url: embedded.url, monitorUrl: embedded.monitorUrl, seedOf: (user: BusUser) => keys[user].seed }
  })
}

const seedsUnreadable = (error: unknown): StartRefused =>
  new StartRefused({
    reason: `the bus keys are not usable: ${error instanceof Error ? error.message : String(error)}`,
    next: "remove the *.seed files in the data folder's nats/ to have new ones made",
  })

interface Ports {
  readonly http: number
  /** Undefined: no gateway runs. */
  readonly gateway: number | undefined
}

/** A production without providers has nothing to pass calls on to; whoever wants one names them. */
const gatewayPortOf = async (config: DevConfig): Promise<number | undefined> => {
  const { environment, services, gatewayProviders, gatewayPort, httpPort } = config
  if (!services.includes("gateway") || (environment === "production" && gatewayProviders === "")) return undefined
  // Who asks for any port means all of them.
  return httpPort !== 0 && (await isFree(gatewayPort)) ? gatewayPort : freePort()
}

const makeService = (
  service: ServiceName,
  config: DevConfig,
  bus: Bus,
  processor: Processor,
  ports: Ports,
  onStart: (pid: number) => void,
): Child => {
  const seed = bus.seedOf(service)
  const env: NodeJS.ProcessEnv = {
    ...withoutOthersSecrets(service, { ...process.env, ...processor.settings }),
    CREDITS_ENV: config.environment,
    CREDITS_DATA_DIR: config.dataDir,
    CREDITS_HTTP_PORT: String(ports.http),
    CREDITS_HTTP_HOST: config.httpHost,
    CREDITS_NATS_URL: bus.url,
    CREDITS_CLOCK_OWNERS: config.services.join(","),
  }
  if (service === "gateway") {
    env["CREDITS_GATEWAY_PORT"] = String(ports.gateway)
    env["CREDITS_GATEWAY_PROVIDERS"] = config.gatewayProviders
  }
  if (bus.monitorUrl !== undefined) env["CREDITS_NATS_MONITOR_URL"] = bus.monitorUrl
  if (seed === undefined) delete env["CREDITS_NATS_SEED"]
  else env["CREDITS_NATS_SEED"] = seed
  const say = sayAs(config.log)
  const dieWithUs = `data:text/javascript,${encodeURIComponent(DIE_WITH_SUPERVISOR)}`
  return new Child({
    name: service,
    program: process.execPath,
    args: ["--enable-source-maps", "--import", dieWithUs, bundleOf(config.appsDir, service)],
    env,
    niceness: NICENESS[service],
    channel: true,
    onLine: (line) => say(service, line),
    onStart,
    onEnd: (how, pauseMs) => say(service, `ended (${how}); starting it again in ${pauseMs} ms`),
  })
}

const startServices = (children: ReadonlyArray<Child>): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => children.forEach((child) => child.start())),
      () => Effect.promise(() => Promise.all(children.map((child) => child.stop()))),
    ),
  )

/** Waits until every service is ready. Fails when one keeps ending before it ever was. */
const untilReady = async (
  children: ReadonlyArray<Child>,
  check: (name: ServiceName) => Promise<boolean>,
  signal: AbortSignal,
  say: Say,
): Promise<void> => {
  const waiting = new Map(children.map((child) => [child.name as ServiceName, child]))
  const startedAt = performance.now()
  let toldAt = startedAt
  while (waiting.size > 0 && !signal.aborted) {
    await Promise.all(
      [...waiting].map(async ([name, child]) => {
        if (child.pid === undefined || !(await check(name))) return
        child.forgive()
        waiting.delete(name)
      }),
    )
    const broken = [...waiting.values()].find((child) => child.failures >= FAILURES_MAX)
    if (broken !== undefined) {
      const reason = `${broken.name} ended ${broken.failures} times without becoming ready`
      throw new StartRefused({ reason, next: `read the lines of ${broken.name} above` })
    }
    const now = performance.now()
    if (now - toldAt > STILL_WAITING_MS) {
      toldAt = now
      say("start", `waiting for ${[...waiting.keys()].join(", ")} since ${Math.round((now - startedAt) / 1_000)} s`)
    }
    if (waiting.size > 0) await new Promise((done) => setTimeout(done, READY_POLL_MS))
  }
}

/** Starts everything; resolves when it is ready; stops everything when the scope closes. */
export const startSystem = (config: DevConfig): Effect.Effect<RunningSystem, StartRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const { dataDir, appsDir } = config
    const say = sayAs(config.log)
    const missing = config.services.map((service) => bundleOf(appsDir, service)).filter((bundle) => !existsSync(bundle))
    if (missing.length > 0) {
      const reason = `not built: ${missing.map((bundle) => relative(dirname(appsDir), bundle)).join(", ")}`
      return yield* new StartRefused({ reason, next: "run `npm start` in the checkout, which builds what is missing" })
    }
    yield* dataFolderLock(dataDir)
    yield* Effect.addFinalizer(() => Effect.sync(() => removeRunFile(dataDir)))
    const httpPort = yield* attempt(() => claimHttpPort(config.httpPort, config.httpHost))
    const edgeHost = hostToAsk(config.httpHost)
    const edgeUrl = `http://${edgeHost}:${httpPort}`
    // What people open; a page of the loopback is of this name.
    const httpUrl = edgeHost === "127.0.0.1" ? `http://localhost:${httpPort}` : edgeUrl

    const processor = yield* attempt(() => processorOf(config, edgeUrl))
    const gatewayPort = yield* attempt(() => gatewayPortOf(config))
    const gatewayUrl = gatewayPort === undefined ? undefined : `http://${hostToAsk(config.gatewayHost)}:${gatewayPort}`
    const services = config.services.filter((service) =>
      service === "processor" ? processor.url !== undefined : service !== "gateway" || gatewayUrl !== undefined,
    )
    const urls = { httpUrl, processorUrl: processor.url, gatewayUrl }
    const record = new RunRecord(dataDir, urls, new Date().toISOString())
    const bus = yield* startBus(config, (pid) => record.natsStarted(pid))
    record.busFound({ natsUrl: bus.url, natsMonitorUrl: bus.monitorUrl })
    const handle = yield* provisioned({
      url: bus.url,
      seed: bus.seedOf("dev"),
      monitorUrl: bus.monitorUrl,
      environment: config.environment,
      connectMs: CONNECT_MS,
      replicas: config.natsReplicas,
      restoreDir: join(dataDir, "nats", "restore"),
      say: (line) => say("streams", line),
    })
    const ports: Ports = { http: httpPort, gateway: gatewayPort }
    const children = services.map((service) =>
      makeService(service, config, bus, processor, ports, (pid) => record.serviceStarted(service, pid)),
    )
    yield* startServices(children)
    const readyUrl = (name: ServiceName): string =>
      name === "processor" ? `${processor.url}/healthz` : `${name === "gateway" ? gatewayUrl : edgeUrl}/readyz`
    const check = (name: ServiceName) => isReady(name, handle, readyUrl(name))
    yield* Effect.callback<void, StartRefused>((resume, signal) => {
      untilReady(children, check, signal, say).then(
        () => resume(Effect.void),
        (error: unknown) => resume(Effect.fail(error as StartRefused)),
      )
    })
    record.becameReady()
    yield* janitor(handle, (line) => say("janitor", line))
    return { httpUrl, natsUrl: bus.url }
  })
