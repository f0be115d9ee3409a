/**
 * An edge under test: the real HTTP server over a real nats-server and SQLite, with scripted answers in place of the
 * ledger, pricing and the paying services that speak the contracts on their real subjects.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  Bus,
  type BusHandle,
  closeBus,
  connectBus,
  kvPut,
  type ProvisionOptions,
  provisionStreams,
  serve,
} from "@credits/bus"
import {
  BUCKETS,
  type ControlAnswer,
  type ControlRequest,
  CURRENT_KEY,
  type LedgerReply,
  type LedgerRequest,
  partitions,
  type PricingReply,
  SUBJECTS,
  type TickMessage,
  type VersionList,
  type WalletAnswer,
} from "@credits/contracts"
import { makeHoldId, partitionOf } from "@credits/kernel"
import { defaultCatalogueData } from "@credits/pricebook/defaults"
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"
import { Effect, Layer, Logger, ManagedRuntime } from "effect"
import { HttpServer } from "effect/http"
import { EdgeConfig, type EdgeSettings } from "./config.ts"
import { ScriptedServices } from "./paying.fixture.ts"
import { edgeLayer } from "./server.ts"

/** 3 and 15 USD per million tokens. */
export const TEST_MODEL = "test-model"
const BOOK_VERSION = "test-1"
const CATALOGUE_VERSION = "test-catalogue"

export const bookData = {
  version: BOOK_VERSION,
  effectiveAt: "2000-01-01T00:00:00.000Z",
  source: "test",
  models: [{ id: TEST_MODEL, provider: "test", input: "3", output: "15", enabled: true }],
}

/** A Plus wallet of 20 USD with nothing held. */
export const walletOf = (account: string, change: Partial<WalletAnswer> = {}): WalletAnswer => ({
  account,
  plan: "plus",
  hostedModels: true,
  pastDue: false,
  available: "20000000000",
  balance: "20000000000",
  held: "0",
  debt: "0",
  frozen: "0",
  lots: [
    {
      id: "lot_1",
      kind: "plan",
      granted: "20000000000",
      remaining: "20000000000",
      grantedAt: 1_767_225_600_000,
      expiresAt: 1_769_904_000_000,
      cause: "test",
    },
  ],
  cycle: { start: 1_767_225_600_000, end: 1_769_904_000_000, granted: "20000000000", spent: "0" },
  holds: 0,
  freeze: null,
  totals: { granted: "20000000000", spent: "0", expired: "0", revoked: "0" },
  asOf: 1_767_312_000_000,
  seq: 1,
  ...change,
})

/** What the stand-in ledger answers when a test says nothing else: every hold is granted in full. */
const plainLedger = (request: LedgerRequest): LedgerReply<unknown> => {
  switch (request.op) {
    case "wallet":
      return { ok: walletOf(request.account) }
    case "authorize":
      return {
        ok: {
          holdId: makeHoldId(request.account, 1_767_312_000_000, new Uint8Array(10)),
          held: request.amount,
          expiresAt: 1_767_312_900_000,
          availableAfter: "1000000000",
        },
      }
    case "extend":
      return {
        ok: { holdId: request.holdId, held: "9000000", expiresAt: 1_767_312_900_000, availableAfter: "1000000000" },
      }
    case "release":
      return { ok: { seq: 2, availableAfter: "20000000000" } }
    case "statement":
      return { ok: { items: [], nextCursor: null } }
    default:
      return { refused: { code: "invalid", detail: `not scripted: ${request.op}` } }
  }
}

/** An owner of due work for the clock: runs what is due when told to. */
export interface DueOwner {
  /** Due instants, ascending; those reached are taken out. */
  due: Array<number>
  /** Those that were run. */
  ran: Array<number>
  /** So many requests are taken and never answered: it is killed in the middle. */
  unanswered: number
}

