/**
 * Two ledger processes on one database and one nats-server, with charges and requests flowing: who owns, what each of
 * them answered, and what is in the database. Every request is sent once, so two answers to one are two ledgers that
 * answered.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import {
  askOwner,
  type BusHandle,
  closeBus,
  connectBus,
  provisionStreams,
  publishAtomic,
  streamState,
} from "@credits/bus"
import {
  type ControlAnswer,
  encodeCharges,
  type EntryBody,
  type LedgerReply,
  STREAMS,
  SUBJECTS,
} from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { openPostgresPool } from "@credits/store"
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"
import {
  type Books,
  booksIn,
  entriesOfBooks,
  readBooks,
  unreachableEntries,
  type Verdict,
  verifyLedger,
} from "./audit.ts"
import { until } from "./facts.ts"

const MAIN = fileURLToPath(new URL("../../apps/ledger/src/main.ts", import.meta.url))
const ACCOUNTS = Array.from({ length: 12 }, (_, i) => `acc_fence${i}`)
const USAGE = "openai|gpt-4o|book-1|100|20|0|0|0|0|0|1|ok|req-1"
const CHARGES_AT_ONCE = 12
const STATUS_MS = 250

interface HoldReply {
  readonly holdId: string
}

export class LedgerPair {
  readonly #nats: TestNatsServer
  readonly #bus: BusHandle
  readonly #dataDir: string
  readonly #databaseUrl: string | undefined
  readonly #children: Array<ChildProcess> = []
  /** Ids of charges that are in the stream. */
  readonly charged: Array<string> = []
  /** Every answer to each authorization. */
  readonly answers = new Map<string, Array<string>>()
  #pumping = false
  #pump: Promise<void> = Promise.resolve()

  private constructor(nats: TestNatsServer, bus: BusHandle, dataDir: string, databaseUrl: string | undefined) {
    this.#nats = nats
    this.#bus = bus
    this.#dataDir = dataDir
    this.#databaseUrl = databaseUrl
  }

  /** One ledger owns everything, a second one waits; accounts have credit and load flows. */
  static async start(databaseUrl?: string): Promise<LedgerPair> {
    const nats = await natsServerForTests()
    const bus = await connectBus({ servers: nats.url, name: "test" })
    await provisionStreams(bus)
    const pair = new LedgerPair(nats, bus, await mkdtemp(join(tmpdir(), "credits-fence-")), databaseUrl)
    pair.#spawn()
    await pair.owns([64])
    pair.#spawn()
    await pair.owns([64, 0])
    for (const account of ACCOUNTS) {
      await pair.#ask({ op: "entitle", id: "plan", account, plan: "plus", hostedModels: true })
      await pair.#ask({ op: "grant", id: "credit", account, kind: "promo", amount: "1000000000000", cause: "fence" })
    }
    pair.#pumping = true
    pair.#pump = pair.#run()
    return pair
  }

  #spawn(): void {
    const child = spawn(process.execPath, [MAIN], {
      env: {
        ...process.env,
        CREDITS_NATS_URL: this.#nats.url,
        CREDITS_DATA_DIR: this.#dataDir,
        CREDITS_DATABASE_URL: this.#databaseUrl ?? "",
      },
      stdio: ["ignore", process.env["CHAOS_LOG"] === "1" ? "inherit" : "ignore", "inherit"],
    })
    this.#children.push(child)
  }

  async #ask<A>(request: { readonly account: string } & Record<string, unknown>): Promise<A> {
    const subject = SUBJECTS.ledgerRequest(partitionOf(request.account))
    const reply = JSON.parse(await askOwner(this.#bus.connection, subject, JSON.stringify(request))) as LedgerReply<A>
    if ("refused" in reply) throw new Error(`${String(request["op"])}: ${reply.refused.detail}`)
    return reply.ok
  }

  /** The first one started: the owner until something happens to it. */
  get first(): ChildProcess {
    return this.#children[0]!
  }

  /** What every ledger that answers now says of itself. */
  async statuses(): Promise<ReadonlyArray<ControlAnswer>> {
    const answers: Array<ControlAnswer> = []
    const { connection } = this.#bus
    const inbox = `_INBOX_test.status.${Math.random().toString(36).slice(2)}`
    const subscription = connection.subscribe(inbox, {
      callback: (_error, message) => {
        if (message.data.length > 0) answers.push(message.json<ControlAnswer>())
      },
    })
    connection.publish(SUBJECTS.ledgerControl, '{"op":"status"}', { reply: inbox })
    const deadline = performance.now() + STATUS_MS
    while (answers.length < 2 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5))
    subscription.unsubscribe()
    return answers
  }

  /** Waits until the ledgers that answer own exactly so many partitions each. */
  async owns(expected: ReadonlyArray<number>, withinMs = 30_000): Promise<void> {
    await until(
      `the ledgers own ${expected.join(" and ")} partitions`,
      async () => (await this.statuses()).map(({ detail }) => Number(detail["owned"])).toSorted((a, b) => b - a),
      (owned) => JSON.stringify(owned) === JSON.stringify(expected),
      withinMs,
    )
  }

  /** Until a count of further charges is in the stream. */
  async more(charges: number): Promise<void> {
    const wanted = this.charged.length + charges
    await until(
      "more charges flow",
      () => this.charged.length,
      (count) => count >= wanted,
    )
  }

  async #run(): Promise<void> {
    const { connection, js } = this.#bus
    const inbox = "_INBOX_test.authorized"
    const subscription = connection.subscribe(`${inbox}.*`, {
      callback: (_error, message) => {
        if (message.data.length > 0) this.answers.get(message.subject.slice(inbox.length + 1))!.push(message.string())
      },
    })
    let n = 0
    while (this.#pumping) {
      n += 1
      const messages = ACCOUNTS.slice(0, CHARGES_AT_ONCE).map((account) => ({
        subject: SUBJECTS.ledgerCommand(partitionOf(account)),
        payload: encodeCharges([[`c${n}-${account}`, account, Date.now(), "1000", "", `h${n}`, USAGE]]),
      }))
      await publishAtomic(js, messages)
      for (const account of ACCOUNTS) this.charged.push(`c${n}-${account}`)
      for (const account of ACCOUNTS.slice(0, 4)) {
        const id = `r${n}-${account}`
        this.answers.set(id, [])
        const request = { op: "authorize", id, account, amount: "5000", ttl: 3_600_000 }
        connection.publish(SUBJECTS.ledgerRequest(partitionOf(account)), JSON.stringify(request), {
          reply: `${inbox}.${id}`,
        })
      }
      await connection.flush()
    }
    subscription.unsubscribe()
  }

  /** Stops the load and waits until the owner has applied all of it. */
  async rest(): Promise<void> {
    this.#pumping = false
    await this.#pump
    const { last } = await streamState(this.#bus.jsm, STREAMS.ledgerCommands.name)
    await until(
      "everything is applied",
      () => this.statuses(),
      (list) =>
        list.some(({ cursors, detail }) => detail["owned"] === 64 && cursors[STREAMS.ledgerCommands.name] === last),
    )
  }

  async #books(): Promise<Books> {
    if (this.#databaseUrl === undefined) return booksIn(this.#dataDir)
    const pool = await openPostgresPool({ service: "ledger", databaseUrl: this.#databaseUrl, connectionsMax: 1 })
    try {
      return await readBooks(async (sql) => (await pool.query<Record<string, unknown>>(sql)).rows)
    } finally {
      await pool.end()
    }
  }

  verify(): Promise<Verdict> {
    return verifyLedger({ CREDITS_DATA_DIR: this.#dataDir, CREDITS_DATABASE_URL: this.#databaseUrl ?? "" })
  }

  /**
   * What is wrong: a charge not deducted exactly once, an answer twice, or one that no committed entry stands behind
   * (I5).
   */
  async differences(): Promise<ReadonlyArray<string>> {
    const books = await this.#books()
    const found = [...unreachableEntries(books)]
    const charges = new Map<string, number>()
    const holds = new Set<string>()
    for (const { kind, account, body } of entriesOfBooks(books)) {
      const { cause, hold } = body as EntryBody & { readonly hold?: { readonly id: string } }
      if (kind === "charged") charges.set(cause!, (charges.get(cause!) ?? 0) + 1)
      if (kind === "held") holds.add(`${cause!} ${account} ${hold!.id}`)
    }
    for (const id of this.charged)
      if (charges.get(id) !== 1) found.push(`${id} is charged ${charges.get(id) ?? 0} times`)
    for (const [id, answers] of this.answers) {
      if (answers.length > 1) found.push(`${id} was answered ${answers.length} times`)
      for (const answer of answers) {
        const reply = JSON.parse(answer) as LedgerReply<HoldReply>
        if ("ok" in reply && !holds.has(`${id} ${id.slice(id.indexOf("-") + 1)} ${reply.ok.holdId}`))
          found.push(`${id} was answered with ${reply.ok.holdId}, which is not in the ledger`)
      }
    }
    return found.slice(0, 20)
  }

  async stop(): Promise<void> {
    this.#pumping = false
    await this.#pump.catch(() => undefined)
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const ended = new Promise((resolve) => child.once("exit", resolve))
      child.kill("SIGCONT")
      child.kill("SIGKILL")
      await ended
    }
    await closeBus(this.#bus)
    await this.#nats.stop()
    await rm(this.#dataDir, { recursive: true, force: true })
  }
}
