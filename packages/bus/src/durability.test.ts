/**
 * Goal: decision 1, production starts only where an acknowledged message outlives a power failure.
 * Method: real servers: one that syncs, one that does not, and a cluster of three.
 */
import { freePort, natsServerForTests, type TestNatsServer } from "@credits/testkit"
import { STREAMS } from "@credits/contracts"
import { ConfigProvider, Effect, Layer } from "effect"
import { afterEach, describe, expect, it } from "vitest"
import {
  Bus,
  BusRefused,
  type BusHandle,
  closeBus,
  connectBus,
  type ProvisionOptions,
  provisionStreams,
  readMonitor,
  requireDurable,
} from "./index.ts"

const stops: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
})

interface Monitored {
  readonly server: TestNatsServer
  readonly monitorUrl: string
}

const startServer = async (syncInterval: string, config = ""): Promise<Monitored> => {
  const monitor = await freePort()
  const server = await natsServerForTests({ syncInterval, config: `http: "127.0.0.1:${monitor}"\n${config}` })
  stops.push(() => server.stop())
  return { server, monitorUrl: `http://127.0.0.1:${monitor}` }
}

const connected = async ({ server }: Monitored): Promise<BusHandle> => {
  const bus = await connectBus({ servers: server.url, name: "test" })
  stops.push(() => closeBus(bus))
  return bus
}

const provisioned = async (server: Monitored, options: ProvisionOptions = {}): Promise<BusHandle> => {
  const bus = await connected(server)
  await provisionStreams(bus, options)
  return bus
}

describe("decision 1: production on one server", () => {
  it("is refused while nobody says that it syncs every write, and the refusal names both ways out", async () => {
    const bus = await provisioned(await startServer("always"))
    const refused = requireDurable(bus, undefined)
    await expect(refused).rejects.toBeInstanceOf(BusRefused)
    await expect(refused).rejects.toThrow(/3 replicas.*sync_interval: always.*CREDITS_NATS_MONITOR_URL.*USAGE has 1/)
  })

  it("is allowed when its monitoring says so", async () => {
    const one = await startServer("always")
    expect(await readMonitor(one.monitorUrl)).toMatchObject({ syncAlways: true })
    await requireDurable(await provisioned(one), one.monitorUrl)
  })

  it("is refused when it does not, when its monitoring is silent, or is another server's", async () => {
    const [lazy, other] = [await startServer("2m"), await startServer("always")]
    const bus = await provisioned(lazy)
    await expect(requireDurable(bus, lazy.monitorUrl)).rejects.toThrow(/does not run with sync_interval: always/)
    await expect(requireDurable(bus, "http://127.0.0.1:1")).rejects.toThrow(/does not answer/)
    await expect(requireDurable(bus, other.monitorUrl)).rejects.toThrow(/of another server/)
  })

  it("a service does not start there in production, and does everywhere else", async () => {
    const one = await startServer("always")
    await provisioned(one)
    const start = (service: string, env: Record<string, string>) => {
      const config = ConfigProvider.fromUnknown({ CREDITS_NATS_URL: one.server.url, ...env })
      const layer = Bus.layer(service).pipe(Layer.provide(ConfigProvider.layer(config)))
      return Effect.runPromise(
        Effect.scoped(
          Effect.provide(
            Effect.map(Bus, () => "started"),
            layer,
          ),
        ),
      )
    }
    for (const service of ["ledger", "pricing", "payments", "subscriptions", "topup", "notifications", "edge"]) {
      await expect(start(service, { CREDITS_ENV: "production" })).rejects.toThrow(/in production a stream has 3/)
    }
    const monitored = { CREDITS_ENV: "production", CREDITS_NATS_MONITOR_URL: one.monitorUrl }
    expect(await start("ledger", monitored)).toBe("started")
    expect(await start("ledger", { CREDITS_ENV: "sandbox" })).toBe("started")
    expect(await start("ledger", {})).toBe("started")
  })
})

describe("decision 1: production on a cluster", () => {
  const startCluster = async (): Promise<ReadonlyArray<Monitored>> => {
    const ports = [await freePort(), await freePort(), await freePort()]
    const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(", ")
    // Each waits for a majority before it is ready for JetStream, so all three are started together.
    return Promise.all(
      ports.map((port, i) =>
        startServer(
          "2m",
          `server_name: n${i}\ncluster { name: test, listen: "127.0.0.1:${port}", routes: [${routes}] }`,
        ),
      ),
    )
  }
  const eventually = async (attempt: () => Promise<unknown>): Promise<void> => {
    await expect.poll(() => attempt().then(() => "done", String), { timeout: 30_000, interval: 200 }).toBe("done")
  }

  it("three copies are enough, one is not, and one stream with less is found", async () => {
    const [first] = await startCluster()
    const bus = await connected(first!)
    await eventually(() => provisionStreams(bus, { replicas: 3 }))
    await requireDurable(bus, undefined)
    await bus.jsm.streams.update(STREAMS.payments.name, { num_replicas: 1 })
    await expect(requireDurable(bus, undefined)).rejects.toThrow(/PAYMENTS has 1/)
  }, 60_000)
})
