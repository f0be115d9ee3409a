/**
 * One round of killing: load, `kill -9` of a victim at a random moment, restart, load again, rest, audit. Owns the
 * system under test, the accounts and the gateway over all rounds, so that every audit covers everything accepted since
 * the beginning.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ask, askOwner, type BusHandle, closeBus, connectBus, streamState } from "@credits/bus"
import { type Gateway, openGateway } from "@credits/client"
import { type ControlAnswer, type LedgerReply, STREAMS, SUBJECTS, type WalletAnswer } from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { type Random, random, startSystem, type SystemUnderTest } from "@credits/testkit"
import { differences, type WalletFigures } from "./audit.ts"
import { until, within } from "./facts.ts"
import { GatewayLoad } from "./gateway-load.ts"

export const VICTIMS = ["ledger", "pricing", "nats", "all"] as const
export type Victim = (typeof VICTIMS)[number]

const ACCOUNTS = 24
const GRANT = "1000000000000"
const EVENTS_BEFORE = 250
/** The victim dies after one of these: everything is on its way then. */
const KILL_AFTER_MAX = 200
/** Accepted while the victim is down or coming back. */
const EVENTS_MEANWHILE = 150
const EVENTS_AFTER = 150
const REST_MS = 60_000
const KILLED_AGAIN_SHARE = 0.3

export interface RoundResult {
  readonly victim: Victim
  readonly killedAfter: number
  readonly accepted: number
  /** From the kill until the victim's service answered again, ms. */
  readonly backMs: number
  readonly differences: ReadonlyArray<string>
}

export class ChaosRun {
  readonly seed: number
  readonly #source: Random
  readonly #folder: string
  readonly #dataDir: string
  readonly #accounts: ReadonlyArray<string>
  #system: SystemUnderTest
  readonly #ops: BusHandle
  readonly #gateway: Gateway
  readonly #load: GatewayLoad

  private constructor(
    seed: number,
    folder: string,
    system: SystemUnderTest,
    ops: BusHandle,
    gateway: Gateway,
    accounts: ReadonlyArray<string>,
  ) {
    this.seed = seed
    this.#source = random(seed)
    this.#folder = folder
    this.#dataDir = system.dataDir
    this.#system = system
    this.#ops = ops
    this.#gateway = gateway
    this.#accounts = accounts
    this.#load = new GatewayLoad(gateway, accounts, seed)
  }

  get load(): GatewayLoad {
    return this.#load
  }
  get dataDir(): string {
    return this.#dataDir
  }

  static async start(seed: number): Promise<ChaosRun> {
    const folder = mkdtempSync(join(tmpdir(), "credits-chaos-"))
    const system = await startSystem({ dataDir: join(folder, "data") })
    const ops = await connectBus({ servers: system.natsUrl, seed: system.seeds.ops, name: "ops" })
    const gateway = await openGateway({
      servers: system.natsUrl,
      seed: system.seeds.gateway,
      spool: { directory: join(folder, "spool") },
    })
    await gateway.priced()
    const accounts = Array.from({ length: ACCOUNTS }, (_, i) => `acc_chaos${seed}x${i}`)
    const run = new ChaosRun(seed, folder, system, ops, gateway, accounts)
    for (const account of accounts) {
      await run.#ask({ op: "entitle", id: "plan", account, plan: "plus", hostedModels: true })
      await run.#ask({ op: "grant", id: "credit", account, kind: "promo", amount: GRANT, cause: "chaos" })
    }
    return run
  }