export class EdgeUnderTest {
  readonly url: string
  readonly bus: BusHandle
  readonly nats: TestNatsServer
  readonly dataDir: string
  /** Every request the ledger got, in order. */
  readonly asked: Array<LedgerRequest> = []
  readonly owners: Record<"ledger" | "pricing", DueOwner> = {
    ledger: { due: [], ran: [], unanswered: 0 },
    pricing: { due: [], ran: [], unanswered: 0 },
  }
  answer: (request: LedgerRequest) => LedgerReply<unknown> | null = () => null
  answerPricing: (op: string, request: unknown) => PricingReply<unknown> = (op) => ({
    refused: { code: "unknown_op", detail: `not scripted: ${op}` },
  })
  /** Payments, subscriptions and auto top-up. */
  readonly paying = new ScriptedServices()
  readonly #runtime: ManagedRuntime.ManagedRuntime<HttpServer.HttpServer, unknown>

  constructor(
    url: string,
    bus: BusHandle,
    nats: TestNatsServer,
    dataDir: string,
    runtime: ManagedRuntime.ManagedRuntime<HttpServer.HttpServer, unknown>,
  ) {
    this.url = url
    this.bus = bus
    this.nats = nats
    this.dataDir = dataDir
    this.#runtime = runtime
  }

  /** The stand-ins subscribe; the edge asks them as it would ask the real ones. */
  serveOwners(): void {
    for (const partition of partitions) {
      serve(this.bus.connection, SUBJECTS.ledgerRequest(partition), (text) => {
        const request = JSON.parse(text) as LedgerRequest
        this.asked.push(request)
        return JSON.stringify(this.answer(request) ?? plainLedger(request))
      })
    }
    for (const op of ["plans", "models", "usage", "totals"]) {
      serve(this.bus.connection, SUBJECTS.pricingRequest(op), (text) =>
        JSON.stringify(this.answerPricing(op, JSON.parse(text))),
      )
    }
    this.paying.serveOn(this.bus)
    serve(this.bus.connection, SUBJECTS.ledgerControl, (text) => this.#control("ledger", text))
    serve(this.bus.connection, SUBJECTS.pricingControl, (text) => this.#control("pricing", text))
  }

  #control(service: "ledger" | "pricing", text: string): string | Promise<string> {
    const request = JSON.parse(text) as ControlRequest
    const owner = this.owners[service]
    if (owner.unanswered > 0) {
      owner.unanswered -= 1
      return new Promise(() => undefined)
    }
    if (request.op === "clock" && request.run) {
      while (owner.due.length > 0 && owner.due[0]! <= request.now) {
        owner.ran.push(owner.due.shift()!)
      }
    }
    const answer: ControlAnswer = {
      service,
      ready: true,
      now: request.op === "clock" ? request.now : 0,
      nextDue: owner.due[0] ?? null,
      ran: owner.ran.length,
      cursors: {},
      outboxPending: 0,
      openRequests: 0,
      detail: {},
    }
    return JSON.stringify(answer)
  }

  /** A tick as the ledger sends it. */
  tick(account: string, seq: number): void {
    const partition = partitionOf(account)
    const tick: TickMessage = { v: 1, partition, accounts: [[account, seq, "0", "0", "0", "0"]] }
    this.bus.connection.publish(SUBJECTS.ledgerTick(partition), JSON.stringify(tick))
  }

  fetch(
    path: string,
    init: RequestInit & { readonly token?: string; readonly json?: unknown } = {},
  ): Promise<Response> {
    const { token, json, ...rest } = init
    const headers = new Headers(rest.headers)
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`)
    if (json !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json")
    return fetch(this.url + path, { ...rest, headers, ...(json === undefined ? {} : { body: JSON.stringify(json) }) })
  }

  async signIn(email = "ada@example.com"): Promise<{ readonly accountId: string; readonly accessToken: string }> {
    const response = await this.fetch("/api/v1/dev/sign-in", { method: "POST", json: { email } })
    return (await response.json()) as { accountId: string; accessToken: string }
  }

  /** A control key of the person whose token this is. */
  async controlKey(token: string): Promise<string> {
    const response = await this.fetch("/api/v1/control-keys", { method: "POST", token, json: { name: "test" } })
    return ((await response.json()) as { key: string }).key
  }

  async gatewayKey(): Promise<string> {
    const response = await this.fetch("/api/v1/dev/gateway-key", { method: "POST", json: {} })
    return ((await response.json()) as { key: string }).key
  }

  async stop(): Promise<void> {
    await this.#runtime.dispose()
    await closeBus(this.bus)
    await this.nats.stop()
    await rm(this.dataDir, { recursive: true, force: true })
  }
}

const publishPrices = async (bus: BusHandle): Promise<void> => {
  const list = (version: string): VersionList => ({ v: 1, versions: [{ version, effectiveAt: 946_684_800_000 }] })
  await kvPut(bus, BUCKETS.priceBooks, BOOK_VERSION, JSON.stringify(bookData))
  await kvPut(bus, BUCKETS.priceBooks, CURRENT_KEY, JSON.stringify(list(BOOK_VERSION)))
  await kvPut(bus, BUCKETS.catalogues, CATALOGUE_VERSION, JSON.stringify(defaultCatalogueData))
  await kvPut(bus, BUCKETS.catalogues, CURRENT_KEY, JSON.stringify(list(CATALOGUE_VERSION)))
}

/** Polls for a fact until its deadline. */
export const until = async (fact: () => boolean | Promise<boolean>, deadlineMs = 10_000): Promise<void> => {
  const began = performance.now()
  while (!(await fact())) {
    if (performance.now() - began > deadlineMs) throw new Error(`not so after ${deadlineMs} ms: ${fact.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** A development edge on any free port; `change` says what a test wants otherwise. */
export const settingsOf = (change: Partial<EdgeSettings>): EdgeSettings => ({
  mode: "development",
  host: "127.0.0.1",
  port: 0,
  dataDir: ".",
  databaseUrl: undefined,
  freeSpaceMark: 0,
  tokenIssuer: undefined,
  oidc: undefined,
  publicUrl: undefined,
  allowedOrigins: [],
  trustedProxies: 0,
  processorUrl: undefined,
  clockOwners: ["ledger", "pricing"],
  supportUrl: undefined,
  drainSeconds: 0,
  natsMonitorUrl: undefined,
  ...change,
})

/** `prepare` runs on the provisioned bus before the edge starts. */
export const startEdge = async (
  settings: Partial<EdgeSettings> = {},
  prepare: (bus: BusHandle) => Promise<unknown> = async () => undefined,
  streams: ProvisionOptions = {},
): Promise<EdgeUnderTest> => {
  const nats = await natsServerForTests()
  const bus = await connectBus({ servers: nats.url, name: "test" })
  await provisionStreams(bus, streams)
  await publishPrices(bus)
  await prepare(bus)
  const dataDir = await mkdtemp(join(tmpdir(), "credits-edge-"))
  const config = Layer.succeed(EdgeConfig, settingsOf({ dataDir, ...settings }))
  const runtime = ManagedRuntime.make(
    edgeLayer.pipe(
      Layer.provide(Bus.layerFrom({ servers: nats.url, name: "edge" })),
      Layer.provide(config),
      Layer.provide(Logger.layer([])),
    ),
  )
  const address = await runtime.runPromise(HttpServer.addressFormattedWith((text) => Effect.succeed(text)))
  const edge = new EdgeUnderTest(address, bus, nats, dataDir, runtime)
  edge.serveOwners()
  await until(async () => (await edge.fetch("/readyz")).status === 200)
  return edge
}

/** A good usage event; `change` goes over its envelope, `data` over its data. */
export const usageEvent = (change: object = {}, data: object = {}): object => ({
  specversion: "1.0",
  type: "ai.usage.v1",
  id: "evt_1",
  source: "test",
  subject: "acc_1",
  time: "2026-01-02T00:00:00.000Z",
  data: {
    requestId: "req-1",
    mode: "hosted",
    provider: "test",
    model: TEST_MODEL,
    status: "ok",
    tokens: { convention: "inclusive", input: 1000, output: 500 },
    ...data,
  },
  ...change,
})
