/**
 * Subscriptions' process beside a real ledger, on a real nats-server with the real permissions, over SQLite in a folder
 * or Postgres; payments is scripted. Owns the processes' lives and what a test may ask of them.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { createUser } from "@nats-io/nkeys"
import {
  ask,
  askOwner,
  closeBus,
  connectBus,
  kvPut,
  orderedReader,
  provisionStreams,
  publish,
  serve,
  writeClockSetting,
  type BusHandle,
} from "@credits/bus"
import {
  BUCKETS,
  CURRENT_KEY,
  encodeCharges,
  renderAuthorization,
  STREAMS,
  SUBJECTS,
  type ChargeTuple,
  type ControlAnswer,
  type DeadLetter,
  type PaymentsRequest,
  type QuoteView,
  type SubscriptionFact,
  type SubscriptionView,
  type WalletAnswer,
} from "@credits/contracts"
import { partitionOf, usd } from "@credits/kernel"
import { defaultCatalogueData } from "@credits/pricebook/defaults"
import {
  findPostgresBinaries,
  natsServerForTests,
  postgresForTests,
  type TestNatsServer,
  type TestPostgres,
} from "@credits/testkit"
import { describe } from "vitest"
import { PaymentsScript } from "./payments.fixture.ts"

/** A busy machine with two cores takes its time; a test that passes needs none of it. */
const EVENTUALLY_MS = 40_000

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

/** An answer or a refusal; tests look at the fields they are about. */
export interface Reply {
  // oxlint-disable-next-line typescript/no-explicit-any -- each request has its own answer; the test knows which
  readonly ok?: any
  // oxlint-disable-next-line typescript/no-explicit-any -- tests assert its code and fields
  readonly refused?: any
}

const programs = {
  subscriptions: fileURLToPath(new URL("./main.ts", import.meta.url)),
  ledger: fileURLToPath(new URL("../../ledger/src/main.ts", import.meta.url)),
} as const
export type Program = keyof typeof programs
export type Dialect = "sqlite" | "postgres"
const CONTROL = { subscriptions: SUBJECTS.subscriptionsControl, ledger: SUBJECTS.ledgerControl } as const

const seedText = (seed: Uint8Array): string => new TextDecoder().decode(seed)

export class System {
  readonly #nats: TestNatsServer
  readonly bus: BusHandle
  readonly #dataDir: string
  readonly #postgres: TestPostgres | undefined
  readonly #seeds: Readonly<Record<Program, string>>
  readonly #children = new Map<Program, ChildProcess>()
  readonly #payments = new Map<string, PaymentsScript>()
  readonly facts: Array<SubscriptionFact> = []
  readonly letters: Array<DeadLetter> = []
  /** Called before a question to payments is answered; what it charges has happened then. */
  onPayments: (request: PaymentsRequest, account: string) => void = () => undefined
  #offset = 0
  #requests = 0
  #readers: ReadonlyArray<{ readonly close: () => Promise<void> }> = []

  private constructor(
    nats: TestNatsServer,
    bus: BusHandle,
    dataDir: string,
    postgres: TestPostgres | undefined,
    seeds: Readonly<Record<Program, string>>,
  ) {
    this.#nats = nats
    this.bus = bus
    this.#dataDir = dataDir
    this.#postgres = postgres
    this.#seeds = seeds
  }

  static async start(dialect: Dialect): Promise<System> {
    const [subscriptions, ledger, all] = [createUser(), createUser(), createUser()]
    const keys = { subscriptions: subscriptions.getPublicKey(), ledger: ledger.getPublicKey() }
    // The two services sign in with their own permissions; the test is everybody else and may do everything.
    const config = renderAuthorization("development", keys).replace(
      "users = [",
      `users = [\n    { nkey: ${all.getPublicKey()} }`,
    )
    const nats = await natsServerForTests({ config })
    const bus = await connectBus({ servers: nats.url, name: "world", seed: seedText(all.getSeed()) })
    await provisionStreams(bus, { maxBytes: 64 * 1024 * 1024 })
    const dataDir = await mkdtemp(join(tmpdir(), "credits-subscriptions-"))
    const seeds = { subscriptions: seedText(subscriptions.getSeed()), ledger: seedText(ledger.getSeed()) }
    const postgres = dialect === "postgres" ? await postgresForTests() : undefined
    const system = new System(nats, bus, dataDir, postgres, seeds)
    await system.#open()
    return system
  }

