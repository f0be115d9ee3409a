/**
 * Auto top-up's process beside a real ledger, on a real nats-server with the real permissions, SQLite in a folder.
 * Payments and subscriptions are scripted: answers and facts of the contracts' shapes, nothing decided. Owns the
 * processes' lives and what a test may ask of them.
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
  type PaymentFact,
  type RequestCharge,
  type SubscriptionFact,
  type TopupFact,
  type TopupView,
  type WalletAnswer,
} from "@credits/contracts"
import { partitionOf, usd } from "@credits/kernel"
import { defaultCatalogueData } from "@credits/pricebook/defaults"
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"
import { method, Processor } from "./processor.fixture.ts"
import { PLUS, subscriptionView } from "./topup.fixture.ts"

/** A busy machine with two cores takes its time; a test that passes needs none of it. */
const EVENTUALLY_MS = 30_000

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

/** The bundles, which `npm test` builds before: they start in a tenth of the time of their sources. */
const programs = {
  topup: fileURLToPath(new URL("../dist/main.js", import.meta.url)),
  ledger: fileURLToPath(new URL("../../ledger/dist/main.js", import.meta.url)),
} as const
type Program = keyof typeof programs

const seedText = (seed: Uint8Array): string => new TextDecoder().decode(seed)

export class World {
  readonly nats: TestNatsServer
  readonly bus: BusHandle
  readonly dataDir: string
  readonly #seeds: Readonly<Record<Program, string>>
  readonly #children = new Map<Program, ChildProcess>()
  readonly #processors = new Map<string, Processor>()
  readonly #published = new Map<string, number>()
  /** Accounts whose facts of payments wait. */
  readonly holdsFacts = new Set<string>()
  /** What subscriptions answers to `show`; default: Plus, active. `given`: by support. null: it does not answer. */
  readonly plans = new Map<string, "free" | "given" | null>()
  readonly facts: Array<TopupFact> = []
  readonly letters: Array<DeadLetter> = []
  /** Called before a request for a charge is answered. */
  onCharge: (request: RequestCharge) => void = () => undefined
  offset = 0
  #requests = 0
  #said = 0
  #readers: ReadonlyArray<{ readonly close: () => Promise<void> }> = []

  private constructor(nats: TestNatsServer, bus: BusHandle, dataDir: string, seeds: Readonly<Record<Program, string>>) {
    this.nats = nats
    this.bus = bus
    this.dataDir = dataDir
    this.#seeds = seeds
  }

  static async start(): Promise<World> {
    const [topup, ledger, all] = [createUser(), createUser(), createUser()]
    const keys = { topup: topup.getPublicKey(), ledger: ledger.getPublicKey() }
    // The two services sign in with their own permissions; the test is everybody else and may do everything.
    const config = renderAuthorization("development", keys).replace(
      "users = [",
      `users = [\n    { nkey: ${all.getPublicKey()} }`,
    )
    const nats = await natsServerForTests({ config })
    const bus = await connectBus({ servers: nats.url, name: "world", seed: seedText(all.getSeed()) })
    await provisionStreams(bus, { maxBytes: 64 * 1024 * 1024 })
    const dataDir = await mkdtemp(join(tmpdir(), "credits-topup-"))
    const seeds = { topup: seedText(topup.getSeed()), ledger: seedText(ledger.getSeed()) }
    const world = new World(nats, bus, dataDir, seeds)
    await world.#open()
    return world
  }

