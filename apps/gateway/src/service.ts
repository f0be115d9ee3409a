/**
 * The gateway as one thing that starts and stops: client, journal, HTTP server. Owns their order: the spool's lock
 * comes first, calls of a dead process are settled before new ones are taken, and what is under way ends before the
 * client closes.
 */
import { createServer, type Server } from "node:http"
import { join } from "node:path"
import { type Gateway, type GatewayOptions, openGateway } from "@credits/client"
import { connectBus, closeBus, realClock, type RunningClock, startClock } from "@credits/bus"
import { Redacted } from "effect"
import { Callers } from "./callers.ts"
import type { GatewaySettings } from "./config.ts"
import { Endpoints } from "./endpoints.ts"
import type { HostedParts } from "./hosted-call.ts"
import { CallJournal } from "./journal.ts"
import type { GatewayMetrics } from "./metrics.ts"
import { Settlement } from "./settlement.ts"
import { askUpstream, type Upstream } from "./upstream.ts"

export interface GatewayServiceOptions {
  readonly settings: GatewaySettings
  readonly metrics: GatewayMetrics
  readonly renderMetrics: () => Promise<string>
  readonly report: (text: string) => void
  readonly upstream?: Upstream
}

export interface RunningGateway {
  readonly url: string
  /** Takes no more calls, lets those under way end, hands in what it can. */
  close(): Promise<void>
}

/** Streams under way at a stop are cut after this; what they produced is settled. */
const DRAIN_MS = 5_000

/** In a sandbox the clock of the bus, so that a call is priced and shown at the moment everybody else sees. */
const clockOf = async ({ mode, reach }: GatewaySettings): Promise<RunningClock> => {
  if (mode === "production" || "url" in reach) return realClock
  const bus = await connectBus({ ...reach, name: "gateway" })
  const clock = await startClock(bus)
  return {
    ...clock,
    now: () => clock.now(),
    stop: () => {
      clock.stop()
      void closeBus(bus)
    },
  }
}

const clientOptions = ({ reach, dataDir }: GatewaySettings, now: () => number): GatewayOptions => {
  const common = { spool: { directory: join(dataDir, "gateway", "usage") }, now }
  return "url" in reach
    ? { ...common, url: reach.url, key: Redacted.value(reach.key) }
    : { ...common, servers: reach.servers, ...(reach.seed !== undefined && { seed: Redacted.value(reach.seed) }) }
}

const listen = (server: Server, host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, host, () => {
      const address = server.address()
      resolve(typeof address === "object" && address !== null ? address.port : port)
    })
  })

const stopListening = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })

export const startGatewayService = async (options: GatewayServiceOptions): Promise<RunningGateway> => {
  const { settings, metrics, report, upstream = askUpstream } = options
  const clock = await clockOf(settings)
  const gateway: Gateway = await openGateway({
    ...clientOptions(settings, () => clock.now()),
    onRejected: ({ id, code }) => report(`usage event ${id} is rejected: ${code}`),
  })
  const journal = new CallJournal(join(settings.dataDir, "gateway"))
  const settlement = new Settlement(gateway, journal, report)
  const found = settlement.recover()
  if (found > 0) report(`${found} calls of the process before this one are settled`)
  metrics.recovered(found)

  let isPriced = false
  void gateway.priced().then(() => (isPriced = true))
  const hosted: HostedParts = {
    gateway,
    settlement,
    upstream,
    keyOf: ({ provider }) => Redacted.value(settings.providerKeys.get(provider.name) ?? Redacted.make("")),
    metrics,
  }
  const endpoints = new Endpoints({
    gateway,
    callers: new Callers(gateway),
    providers: settings.providers,
    hosted,
    byok: { recording: settlement, upstream, metrics },
    metrics,
    isReady: () => isPriced,
    renderMetrics: () => {
      metrics.sample(gateway.stats, settlement.open, endpoints.inFlight)
      return options.renderMetrics()
    },
    now: () => clock.now(),
    report,
  })
  const server = createServer(endpoints.listener)
  const port = await listen(server, settings.host, settings.port)
  return {
    url: `http://${settings.host === "0.0.0.0" ? "127.0.0.1" : settings.host}:${port}`,
    close: async () => {
      await stopListening(server)
      await settlement.stop()
      await gateway.close()
      clock.stop()
    },
  }
}
