/**
 * Notifications as a service, in this process: a real nats-server on which it signs in with its own permissions, a real
 * database, a business clock that the test sets, and receivers that the test scripts. Owns the lives of these parts.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createUser } from "@nats-io/nkeys"
import { ask, closeBus, connectBus, provisionStreams, publish, type BusHandle } from "@credits/bus"
import {
  renderAuthorization,
  SUBJECTS,
  type ControlAnswer,
  type NotificationFact,
  type NotificationsAnswers,
  type NotificationsReply,
  type NotificationsRequest,
} from "@credits/contracts"
import { openDatabaseNow, type OpenedDatabase } from "@credits/store"
import { natsServerForTests, postgresForTests, type TestNatsServer, type TestPostgres } from "@credits/testkit"
import { Option } from "effect"
import { AT } from "./facts.fixture.ts"
import type { Tables } from "./schema.ts"
import { startNotifications, type RunningNotifications } from "./service.ts"

const EVENTUALLY_MS = 30_000
const seedText = (seed: Uint8Array): string => new TextDecoder().decode(seed)

/** Polls for a fact until it holds. */
export const eventually = async <A>(what: string, look: () => Promise<A | undefined> | A | undefined): Promise<A> => {
  const until = performance.now() + EVENTUALLY_MS
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > until) throw new Error(`not within ${EVENTUALLY_MS} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** A receiver of webhooks that remembers what it was sent. */
export class Receiver {
  readonly #server: Server
  readonly got: Array<{ readonly id: string; readonly type: string; readonly body: string; readonly headers: object }> =
    []
  status = 204
  url = ""

  constructor() {
    this.#server = createServer((request, response) => {
      const parts: Array<Buffer> = []
      request.on("data", (part: Buffer) => parts.push(part))
      request.on("end", () => {
        const body = Buffer.concat(parts).toString()
        const { type } = JSON.parse(body) as { readonly type: string }
        this.got.push({ id: String(request.headers["webhook-id"]), type, body, headers: request.headers })
        response.writeHead(this.status).end()
      })
    })
  }

  async open(): Promise<this> {
    await new Promise<void>((listening) => this.#server.listen(0, "127.0.0.1", listening))
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hooks`
    return this
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((closed) => this.#server.close(closed))
  }
}

export class World {
  readonly #nats: TestNatsServer
  /** May do everything: the test is everybody else. */
  readonly bus: BusHandle
  readonly #own: BusHandle
  readonly dataDir: string
  readonly #postgres: TestPostgres | undefined
  database!: OpenedDatabase<Tables>
  #service: RunningNotifications | undefined
  now = AT
  readonly told: Array<NotificationFact> = []
  readonly letters: Array<string> = []

  private constructor(
    nats: TestNatsServer,
    bus: BusHandle,
    own: BusHandle,
    dataDir: string,
    postgres: TestPostgres | undefined,
  ) {
    this.#nats = nats
    this.bus = bus
    this.#own = own
    this.dataDir = dataDir
    this.#postgres = postgres
  }

  static async start(dialect: "sqlite" | "postgres" = "sqlite"): Promise<World> {
    const [own, all] = [createUser(), createUser()]
    const config = renderAuthorization("development", { notifications: own.getPublicKey() }).replace(
      "users = [",
      `users = [\n    { nkey: ${all.getPublicKey()} }`,
    )
    const nats = await natsServerForTests({ config })
    const bus = await connectBus({ servers: nats.url, name: "world", seed: seedText(all.getSeed()) })
    await provisionStreams(bus, { maxBytes: 64 * 1024 * 1024 })
    const ownBus = await connectBus({ servers: nats.url, name: "notifications", seed: seedText(own.getSeed()) })
    const dataDir = await mkdtemp(join(tmpdir(), "credits-notifications-"))
    const postgres = dialect === "postgres" ? await postgresForTests() : undefined
    const world = new World(nats, bus, ownBus, dataDir, postgres)
    bus.connection.subscribe(SUBJECTS.notificationsFact, {
      callback: (_error, message) => void world.told.push(JSON.parse(message.string()) as NotificationFact),
    })
    bus.connection.subscribe(SUBJECTS.deadLetter("notifications"), {
      callback: (_error, message) => void world.letters.push(message.string()),
    })
    await world.run()
    return world
  }

  /** Opens the database anew, as a process that starts. */
  async run(): Promise<void> {
    const databaseUrl = this.#postgres?.url
    this.database = await openDatabaseNow<Tables>({ service: "notifications", dataDir: this.dataDir, databaseUrl })
    this.#service = await startNotifications(
      {
        bus: this.#own,
        database: this.database,
        clock: {
          now: () => this.now,
          setting: { offset: 0, frozenAt: null },
          refresh: async () => undefined,
          stop: () => undefined,
        },
        report: () => undefined,
      },
      {
        environment: "development",
        dataDir: this.dataDir,
        databaseUrl: Option.none(),
        smtpUrl: Option.none(),
        mailFrom: "Credits <hello@credits.example>",
        publicUrl: "https://credits.example",
      },
    )
    await eventually("notifications is ready", async () =>
      (await this.status().catch(() => undefined))?.ready === true ? true : undefined,
    )
  }

  async halt(): Promise<void> {
    await this.#service?.stop()
    await this.database.close()
  }

  async status(): Promise<ControlAnswer> {
    return JSON.parse(
      await ask(this.bus.connection, SUBJECTS.notificationsControl, '{"op":"status"}', 5_000),
    ) as ControlAnswer
  }

  publish(subject: string, fact: unknown): Promise<unknown> {
    return publish(this.bus.js, subject, typeof fact === "string" ? fact : JSON.stringify(fact))
  }

  /** Every stream is read to its end. */
  applied(): Promise<ControlAnswer> {
    return eventually("everything is heard", async () => {
      const status = await this.status()
      const ends = await Promise.all(
        Object.keys(status.cursors).map(async (stream) => (await this.bus.jsm.streams.info(stream)).state.last_seq),
      )
      return Object.values(status.cursors).every((cursor, i) => cursor === ends[i]) ? status : undefined
    })
  }

  async ask<Op extends NotificationsRequest["op"] & keyof NotificationsAnswers>(
    request: Extract<NotificationsRequest, { op: Op }>,
  ): Promise<NotificationsReply<NotificationsAnswers[Op]>> {
    const subject = SUBJECTS.notificationsRequest(request.op)
    return JSON.parse(await ask(this.bus.connection, subject, JSON.stringify(request), 20_000)) as NotificationsReply<
      NotificationsAnswers[Op]
    >
  }

  /** What was asked and not refused. */
  async get<Op extends NotificationsRequest["op"] & keyof NotificationsAnswers>(
    request: Extract<NotificationsRequest, { op: Op }>,
  ): Promise<NotificationsAnswers[Op]> {
    const reply = await this.ask(request)
    if ("refused" in reply) throw new Error(`${request.op}: ${reply.refused.code}, ${reply.refused.detail}`)
    return reply.ok
  }

  async kindsOf(account: string): Promise<ReadonlyArray<string>> {
    return (await this.get({ op: "list", account, limit: 200 })).items.map(({ kind }) => kind).toReversed()
  }

  async stop(): Promise<void> {
    await this.halt()
    await closeBus(this.#own)
    await closeBus(this.bus)
    await this.#nats.stop()
    await this.#postgres?.stop()
    await rm(this.dataDir, { recursive: true, force: true })
  }
}