  async #ask<A>(request: { readonly op: string; readonly account: string } & Record<string, unknown>): Promise<A> {
    const subject = SUBJECTS.ledgerRequest(partitionOf(request.account))
    const reply = JSON.parse(await askOwner(this.#ops.connection, subject, JSON.stringify(request))) as LedgerReply<A>
    if ("refused" in reply) throw new Error(`${request.op}: ${reply.refused.code} ${reply.refused.detail}`)
    return reply.ok
  }

  async round(victim: Victim): Promise<RoundResult> {
    const load = this.#load
    const before = load.accepted.size
    const killedAfter = EVENTS_BEFORE + this.#source.below(KILL_AFTER_MAX)
    const isTime = load.more(killedAfter)
    const running = load.run(killedAfter + EVENTS_MEANWHILE)
    await Promise.race([isTime, running])
    const back = this.#kill(victim)
    const backMs = await within(`${victim} is back`, 60_000, back)
    await running
    await load.run(EVENTS_AFTER)
    const wallets = await this.#rest()
    return {
      victim,
      killedAfter,
      accepted: load.accepted.size - before,
      backMs,
      differences: await differences(this.#dataDir, load.accepted, wallets),
    }
  }

  async #kill(victim: Victim): Promise<number> {
    const killedAt = performance.now()
    if (victim === "all") {
      await this.#system.killAll()
      this.#system = await startSystem({ dataDir: this.#dataDir })
    } else {
      // Sometimes once more while it is coming back, before it is ready.
      for (let deaths = this.#source.next() < KILLED_AGAIN_SHARE ? 2 : 1; deaths > 0; deaths--) {
        const pid = this.#system.pidOf(victim)
        if (!this.#system.kill(victim)) throw new Error(`${victim} was not running\n${this.#system.log()}`)
        await this.#system.restarted(victim, pid, 40_000)
      }
    }
    await until(
      `the system is ready after the death of ${victim}`,
      () => this.#statuses(),
      (statuses) => statuses.every(({ ready }) => ready),
    )
    return performance.now() - killedAt
  }

  #statuses(): Promise<ReadonlyArray<ControlAnswer>> {
    const status = async (subject: string): Promise<ControlAnswer> =>
      JSON.parse(await ask(this.#ops.connection, subject, '{"op":"status"}', 1_000)) as ControlAnswer
    return Promise.all([status(SUBJECTS.ledgerControl), status(SUBJECTS.pricingControl)])
  }

  /** Nothing is on its way any more, and nothing is held. */
  async #rest(): Promise<ReadonlyMap<string, WalletFigures>> {
    await within("the spool is empty", REST_MS, this.#gateway.flush())
    const end = async (stream: string): Promise<number> => (await streamState(this.#ops.jsm, stream)).last
    await until(
      "every stream is applied and every outbox empty",
      async () => {
        const [ledger, pricing] = await this.#statuses()
        return {
          usage: (await end(STREAMS.usage.name)) - pricing!.cursors[STREAMS.usage.name]!,
          commands: (await end(STREAMS.ledgerCommands.name)) - ledger!.cursors[STREAMS.ledgerCommands.name]!,
          journal: (await end(STREAMS.ledgerJournal.name)) - pricing!.cursors[STREAMS.ledgerJournal.name]!,
          outbox: ledger!.outboxPending,
          log: this.#system.log().slice(-2_000),
        }
      },
      ({ usage, commands, journal, outbox }) => usage + commands + journal + outbox === 0,
      REST_MS,
    )
    await until(
      "no hold is open",
      () => this.#wallets(),
      (wallets) => [...wallets.values()].every(({ holds }) => holds === 0),
      REST_MS,
    )
    await until(
      "the journal is counted",
      async () => {
        const [ledger, pricing] = await this.#statuses()
        return (
          (await end(STREAMS.ledgerJournal.name)) -
          pricing!.cursors[STREAMS.ledgerJournal.name]! +
          ledger!.outboxPending
        )
      },
      (left) => left === 0,
      REST_MS,
    )
    return this.#wallets()
  }

  async #wallets(): Promise<ReadonlyMap<string, WalletFigures>> {
    const figures = this.#accounts.map(async (account): Promise<[string, WalletFigures]> => {
      const { totals, held, holds } = await this.#ask<WalletAnswer>({ op: "wallet", account })
      return [account, { spent: BigInt(totals.spent), held: BigInt(held), holds }]
    })
    return new Map(await Promise.all(figures))
  }

  /** Dead letters: there must be none, every event of the load is good. */
  async deadLetters(): Promise<number> {
    return (await streamState(this.#ops.jsm, STREAMS.deadLetters.name)).messages
  }

  log(): string {
    return this.#system.log()
  }

  async stop(forget = true): Promise<void> {
    await this.#gateway.close(0)
    await closeBus(this.#ops)
    await this.#system.stop()
    if (forget) rmSync(this.#folder, { recursive: true, force: true })
  }
}
