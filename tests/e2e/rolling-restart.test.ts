/**
 * Goal: a new release is rolled out without a failed call. Method: two ledgers and two edges on one system, a balancer
 * that sends to edges that say they are ready, gateways calling over HTTP and over NATS all the while; every service is
 * asked to stop, one after the other, and started again.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { type Gateway, openGateway } from "@credits/client"
import { usd } from "@credits/kernel"
import { Customer, commandLine, freePort, startSystem, type SystemUnderTest } from "@credits/testkit"
import { afterAll, beforeAll, expect, it } from "vitest"

const DRAIN_SECONDS = 1
const LOOK_MS = 50

let system: SystemUnderTest
let folder = ""
const beside: Array<ChildProcess> = []

/** A second process of a service, with what the supervisor gives the first. */
const second = (service: "ledger" | "edge", env: Readonly<Record<string, string>> = {}): void => {
  const { CREDITS_STRIPE_API_BASE = "" } = process.env
  const keys = JSON.parse(readFileSync(join(system.dataDir, "processor", "keys.json"), "utf8")) as Record<
    string,
    string
  >
  beside.push(
    spawn(process.execPath, [resolve("apps", service, "dist", "main.js")], {
      env: {
        ...process.env,
        CREDITS_DATA_DIR: system.dataDir,
        CREDITS_DATABASE_URL: "",
        CREDITS_NATS_URL: system.natsUrl,
        CREDITS_NATS_SEED: system.seeds[service],
        CREDITS_STRIPE_API_BASE: system.processorUrl ?? CREDITS_STRIPE_API_BASE,
        CREDITS_STRIPE_PUBLISHABLE_KEY: keys["publishableKey"] ?? "",
        ...env,
      },
      stdio: ["ignore", "inherit", "inherit"],
    }),
  )
}

/** Sends each call to one of the edges that said, at the last look, that they are ready. No call is repeated. */
class Balancer {
  readonly #edges: ReadonlyArray<string>
  #ready: ReadonlyArray<string> = []
  #turn = 0
  #isOver = false
  readonly #looking: Promise<void>

  constructor(edges: ReadonlyArray<string>) {
    this.#edges = edges
    this.#looking = this.#look()
  }

  async #look(): Promise<void> {
    while (!this.#isOver) {
      const said = await Promise.all(
        this.#edges.map((url) =>
          fetch(`${url}/readyz`).then(
            ({ status }) => status === 200,
            () => false,
          ),
        ),
      )
      this.#ready = this.#edges.filter((_, i) => said[i])
      await new Promise((done) => setTimeout(done, LOOK_MS))
    }
  }

  get ready(): number {
    return this.#ready.length
  }

  url(): string {
    const ready = this.#ready
    if (ready.length === 0) throw new Error("no edge is ready")
    return ready[this.#turn++ % ready.length]!
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#looking
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "credits-rolling-"))
  system = await startSystem({ env: { CREDITS_DRAIN_SECONDS: String(DRAIN_SECONDS) } })
})
afterAll(async () => {
  for (const child of beside) {
    child.kill("SIGTERM")
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
  }
  await system.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Calls one after the other until it is over; every answer that is not the one wanted is kept. */
const calling = (call: (n: number) => Promise<string | null>, isOver: () => boolean) => {
  const failures: Array<string> = []
  let calls = 0
  const ended = (async () => {
    for (; !isOver(); calls++) {
      const failure = await call(calls).catch((error: unknown) => String((error as Error).cause ?? error))
      if (failure !== null) failures.push(failure)
    }
  })()
  return { ended, failures, count: () => calls }
}

it("every service is restarted while gateways call, and no call fails", async () => {
  const port = await freePort()
  second("ledger")
  second("edge", { CREDITS_HTTP_PORT: String(port), CREDITS_DRAIN_SECONDS: String(DRAIN_SECONDS) })
  const balancer = new Balancer([system.url, `http://localhost:${port}`])
  const customer = await Customer.signIn(system.url, "rolling@example.com")
  const credits = commandLine(system.dataDir)
  const done = ["--apply", "--reason", "test"]
  await credits("account", "entitle", customer.account, "--plan", "pro", ...done)
  await credits("account", "adjust", customer.account, "--amount", "1000", ...done)
  const made = await fetch(`${system.url}/api/v1/dev/gateway-key`, { method: "POST" })
  const { key } = (await made.json()) as { readonly key: string }
  await expect.poll(() => balancer.ready, { timeout: 30_000 }).toBe(2)

  const gateway: Gateway = await openGateway({
    servers: system.natsUrl,
    seed: system.seeds.gateway,
    spool: { directory: join(folder, "spool") },
  })
  await gateway.priced()
  let isOver = false
  const overHttp = calling(
    async (n) => {
      const authorized = await fetch(`${balancer.url()}/api/v1/gateway/authorizations`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({
          accountId: customer.account,
          requestId: `http-${n}`,
          model: "gpt-4o",
          amountUsd: "0.01",
        }),
      })
      const { holdId } = (await authorized.json()) as { readonly holdId?: string }
      if (authorized.status !== 201 || holdId === undefined) return `authorize: ${authorized.status}`
      const released = await fetch(`${balancer.url()}/api/v1/gateway/authorizations/${holdId}`, {
        method: "DELETE",
        headers: { authorization: `Bearer ${key}` },
      })
      if (released.status !== 204) return `release: ${released.status}`
      const wallet = await fetch(`${balancer.url()}/api/v1/wallet`, {
        headers: { authorization: `Bearer ${customer.token}` },
      })
      await wallet.body?.cancel()
      return wallet.status === 200 ? null : `wallet: ${wallet.status}`
    },
    () => isOver,
  )
  const overNats = calling(
    async (n) => {
      const requestId = `nats-${n}`
      const hold = await gateway.authorize({
        account: customer.account,
        requestId,
        model: "gpt-4o",
        amount: 10_000_000n,
      })
      if ("refused" in hold) return `authorize: ${hold.refused.code}`
      await gateway.usage({
        specversion: "1.0",
        type: "ai.usage.v1",
        id: requestId,
        source: "rolling",
        subject: customer.account,
        time: new Date().toISOString(),
        data: {
          requestId,
          holdId: hold.ok.holdId,
          mode: "hosted",
          provider: "openai",
          model: "gpt-4o",
          status: "ok",
          tokens: { convention: "inclusive", input: 4_000, output: 0 },
        },
      })
      return null
    },
    () => isOver,
  )

  for (const service of ["ledger", "pricing", "payments", "subscriptions", "topup", "notifications", "edge"]) {
    const pid = system.pidOf(service)
    const before = [overHttp.count(), overNats.count()]
    expect(system.kill(service, "SIGTERM")).toBe(true)
    await system.restarted(service, pid, 30_000)
    await expect.poll(() => balancer.ready, { timeout: 30_000 }).toBe(2)
    // Calls went on while it was away, or right after it came back.
    await expect
      .poll(() => overHttp.count() > before[0]! && overNats.count() > before[1]!, { timeout: 30_000 })
      .toBe(true)
  }
  isOver = true
  await Promise.all([overHttp.ended, overNats.ended])
  await gateway.flush()
  await gateway.close()
  await balancer.stop()
  expect(overHttp.failures).toEqual([])
  expect(overNats.failures).toEqual([])

  // Each call over NATS cost its cent, once.
  const spent = usd("0.01") * BigInt(overNats.count())
  await expect
    .poll(async () => usd("1000") - usd((await customer.wallet()).availableUsd), { timeout: 30_000 })
    .toBe(spent)
  expect((await credits("ledger", "verify")).exit).toBe(0)
})