  async #open(): Promise<void> {
    const { bus } = this
    this.run("ledger")
    this.run("subscriptions")
    // Whoever starts first waits for pricing.
    const { version } = defaultCatalogueData
    await kvPut(bus, BUCKETS.catalogues, version, JSON.stringify(defaultCatalogueData))
    await kvPut(bus, BUCKETS.catalogues, CURRENT_KEY, JSON.stringify({ v: 1, versions: [{ version, effectiveAt: 0 }] }))
    serve(bus.connection, SUBJECTS.paymentsRequest("*"), async (text) => {
      const request = JSON.parse(text) as PaymentsRequest & { readonly account: string }
      const answer = await this.payments(request.account).answer(request)
      this.onPayments(request, request.account)
      return JSON.stringify(answer)
    })
    this.#readers = [
      this.#read(STREAMS.subscriptions.name, (text) => this.facts.push(JSON.parse(text) as SubscriptionFact)),
      this.#read(STREAMS.deadLetters.name, (text) => this.letters.push(JSON.parse(text) as DeadLetter)),
    ]
    await Promise.all([this.ready("ledger"), this.ready("subscriptions")])
  }

  #read(stream: string, take: (text: string) => unknown) {
    const onMessage = ({ data }: { readonly data: Uint8Array }) => void take(Buffer.from(data).toString())
    const onGap = ({ reason }: { readonly reason: string }): void => {
      throw new Error(`the test reads ${stream} too late: ${reason}`)
    }
    return orderedReader(this.bus, { stream, filters: [], startSeq: 1, onMessage, onGap })
  }

  now(): number {
    return Date.now() + this.#offset
  }

  payments(account: string): PaymentsScript {
    let script = this.#payments.get(account)
    if (script === undefined) {
      const tell = async (fact: unknown): Promise<void> =>
        void (await publish(this.bus.js, SUBJECTS.paymentsFact, JSON.stringify(fact)))
      script = new PaymentsScript(account, () => this.now(), tell)
      this.#payments.set(account, script)
    }
    return script
  }

  run(program: Program): void {
    const env = {
      ...process.env,
      CREDITS_NATS_URL: this.#nats.url,
      CREDITS_NATS_SEED: this.#seeds[program],
      CREDITS_DATA_DIR: this.#dataDir,
      CREDITS_DATABASE_URL: this.#postgres?.url ?? "",
    }
    const log = process.env["SUBSCRIPTIONS_LOG"] === "1" ? "inherit" : "ignore"
    this.#children.set(
      program,
      spawn(process.execPath, [programs[program]], { env, stdio: ["ignore", log, "inherit"] }),
    )
  }

  async control(program: Program, request: unknown): Promise<ControlAnswer> {
    return JSON.parse(
      await ask(this.bus.connection, CONTROL[program], JSON.stringify(request), 10_000),
    ) as ControlAnswer
  }

  ready(program: Program): Promise<ControlAnswer> {
    return eventually(`${program} is ready`, async () => {
      const status = await this.control(program, { op: "status" }).catch(() => undefined)
      return status?.ready === true ? status : undefined
    })
  }

  async #end(program: Program, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = this.#children.get(program)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once("exit", resolve))
    child.kill(signal)
    await ended
  }

  /** As a crash. */
  kill(program: Program): Promise<void> {
    return this.#end(program, "SIGKILL")
  }

  /** In order, as a supervisor does. */
  terminate(program: Program): Promise<void> {
    return this.#end(program, "SIGTERM")
  }

  /** Moves business time for everybody and has all due work run. */
  async advanceTo(at: number): Promise<void> {
    this.#offset += at - this.now()
    await writeClockSetting(this.bus, { offset: this.#offset, frozenAt: null })
    for (const program of ["ledger", "subscriptions"] as const)
      await this.control(program, { op: "clock", now: this.now(), run: true })
  }

  async ask(op: string, request: Readonly<Record<string, unknown>>): Promise<Reply> {
    const body = { op, ...(op !== "show" && op !== "review-list" && { id: `r${++this.#requests}` }), ...request }
    const text = await ask(this.bus.connection, SUBJECTS.subscriptionsRequest(op), JSON.stringify(body), 20_000)
    return JSON.parse(text) as Reply
  }

  async view(account: string): Promise<SubscriptionView> {
    return (await this.ask("show", { account })).ok as SubscriptionView
  }

  async quote(account: string, plan: string, interval = "monthly"): Promise<QuoteView> {
    return eventually("a quote", async () => {
      const reply = await this.ask("quote", { account, plan, interval })
      return reply.ok as QuoteView | undefined
    })
  }

  async buy(account: string, plan: string, interval = "monthly"): Promise<QuoteView> {
    const quote = await this.quote(account, plan, interval)
    await this.ask("confirm", { account, quoteId: quote.quoteId })
    return quote
  }

  /** Waits until subscriptions shows this. */
  shows(account: string, part: Partial<SubscriptionView>): Promise<SubscriptionView> {
    return eventually(`${account} shows ${JSON.stringify(part)}`, async () => {
      const view = await this.view(account).catch(() => undefined)
      if (view === undefined) return undefined
      const fits = Object.entries(part).every(
        ([name, value]) => JSON.stringify(view[name as keyof SubscriptionView]) === JSON.stringify(value),
      )
      return fits ? view : undefined
    })
  }

  async #ledger(account: string, request: Readonly<Record<string, unknown>>): Promise<Reply> {
    const body = JSON.stringify({ ...request, account })
    return JSON.parse(await askOwner(this.bus.connection, SUBJECTS.ledgerRequest(partitionOf(account)), body)) as Reply
  }

  async wallet(account: string): Promise<WalletAnswer | undefined> {
    return (await this.#ledger(account, { op: "wallet" })).ok as WalletAnswer | undefined
  }

  /** Every grant there ever was: a lot opened twice would show here. */
  async grants(account: string): Promise<ReadonlyArray<string>> {
    const { ok } = await this.#ledger(account, { op: "statement", kind: "granted", limit: 100 })
    return (ok.items as ReadonlyArray<{ readonly cause: string; readonly amount: string }>)
      .map(({ cause, amount }) => `${cause.split(":").slice(0, 2).join(":")} ${BigInt(amount) / 10_000_000n}`)
      .toReversed()
  }

  /** Waits until the ledger holds this. */
  holds(account: string, balanceUsd: string): Promise<WalletAnswer> {
    const wanted = usd(balanceUsd).toString()
    return eventually(`${account} holds ${balanceUsd}`, async () => {
      const wallet = await this.wallet(account)
      return wallet?.balance === wanted ? wallet : undefined
    })
  }

  async use(account: string, cost: string): Promise<void> {
    const usage = "openai|gpt-x|book-1|100|20|0|0|0|0|0|1|ok|req-1"
    const id = `evt-${++this.#requests}`
    const charge: ChargeTuple = [id, account, this.now(), usd(cost).toString(), "", id, usage]
    await publish(this.bus.js, SUBJECTS.ledgerCommand(partitionOf(account)), encodeCharges([charge]))
  }

  /** Facts of one account; a repeat has the id of the first. */
  tale(account: string): ReadonlyArray<string> {
    const own = this.facts.filter((fact) => fact.account === account)
    return own.filter(({ id }, i) => own.findIndex((fact) => fact.id === id) === i).map(({ kind }) => kind)
  }

  tells(account: string, ...kinds: ReadonlyArray<string>): Promise<unknown> {
    return eventually(`${account} tells ${kinds.join(", ")}, told ${this.tale(account).join(", ")}`, () =>
      JSON.stringify(this.tale(account)) === JSON.stringify(kinds) ? true : undefined,
    )
  }

  async stop(): Promise<void> {
    await Promise.all([this.kill("subscriptions"), this.kill("ledger")])
    await Promise.all(this.#readers.map((reader) => reader.close()))
    await closeBus(this.bus)
    await this.#nats.stop()
    await this.#postgres?.stop()
    await rm(this.#dataDir, { recursive: true, force: true })
  }
}

/** One suite over both databases; without Postgres on the machine that half is reported as skipped. */
export const overBothDatabases = (
  name: string,
  suite: (start: () => Promise<System>, dialect: Dialect) => void,
): void => {
  describe(`${name} on sqlite`, () => {
    suite(() => System.start("sqlite"), "sqlite")
  })
  describe.skipIf(findPostgresBinaries() === undefined)(`${name} on postgres`, () => {
    suite(() => System.start("postgres"), "postgres")
  })
}
