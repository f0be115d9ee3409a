/**
 * Goal: the configuration that is shipped makes a cluster in which a message survives a server. Method: three real
 * servers from `server.conf`, the keeper as production runs it, one server killed while a gateway publishes.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type BusHandle, closeBus, connectBus, makeBusKey, publish, streamState } from "@credits/bus"
import { BUS_USERS, renderAuthorization, STREAMS, SUBJECTS } from "@credits/contracts"
import { findNatsServer, freePort } from "@credits/testkit"
import { afterAll, beforeAll, expect, it } from "vitest"

const KEEPER = join(import.meta.dirname, "../../apps/dev/dist/keep.js")
const NAMES = ["a", "b", "c"] as const
const keys = Object.fromEntries(BUS_USERS.map((user) => [user, makeBusKey()]))

let folder = ""
const servers: Array<ChildProcess> = []
const keepers: Array<ChildProcess> = []
const buses: Array<BusHandle> = []
let url = ""

const ended = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, "exit")
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "credits-cluster-"))
  const free = new Set<number>()
  while (free.size < 9) free.add(await freePort())
  const all = [...free]
  const ports = NAMES.map((_, i) => all.slice(3 * i, 3 * i + 3))
  const template = readFileSync(join(import.meta.dirname, "server.conf"), "utf8")
  const publicKeys = Object.fromEntries(BUS_USERS.map((user) => [user, keys[user]!.publicKey]))
  NAMES.forEach((name, i) => {
    const [client, route, monitor] = ports[i]!
    mkdirSync(join(folder, name))
    // The shipped file; only the two ports that three servers on one machine cannot share are others.
    const config = template
      .replace('listen: "0.0.0.0:4222"', `listen: "127.0.0.1:${client}"`)
      .replace('listen: "0.0.0.0:6222"', `listen: "127.0.0.1:${route}"`)
    writeFileSync(join(folder, name, "server.conf"), config)
    writeFileSync(join(folder, name, "users.conf"), renderAuthorization("production", publicKeys))
    const routes = ports.flatMap((each, j) => (j === i ? [] : [`"nats://127.0.0.1:${each[1]}"`]))
    const child = spawn(findNatsServer(), ["-c", join(folder, name, "server.conf")], {
      env: {
        ...process.env,
        CREDITS_NATS_NAME: name,
        CREDITS_NATS_ROUTES: `[${routes.join(", ")}]`,
        CREDITS_NATS_STORE: JSON.stringify(join(folder, name, "store")),
        CREDITS_NATS_MONITOR: `"127.0.0.1:${monitor}"`,
      },
      stdio: "ignore",
    })
    servers.push(child)
  })
  url = ports.map(([client]) => `nats://127.0.0.1:${client}`).join(",")
})
afterAll(async () => {
  for (const bus of buses) await closeBus(bus)
  for (const child of [...keepers, ...servers]) await ended(child, "SIGTERM")
  rmSync(folder, { recursive: true, force: true })
})

/** The keeper until it says that it is ready; started again while the cluster has no leader yet. */
const kept = async (): Promise<void> => {
  for (;;) {
    const keeper = spawn(process.execPath, [KEEPER], {
      env: {
        ...process.env,
        CREDITS_ENV: "production",
        CREDITS_NATS_URL: url,
        CREDITS_NATS_SEED: keys["dev"]!.seed,
        CREDITS_NATS_MONITOR_URL: "",
        CREDITS_DATA_DIR: join(folder, "keeper"),
      },
      stdio: ["ignore", "pipe", "inherit"],
    })
    const said = new Promise<string>((done) => keeper.stdout.setEncoding("utf8").once("data", done))
    const first = await Promise.race([said, once(keeper, "exit").then(() => "ended")])
    if (first.trim() !== "ready") continue
    keepers.push(keeper)
    return
  }
}

it("decision 1: the keeper makes every stream with three copies, and usage is taken with a server less", async () => {
  expect(existsSync(KEEPER)).toBe(true)
  await kept()
  const ops = await connectBus({ servers: url, seed: keys["ops"]!.seed, name: "ops" })
  const gateway = await connectBus({ servers: url, seed: keys["gateway"]!.seed, name: "gateway" })
  buses.push(ops, gateway)
  for (const { name } of Object.values(STREAMS)) {
    expect((await ops.jsm.streams.info(name)).config.num_replicas).toBe(3)
  }
  await publish(gateway.js, SUBJECTS.usage, "[1]")
  await ended(servers[0]!, "SIGKILL")
  // Its streams have other leaders soon; a gateway repeats until one has answered.
  await expect
    .poll(
      () =>
        publish(gateway.js, SUBJECTS.usage, "[2]").then(
          () => true,
          () => false,
        ),
      { timeout: 30_000 },
    )
    .toBe(true)
  await expect
    .poll(
      () =>
        streamState(ops.jsm, "USAGE").then(
          ({ last }) => last,
          () => 0,
        ),
      { timeout: 30_000 },
    )
    .toBeGreaterThan(1)
}, 90_000)
