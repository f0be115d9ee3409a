/**
 * What payments' tests share: real nats-server, real database, the sandbox processor with its clock and its webhooks,
 * and payments running over them.
 */
import { createServer, type Server } from "node:http"
import { mkdtemp, rm } from "node:fs/promises"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  closeBus,
  connectBus,
  orderedReader,
  provisionStreams,
  type BusHandle,
  type ClockSetting,
  type RunningClock,
} from "@credits/bus"
import {
  STREAMS,
  SUBJECTS,
  type ChargeAnswer,
  type ChargeView,
  type ControlAnswer,
  type PaymentFact,
  type PaymentsReply,
  type PaymentsRequest,
} from "@credits/contracts"
import { startSandboxProcessor, type SandboxProcessor } from "@credits/sandbox-processor"
import { openDatabaseNow, type OpenedDatabase } from "@credits/store"
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"
import { Processor } from "./processor.ts"
import type { Tables } from "./schema.ts"
import { startPayments, type PaymentsOptions, type RunningPayments } from "./service.ts"

export const START = Date.UTC(2027, 0, 15)
export const WEBHOOK_SECRET = "whsec_test"
/** Long enough for a busy machine's answer, short enough to wait for a lost one. */
const CALL_MS = 1_000
/** A busy machine with two cores takes its time; a test that passes needs none of it. */
const EVENTUALLY_MS = 30_000

