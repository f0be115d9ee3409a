/**
 * Payments killed at every boundary there is: between any two of its commits, calls to the processor and facts that go
 * out. Goal: whatever dies where, what was asked happens once, and the processor's book is ours (I6, R10.2).
 * Method: one life of a charge is played again and again, each time dying one boundary later; then whole processes are
 * killed under load.
 */
import { spawn, type ChildProcess } from "node:child_process"
import { join } from "node:path"
import { closeBus, connectBus, type BusHandle } from "@credits/bus"
import {
  SUBJECTS,
  type ChargeAnswer,
  type ChargeView,
  type PaymentsReply,
  type PaymentsRequest,
} from "@credits/contracts"
import { openDatabaseNow, type OpenedDatabase } from "@credits/store"
import { sql } from "kysely"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import {
  allCharges,
  bookDifferences,
  chargeRequest,
  eventually,
  factsOf,
  processorOf,
  quiet,
  startParts,
  WEBHOOK_SECRET,
  type Parts,
} from "./payments.fixture.ts"
import { Processor } from "./processor.ts"
import type { Tables } from "./schema.ts"
import { startPayments, type RunningPayments } from "./service.ts"

const LONG_MS = 240_000
/** Nobody answers while nobody lives. */
const ASK_MS = 400

let parts: Parts
beforeAll(async () => {
  parts = await startParts()
})
afterAll(() => parts.stop())

/** Of the incarnation that is to die. Whoever waits for it then asks the next one. */
let death: Promise<void> = new Promise(() => undefined)

/** Asks until somebody gives an answer that is one. */
const insist = <A>(
  request: PaymentsRequest,
  isAnswer: (reply: PaymentsReply<A>) => boolean,
): Promise<PaymentsReply<A>> =>
  eventually(async () => {
    try {
      const subject = SUBJECTS.paymentsRequest(request.op)
      const asked = parts.bus.connection.request(subject, JSON.stringify(request), { timeout: ASK_MS })
      const reply = await Promise.race([asked, death.then(() => Promise.reject(new Error("it died")))])
      const answer = JSON.parse(reply.string()) as PaymentsReply<A>
      return isAnswer(answer) ? answer : undefined
    } catch {
      return undefined
    }
  }, `${request.op} is answered`)

const isTold = (reply: PaymentsReply<unknown>): boolean => "ok" in reply || reply.refused.code !== "unavailable"
const isDecided = (reply: PaymentsReply<ChargeAnswer>): boolean => "ok" in reply && reply.ok.status === "decided"

/** A process in ours: everything it can do goes through handles that die with it. */
class Incarnation {
  /** Number of the boundary at which it dies; 0: never. */
  #dieAt = 0
  #passed = 0
  #isDead = false
  #bus: BusHandle | undefined
  #database: OpenedDatabase<Tables> | undefined
  #running: RunningPayments | undefined
  #tell: () => void = () => undefined
  readonly died = new Promise<void>((resolve) => {
    this.#tell = resolve
  })

  get isDead(): boolean {
    return this.#isDead
  }

  /** It will die at this boundary from now. */
  arm(dieAt: number): void {
    this.#dieAt = dieAt
    this.#passed = 0
  }

  async start(): Promise<void> {
    this.#bus = await connectBus({ servers: parts.server.url, name: "payments" })
    this.#database = await openDatabaseNow<Tables>({ service: "payments", dataDir: parts.dataDir })
    // The one before it holds its lease for a few seconds; here it has just run out.
    await sql`update saga_owner set lease_until = 0`.execute(this.#database.kysely).catch(() => undefined)
    const { connection } = this.#bus
    const request = connection.request.bind(connection)
    connection.request = (...given) => this.#around(() => request(...given))
    this.#running = await startPayments({
      bus: this.#bus,
      database: { ...this.#database, kysely: this.#mortal(this.#database.kysely) },
      clock: parts.clock,
      processor: this.#mortalProcessor(),
      publishableKey: "pk_test_x",
      webhookSecrets: [WEBHOOK_SECRET],
      chargesPerSecond: 0,
      report: () => undefined,
    })
    this.#running.ended.catch(() => undefined)
  }

  /** Its life is over: it ends in order. */
  async stop(): Promise<void> {
    this.arm(0)
    await this.#running?.stop()
    await closeBus(this.#bus!)
    await this.#database!.close()
  }

  /** Dies here, or passes. What is dead never goes on. */
  async #boundary(): Promise<void> {
    if (!this.#isDead && ++this.#passed === this.#dieAt) this.#die()
    if (this.#isDead) await new Promise<never>(() => undefined)
  }

  /** Between two of them nothing happens that anybody could see: one boundary after each is all there are. */
  async #around<A>(act: () => Promise<A>): Promise<A> {
    if (this.#isDead) await new Promise<never>(() => undefined)
    const result = await act()
    await this.#boundary()
    return result
  }

  #die(): void {
    this.#isDead = true
    void this.#bus?.connection.close()
    void this.#database?.close()
    void this.#running?.stop().catch(() => undefined)
    this.#tell()
  }

  #mortal(kysely: OpenedDatabase<Tables>["kysely"]): OpenedDatabase<Tables>["kysely"] {
    const transaction = () => {
      const begun = kysely.transaction()
      const execute: typeof begun.execute = (act) => this.#around(() => begun.execute(act))
      return { execute } as typeof begun
    }
    return new Proxy(kysely, {
      get: (target, name) => {
        if (name === "transaction") return transaction
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === "function" ? (value.bind(target) as unknown) : value
      },
    })
  }