  async #open(): Promise<void> {
    const { bus } = this
    const { version } = defaultCatalogueData
    await kvPut(bus, BUCKETS.catalogues, version, JSON.stringify(defaultCatalogueData))
    await kvPut(bus, BUCKETS.catalogues, CURRENT_KEY, JSON.stringify({ v: 1, versions: [{ version, effectiveAt: 0 }] }))
    serve(bus.connection, SUBJECTS.paymentsRequest("charge"), (text) => this.#charge(JSON.parse(text) as RequestCharge))
    serve(bus.connection, SUBJECTS.paymentsRequest("charge-close"), (text) => {
      const { account, obligation } = JSON.parse(text) as { readonly account: string; readonly obligation: string }
      return JSON.stringify({ ok: { status: this.processor(account).close(obligation) ? "closed" : "succeeded" } })
    })
    serve(bus.connection, SUBJECTS.paymentsRequest("method"), (text) => {
      const { account } = JSON.parse(text) as { readonly account: string }
      const { card } = this.processor(account)
      return JSON.stringify({ ok: card === "" ? null : method(card) })
    })
    serve(
      bus.connection,
      SUBJECTS.subscriptionsRequest("show"),
      (text) => {
        const { account } = JSON.parse(text) as { readonly account: string }
        const plan = this.plans.get(account)
        if (plan === null) throw new Error("subscriptions is silent")
        const [status, name] = plan === "free" ? (["free", "free"] as const) : (["active", "plus"] as const)
        const view = subscriptionView(account, status, name, this.now())
        return JSON.stringify({ ok: { ...view, complimentary: plan === "given" } })
      },
      () => undefined,
    )
    this.#readers = [
      this.#read(STREAMS.topups.name, (text) => this.facts.push(JSON.parse(text) as TopupFact)),
      this.#read(STREAMS.deadLetters.name, (text) => this.letters.push(JSON.parse(text) as DeadLetter)),
    ]
    this.run("ledger")
    this.run("topup")
    await Promise.all([this.ready("ledger"), this.ready("topup")])
  }

  #read(stream: string, take: (text: string) => unknown) {
    const onMessage = ({ data }: { readonly data: Uint8Array }) => void take(Buffer.from(data).toString())
    const onGap = ({ reason }: { readonly reason: string }): void => {
      throw new Error(`the test reads ${stream} too late: ${reason}`)
    }
    return orderedReader(this.bus, { stream, filters: [], startSeq: 1, onMessage, onGap })
  }

  now(): number {
    return Date.now() + this.offset
  }

  run(program: Program): void {
    const env = {
      ...process.env,
      CREDITS_NATS_URL: this.nats.url,
      CREDITS_NATS_SEED: this.#seeds[program],
      CREDITS_DATA_DIR: this.dataDir,
      CREDITS_DATABASE_URL: "",
    }
    const log = process.env["TOPUP_LOG"] === "1" ? "inherit" : "ignore"
    this.#children.set(
      program,
      spawn(process.execPath, ["--enable-source-maps", programs[program]], { env, stdio: ["ignore", log, "inherit"] }),
    )
  }

  async #status(program: Program): Promise<ControlAnswer> {
    return this.control(program, { op: "status" })
  }

  async control(program: Program, request: unknown): Promise<ControlAnswer> {
    const subject = program === "topup" ? SUBJECTS.topupControl : SUBJECTS.ledgerControl
    return JSON.parse(await ask(this.bus.connection, subject, JSON.stringify(request), 5_000)) as ControlAnswer
  }

  ready(program: Program): Promise<ControlAnswer> {
    return eventually(`${program} is ready`, async () => {
      const status = await this.#status(program).catch(() => undefined)
      return status?.ready === true ? status : undefined
    })
  }

  /** As a crash. */
  async kill(program: Program): Promise<void> {
    const child = this.#children.get(program)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once("exit", resolve))
    child.kill("SIGKILL")
    await ended
  }

  /** In order, as a supervisor does. */
  async terminate(program: Program): Promise<void> {
    const child = this.#children.get(program)!
    const ended = new Promise((resolve) => child.once("exit", resolve))
    child.kill("SIGTERM")
    await ended
  }

  /** Moves business time for everybody and has all due work run. */
  async advance(ms: number): Promise<void> {
    this.offset += ms
    await writeClockSetting(this.bus, { offset: this.offset, frozenAt: null })
    for (const program of ["ledger", "topup"] as const)
      await this.control(program, { op: "clock", now: this.now(), run: true })
  }

  /** Waits until the ledger has told everything, and auto top-up has applied it and has nothing under way. */
  applied(): Promise<ControlAnswer> {
    return eventually("everything is applied", async () => {
      if ((await this.#status("ledger")).outboxPending > 0) return undefined
      const { cursors, openRequests, outboxPending } = await this.#status("topup")
      const ends = await Promise.all(
        Object.keys(cursors).map(async (stream) => (await this.bus.jsm.streams.info(stream)).state.last_seq),
      )
      const isApplied = Object.values(cursors).every((cursor, i) => cursor === ends[i])
      const isQuiet = openRequests === 0 && outboxPending === 0
      return isApplied && isQuiet ? await this.#status("topup") : undefined
    })
  }

  processor(account: string): Processor {
    let processor = this.#processors.get(account)
    if (processor === undefined) this.#processors.set(account, (processor = new Processor(account)))
    return processor
  }

  async #charge(request: RequestCharge): Promise<string> {
    const { account, obligation, amountCents } = request
    const processor = this.processor(account)
    const ok = processor.charge(obligation, amountCents, this.now())
    this.onCharge(request)
    if (!this.holdsFacts.has(account)) await this.tellFacts(account)
    return JSON.stringify({ ok })
  }

  /** Facts of payments that were not published yet. */
  async tellFacts(account: string): Promise<void> {
    const { facts } = this.processor(account)
    for (let n = this.#published.get(account) ?? 0; n < facts.length; n++) {
      this.#published.set(account, n + 1)
      await this.publishFact(facts[n]!)
    }
  }

  async publishFact(fact: PaymentFact): Promise<void> {
    await publish(this.bus.js, SUBJECTS.paymentsFact, JSON.stringify(fact))
  }

  async tellSubscription(
    account: string,
    kind: SubscriptionFact["kind"],
    status: "free" | "active" | "canceling" | "past_due",
  ): Promise<void> {
    const subscription = subscriptionView(account, status, status === "free" ? "free" : "plus", this.now())
    const id = `subs_${(this.#said += 1)}`
    const autoTopUp = status === "free" ? null : PLUS
    const fact: SubscriptionFact = { v: 1, id, kind, account, at: this.now(), subscription, autoTopUp, detail: {} }
    await publish(this.bus.js, SUBJECTS.subscriptionsFact, JSON.stringify(fact))
  }

  async ledger(account: string, request: Readonly<Record<string, unknown>>): Promise<Reply> {
    const body = JSON.stringify({ id: `world-${(this.#requests += 1)}`, ...request, account })
    return JSON.parse(await askOwner(this.bus.connection, SUBJECTS.ledgerRequest(partitionOf(account)), body)) as Reply
  }

  /** undefined: the ledger is away. */
  async wallet(account: string): Promise<WalletAnswer | undefined> {
    const body = JSON.stringify({ op: "wallet", account })
    const text = await askOwner(this.bus.connection, SUBJECTS.ledgerRequest(partitionOf(account)), body)
    return (JSON.parse(text) as Reply).ok as WalletAnswer | undefined
  }

  /** A plan with the threshold of Plus, and credit. */
  async entitle(account: string, creditUsd: string): Promise<void> {
    const entitle = { op: "entitle", plan: "plus", hostedModels: true, lowBelow: usd("5").toString() }
    await this.ledger(account, entitle)
    if (creditUsd === "0") return
    const grant = { op: "grant", kind: "plan", amount: usd(creditUsd).toString(), cause: "cycle" }
    await this.ledger(account, grant)
  }

  async use(account: string, ...costs: ReadonlyArray<string>): Promise<void> {
    const usage = "openai|gpt-x|book-1|100|20|0|0|0|0|0|1|ok|req-1"
    const charges = costs.map((cost): ChargeTuple => [
      `evt-${(this.#requests += 1)}`,
      account,
      this.now(),
      usd(cost).toString(),
      "",
      `h${this.#requests}`,
      usage,
    ])
    await publish(this.bus.js, SUBJECTS.ledgerCommand(partitionOf(account)), encodeCharges(charges))
  }

  async topup(account: string, request: Readonly<Record<string, unknown>> & { readonly op: string }): Promise<Reply> {
    const body = JSON.stringify({ ...request, account })
    return JSON.parse(await ask(this.bus.connection, SUBJECTS.topupRequest(request.op), body, 10_000)) as Reply
  }

  enable(account: string, monthlyCapCents: number, id = `enable-${(this.#requests += 1)}`): Promise<Reply> {
    return this.topup(account, { op: "enable", id, monthlyCapCents, consent: { textVersion: "v1", source: "web" } })
  }

  async view(account: string): Promise<TopupView> {
    return (await this.topup(account, { op: "show" })).ok as TopupView
  }

  /** Waits until auto top-up shows this. */
  shows(account: string, part: Partial<TopupView>): Promise<TopupView> {
    return eventually(`${account} shows ${JSON.stringify(part)}`, async () => {
      const view = await this.view(account).catch(() => undefined)
      if (view === undefined) return undefined
      const fits = Object.entries(part).every(([name, value]) => view[name as keyof TopupView] === value)
      return fits ? view : undefined
    })
  }

  /** Waits until the ledger holds this. */
  holds(account: string, balanceUsd: string): Promise<WalletAnswer> {
    const wanted = usd(balanceUsd).toString()
    return eventually(`${account} holds ${balanceUsd}`, async () => {
      const wallet = await this.wallet(account)
      return wallet?.balance === wanted ? wallet : undefined
    })
  }

  /** Facts of one account; a repeat has the id of the first. */
  tale(account: string): ReadonlyArray<string> {
    const own = this.facts.filter((fact) => fact.account === account)
    return own.filter(({ id }, i) => own.findIndex((fact) => fact.id === id) === i).map(({ kind }) => kind)
  }

  tells(account: string, ...kinds: ReadonlyArray<string>): Promise<unknown> {
    return eventually(`${account} tells ${kinds.join(", ")}`, () =>
      JSON.stringify(this.tale(account)) === JSON.stringify(kinds) ? true : undefined,
    )
  }

  async stop(): Promise<void> {
    await Promise.all([this.kill("topup"), this.kill("ledger")])
    await Promise.all(this.#readers.map((reader) => reader.close()))
    await closeBus(this.bus)
    await this.nats.stop()
    await rm(this.dataDir, { recursive: true, force: true })
  }
}