/** Polls for a fact until it holds. */
export const eventually = async <A>(look: () => Promise<A | undefined> | A | undefined, what: string): Promise<A> => {
  const until = performance.now() + EVENTUALLY_MS
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > until) throw new Error(`not within ${EVENTUALLY_MS} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A business clock that a test moves, frozen or running on from where it was put. */
export interface TestClock extends RunningClock {
  readonly set: (now: number) => void
  readonly freeze: (now: number) => void
  /** The clock was moved there, and here it is only known once it is read. */
  readonly moveUnheard: (now: number) => void
}
export const testClock = (at: number): TestClock => {
  const listeners = new Set<() => void>()
  let setting: ClockSetting = { offset: at - Date.now(), frozenAt: null }
  let unheard: ClockSetting | null = null
  const change = (next: ClockSetting): void => {
    setting = next
    for (const listener of listeners) listener()
  }
  return {
    now: () => setting.frozenAt ?? Date.now() + setting.offset,
    get setting() {
      return setting
    },
    refresh: async () => {
      if (unheard !== null) change(unheard)
      unheard = null
    },
    onChange: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    stop: () => undefined,
    moveUnheard: (now) => void (unheard = { offset: now - Date.now(), frozenAt: null }),
    set: (now) => change({ offset: now - Date.now(), frozenAt: null }),
    freeze: (now) => change({ offset: 0, frozenAt: now }),
  }
}

export interface Parts {
  readonly server: TestNatsServer
  readonly bus: BusHandle
  readonly dataDir: string
  readonly database: OpenedDatabase<Tables>
  readonly clock: TestClock
  readonly sandbox: SandboxProcessor
  readonly stop: () => Promise<void>
}

/** What the edge does with the processor's webhooks. */
const webhookServer = async (bus: BusHandle): Promise<Server> => {
  const forward = async (body: Buffer, signature: string): Promise<number> => {
    const text = JSON.stringify({ op: "webhook", body: body.toString("base64"), signature })
    try {
      const reply = await bus.connection.request(SUBJECTS.paymentsRequest("webhook"), text, { timeout: 5_000 })
      return "ok" in (JSON.parse(reply.string()) as object) ? 200 : 400
    } catch {
      return 503
    }
  }
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const signature = String(request.headers["stripe-signature"])
      void forward(Buffer.concat(chunks), signature).then((status) => response.writeHead(status).end())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return server
}

export interface PartsOptions {
  readonly databaseUrl?: string
  /** The processor sends its events. */
  readonly webhooks?: boolean
}

export const startParts = async (options: PartsOptions = {}): Promise<Parts> => {
  const server = await natsServerForTests()
  const bus = await connectBus({ servers: server.url, name: "payments" })
  await provisionStreams(bus)
  const dataDir = await mkdtemp(join(tmpdir(), "credits-payments-"))
  const database = await openDatabaseNow<Tables>({ service: "payments", dataDir, databaseUrl: options.databaseUrl })
  const clock = testClock(START)
  const hooks = options.webhooks === true ? await webhookServer(bus) : undefined
  const port = hooks === undefined ? 0 : (hooks.address() as AddressInfo).port
  const sandbox = await startSandboxProcessor({
    port: 0,
    now: () => clock.now(),
    webhook: hooks === undefined ? null : { url: `http://127.0.0.1:${port}/`, secret: WEBHOOK_SECRET },
  })
  return {
    server,
    bus,
    dataDir,
    database,
    clock,
    sandbox,
    stop: async () => {
      await sandbox.close()
      hooks?.closeAllConnections()
      hooks?.close()
      await closeBus(bus)
      await database.close()
      await server.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export const processorOf = (parts: Pick<Parts, "sandbox">): Processor =>
  new Processor({ secretKey: "sk_test_x", apiBase: new URL(parts.sandbox.url), timeoutMs: CALL_MS })

export interface TestPayments extends RunningPayments {
  readonly reports: ReadonlyArray<string>
}

export const startTestPayments = async (parts: Parts, change: Partial<PaymentsOptions> = {}): Promise<TestPayments> => {
  const reports: Array<string> = []
  const running = await startPayments({
    bus: parts.bus,
    database: parts.database,
    clock: parts.clock,
    processor: processorOf(parts),
    publishableKey: "pk_test_x",
    webhookSecrets: [WEBHOOK_SECRET],
    chargesPerSecond: 0,
    report: (level, text) => void reports.push(`${level} ${text}`),
    ...change,
  })
  return { ...running, reports }
}

/** One question over the bus, as the edge and the other services ask. */
export const ask = async <A>(bus: BusHandle, request: PaymentsRequest): Promise<PaymentsReply<A>> => {
  const subject = SUBJECTS.paymentsRequest(request.op)
  const reply = await bus.connection.request(subject, JSON.stringify(request), { timeout: 20_000 })
  return JSON.parse(reply.string()) as PaymentsReply<A>
}

export const okOf = <A>(reply: PaymentsReply<A>): A => {
  if ("refused" in reply) throw new Error(`refused: ${JSON.stringify(reply.refused)}`)
  return reply.ok
}

export type ChargeRequest = Extract<PaymentsRequest, { op: "charge" }>

export const chargeRequest = (obligation: string, change: Partial<ChargeRequest> = {}): ChargeRequest => ({
  op: "charge",
  account: "acc_one",
  obligation,
  kind: obligation.slice(0, obligation.indexOf(":")) as ChargeRequest["kind"],
  attempt: 1,
  amountCents: 2_000,
  description: "Plus, January",
  present: false,
  ...change,
})

export const charge = async (bus: BusHandle, request: ChargeRequest): Promise<ChargeAnswer> =>
  okOf(await ask<ChargeAnswer>(bus, request))

let saves = 0
export const saveCard = (bus: BusHandle, account: string, setupToken: string): Promise<PaymentsReply<unknown>> =>
  ask(bus, { op: "method-save", account, setupToken, id: `save-${++saves}` })

/** Every charge there is, newest first. */
export const allCharges = async (bus: BusHandle): Promise<ReadonlyArray<ChargeView>> => {
  const items: Array<ChargeView> = []
  let cursor: string | undefined
  do {
    const request = { op: "charge-list", limit: 200, ...(cursor === undefined ? {} : { cursor }) } as const
    const page = okOf(await ask<{ items: Array<ChargeView>; nextCursor: string | null }>(bus, request))
    items.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return items
}

const controlOf = async (bus: BusHandle, request: object, timeout: number): Promise<ControlAnswer> => {
  const reply = await bus.connection.request(SUBJECTS.paymentsControl, JSON.stringify(request), { timeout })
  return JSON.parse(reply.string()) as ControlAnswer
}

export const statusNow = (bus: BusHandle): Promise<ControlAnswer> => controlOf(bus, { op: "status" }, 1_000)

/** Nothing is under way or unpublished. */
export const quiet = (bus: BusHandle): Promise<ControlAnswer> =>
  eventually(async () => {
    // Between two lives nobody answers.
    const status = await statusNow(bus).catch(() => undefined)
    return status?.ready === true && status.openRequests === 0 && status.outboxPending === 0 ? status : undefined
  }, "payments is quiet")

/** Moves the clock as the edge does: from due instant to due instant, each until everything is quiet. */
export const advance = async (parts: Pick<Parts, "bus" | "clock">, ms: number): Promise<void> => {
  const { bus, clock } = parts
  const to = clock.now() + ms
  clock.freeze(clock.now())
  await quiet(bus)
  for (;;) {
    const { nextDue } = await quiet(bus)
    const next = nextDue === null || nextDue > to ? to : Math.max(nextDue, clock.now())
    clock.freeze(next)
    await controlOf(bus, { op: "clock", now: next, run: true }, 20_000)
    const after = await quiet(bus)
    if (next === to && (after.nextDue === null || after.nextDue > to)) break
  }
  clock.set(to)
}

/** Facts published so far, in order. */
export const factsOf = async (bus: BusHandle): Promise<ReadonlyArray<PaymentFact>> => {
  const { state } = await bus.jsm.streams.info(STREAMS.payments.name)
  const facts: Array<PaymentFact> = []
  if (state.messages === 0) return facts
  await new Promise<void>((resolve, reject) => {
    const reader = orderedReader(bus, {
      stream: STREAMS.payments.name,
      filters: [],
      startSeq: state.first_seq,
      onMessage: ({ seq, data }) => {
        facts.push(JSON.parse(Buffer.from(data).toString()) as PaymentFact)
        if (seq === state.last_seq) void reader.close().then(resolve)
      },
      onGap: (gap) => reject(new Error(`the test reads the facts too late: ${gap.reason}`)),
    })
  })
  return facts
}

/** Answers leave with the commit, facts a moment after it: what is decided is waited for. */
export const factKinds = async (bus: BusHandle, obligation: string): Promise<ReadonlyArray<string>> => {
  await eventually(
    async () => ((await statusNow(bus)).outboxPending === 0 ? true : undefined),
    "what is decided is published",
  )
  return (await factsOf(bus)).filter((fact) => fact.charge?.obligation === obligation).map(({ kind }) => kind)
}

/** The processor's book says the same as our own charges: once each, the same amounts, nothing else. */
export const bookDifferences = async (parts: Pick<Parts, "bus" | "sandbox">): Promise<ReadonlyArray<string>> => {
  const ours = new Map(
    (await allCharges(parts.bus)).filter(({ status }) => status === "succeeded").map((view) => [view.obligation, view]),
  )
  const differences: Array<string> = []
  for (const { obligation, amountCents, chargeId, status } of parts.sandbox.book().items) {
    const view = ours.get(obligation ?? "")
    if (view === undefined) differences.push(`${obligation}: ${amountCents} taken, not ours or twice`)
    else if (view.chargeId !== chargeId || view.amountCents !== amountCents) differences.push(`${obligation}: other`)
    else if (view.refunded !== (status === "refunded")) differences.push(`${obligation}: refund`)
    ours.delete(obligation ?? "")
  }
  return [...differences, ...[...ours.keys()].map((obligation) => `${obligation}: not taken`)]
}