  #mortalProcessor(): Processor {
    return new Proxy(processorOf(parts), {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== "function") return value
        const call = value.bind(target) as (...given: ReadonlyArray<unknown>) => unknown
        if (name === "close" || name === "events") return call
        return (...given: ReadonlyArray<unknown>) => this.#around(async () => call(...given))
      },
    })
  }
}

/** A decline, another card, a second attempt, a refund; and an obligation that is given up. */
const live = async (n: number): Promise<void> => {
  const account = `acc_life${n}`
  const save = (setupToken: string) =>
    insist({ op: "method-save", account, setupToken, id: `${account}-${setupToken}` }, isTold)
  const request = (obligation: string, attempt: number) =>
    insist<ChargeAnswer>(
      chargeRequest(obligation, { account, attempt, amountCents: 1_000 * attempt, waitMs: ASK_MS / 2 }),
      isDecided,
    )
  await save("tok_insufficient_funds")
  await request(`renewal:life${n}:1`, 1)
  await request(`renewal:life${n}:2`, 1)
  await insist({ op: "charge-close", account, obligation: `renewal:life${n}:2` }, (reply) => {
    return "ok" in reply && (reply.ok as { status: string }).status === "closed"
  })
  await save("tok_ok")
  const second = (await request(`renewal:life${n}:1`, 2)) as { readonly ok: ChargeAnswer }
  const { chargeId } = second.ok.charge
  await insist({ op: "charge-refund", chargeId, by: "ana", reason: "an error" }, (reply) => "ok" in reply)
}

describe("killed at every boundary", () => {
  it(
    "I6 R10.2 each life ends the same, wherever its process died: charged once, told once, the book is ours",
    async () => {
      let lives = 0
      let now = new Incarnation()
      await now.start()
      while (!now.isDead) {
        lives++
        now.arm(lives)
        death = now.died
        const next = now.died.then(async () => {
          death = new Promise(() => undefined)
          const born = new Incarnation()
          await born.start()
          return born
        })
        await live(lives)
        await quiet(parts.bus)
        // It has outlived its boundary: there are no more of them.
        if (!now.isDead) break
        now = await next
      }
      // Commits, calls and facts.
      assert.isAbove(lives, 40)
      now.arm(0)
      assert.deepEqual(await bookDifferences(parts), [])
      const charges = new Map((await allCharges(parts.bus)).map((view) => [view.obligation, view]))
      const told = new Map<string, Set<string>>()
      for (const { id, kind, charge } of await factsOf(parts.bus)) {
        if (charge === null) continue
        const kinds = told.get(charge.obligation) ?? new Set()
        told.set(charge.obligation, kinds.add(`${id} ${kind}`))
      }
      for (let n = 1; n <= lives; n++) {
        const [paid, given] = [charges.get(`renewal:life${n}:1`), charges.get(`renewal:life${n}:2`)]
        assert.deepInclude(paid, { status: "succeeded", amountCents: 2_000, attempt: 2, refunded: true }, `life ${n}`)
        assert.equal(given?.status, "canceled", `life ${n}`)
        const kinds = (view: ChargeView) => [...told.get(view.obligation)!].map((each) => each.split(" ")[1])
        assert.deepEqual(
          kinds(paid!).filter((kind) => kind !== "charge_unknown"),
          ["charge_declined", "charge_succeeded", "charge_refunded"],
          `life ${n}`,
        )
        assert.deepEqual(kinds(given!), ["charge_declined", "charge_canceled"], `life ${n}`)
      }
      await now.stop()
    },
    LONG_MS,
  )
})

describe("killed as a process", () => {
  const children: Array<ChildProcess> = []
  afterAll(() => {
    for (const child of children) child.kill("SIGKILL")
  })
  const startProcess = (): ChildProcess => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], {
      env: {
        ...process.env,
        CREDITS_ENV: "sandbox",
        CREDITS_NATS_URL: parts.server.url,
        CREDITS_DATA_DIR: parts.dataDir,
        CREDITS_STRIPE_API_BASE: parts.sandbox.url,
        CREDITS_CHARGES_PER_SECOND: "0",
      },
      stdio: "ignore",
    })
    children.push(child)
    return child
  }
  const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
    const ended = new Promise((resolve) => child.once("exit", resolve))
    child.kill(signal)
    await ended
  }

  it(
    "I6 kill -9 at any moment under load: every charge is decided, once, and the book is ours",
    async () => {
      let child = startProcess()
      await insist({ op: "method-save", account: "acc_load", setupToken: "tok_ok", id: "load" }, isTold)
      const before = parts.sandbox.book().totals.count
      const asked = Array.from({ length: 150 }, (_, i) =>
        insist<ChargeAnswer>(chargeRequest(`renewal:load:${i}`, { account: "acc_load" }), isDecided),
      )
      for (const share of [0.1, 0.4, 0.7]) {
        // Somewhere in the middle of what is under way, whatever the machine's speed.
        await eventually(
          () => (parts.sandbox.book().totals.count - before >= 150 * share ? true : undefined),
          `${share} of the charges are taken`,
        )
        await end(child, "SIGKILL")
        child = startProcess()
      }
      for (const answer of await Promise.all(asked)) {
        assert.nestedPropertyVal(answer, "ok.charge.status", "succeeded")
      }
      await quiet(parts.bus)
      assert.deepEqual(await bookDifferences(parts), [])
      assert.equal(parts.sandbox.book().totals.count - before, 150)
      await end(child, "SIGTERM")
    },
    LONG_MS,
  )
})
