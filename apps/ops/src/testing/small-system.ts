/**
 * A small stand-in for the services behind a real nats-server: real streams, and answers of the shapes in the
 * contracts.
 * For tests of the command line alone; how the ledger and pricing decide is tested where they live.
 */
import { closeBus, connectBus, provisionStreams, serve, type BusHandle } from "@credits/bus"
import {
  partitions,
  renderAuthorization,
  SUBJECTS,
  type CatalogueAnswer,
  type ControlAnswer,
  type LedgerRequest,
  type PricingRequest,
  type StatementAnswer,
  type WalletAnswer,
} from "@credits/contracts"
import { natsServerForTests } from "@credits/testkit"
import { createUser } from "@nats-io/nkeys"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SmallPaying } from "./paying.ts"
import { SmallWebhooks } from "./webhooks.ts"
import { shellWith, type Shell } from "./terminal.ts"

const AT = Date.UTC(2026, 10, 23, 10)

/** What the stand-in ledger remembers of an account. */
export interface SmallAccount {
  available: bigint
  plan: string
  seq: number
  frozen: string | null
}

const plan = (id: string, rank: number, hostedModels: boolean) => ({
  id,
  name: id,
  rank,
  hostedModels,
  monthly: null,
  yearly: null,
  creditsPerCycleUsd: `${rank * 20}.00`,
  autoTopUp: hostedModels ? { thresholdUsd: "5.00", amountUsd: "10.00" } : null,
  features: [],
})

export const CATALOGUE: CatalogueAnswer = {
  version: "2026-11",
  effectiveAt: AT,
  publishedAt: AT,
  by: "test",
  reason: "",
  data: {
    version: "2026-11",
    effectiveAt: "2026-11-01T00:00:00.000Z",
    plans: [plan("free", 0, false), plan("pro", 2, true)],
  },
}

const wallet = (account: string, state: SmallAccount): WalletAnswer => ({
  account,
  plan: state.plan,
  hostedModels: state.plan !== "free",
  pastDue: false,
  available: state.available.toString(),
  balance: state.available.toString(),
  held: "0",
  debt: "0",
  frozen: "0",
  lots: [],
  cycle: null,
  holds: 0,
  freeze: state.frozen === null ? null : { reason: state.frozen, at: AT },
  totals: { granted: state.available.toString(), spent: "0", expired: "0", revoked: "0" },
  asOf: AT,
  seq: state.seq,
})

const statement = (state: SmallAccount): StatementAnswer => ({
  items: [
    {
      seq: state.seq,
      at: AT,
      recordedAt: AT,
      kind: "adjusted",
      amount: state.available.toString(),
      availableAfter: state.available.toString(),
      description: "adjustment",
      lots: [],
      usage: null,
      cause: "cmd_1",
    },
  ],
  nextCursor: null,
})

/** The same command id is done once per account, as in the ledger. */
const answerLedger = (
  accounts: Map<string, SmallAccount>,
  done: Map<string, string>,
  request: LedgerRequest,
): string => {
  const state = accounts.get(request.account) ?? { available: 0n, plan: "free", seq: 0, frozen: null }
  const ok = (answer: unknown): string => JSON.stringify({ ok: answer })
  const refused = (code: string, detail: string): string => JSON.stringify({ refused: { code, detail } })
  if (request.op === "wallet") return ok(wallet(request.account, state))
  if (request.op === "statement") return ok(statement(state))
  if (!("id" in request)) return refused("invalid", `the stand-in does not know ${request.op}`)
  const key = `${request.account} ${request.id}`
  const first = done.get(key)
  if (first !== undefined) return first
  if (request.op === "adjust") {
    if (state.available + BigInt(request.amount) < 0n)
      return refused("insufficient_balance", "not that much is available")
    state.available += BigInt(request.amount)
  } else if (request.op === "freeze") state.frozen = request.reason
  else if (request.op === "unfreeze") state.frozen = null
  state.seq += 1
  accounts.set(request.account, state)
  const answer = ok({ seq: state.seq, availableAfter: state.available.toString() })
  done.set(key, answer)
  return answer
}

const answerPricing = (request: PricingRequest): string => {
  if (request.op === "catalogue-show") return JSON.stringify({ ok: CATALOGUE })
  if (request.op === "catalogue-publish") {
    const invalid = [{ code: "rank_repeats", field: "plans[1].rank", detail: "rank 0 is taken by free (R0.2)" }]
    const { version } = request.catalogue as { version?: string }
    return JSON.stringify(
      version === undefined
        ? { refused: { code: "invalid", detail: "the catalogue breaks the rules", invalid } }
        : { ok: { version, effectiveAt: AT, published: request.apply } },
    )
  }
  return JSON.stringify({ refused: { code: "no_price_book", detail: "no price book is in force" } })
}

export interface SmallSystem {
  readonly credits: Shell
  readonly bus: BusHandle
  readonly dataDir: string
  readonly natsUrl: string
  /** Of the user that may do everything. */
  readonly allSeed: string
  readonly accounts: Map<string, SmallAccount>
  /** Payments, subscriptions and auto top-up. */
  readonly paying: SmallPaying
  readonly webhooks: SmallWebhooks
  /** What the ledger says of itself; tests change it. */
  readonly status: {
    cursors: Record<string, number>
    /** Of the other services. */
    cursorsOf: Record<string, Record<string, number>>
    ready: boolean
  }
  readonly stop: () => Promise<void>
}

const seedText = (seed: Uint8Array): string => new TextDecoder().decode(seed)

/** The command line signs in with its real permissions; the stand-in is every service at once and may do everything. */
const authorization = (ops: string, all: string): string =>
  renderAuthorization("development", { ops }).replace("users = [", `users = [\n    { nkey: ${all} }`)

export const smallSystem = async (): Promise<SmallSystem> => {
  const ops = createUser()
  const all = createUser()
  const server = await natsServerForTests({ config: authorization(ops.getPublicKey(), all.getPublicKey()) })
  const dataDir = await mkdtemp(join(tmpdir(), "credits-ops-"))
  await mkdir(join(dataDir, "nats"))
  await writeFile(join(dataDir, "nats", "ops.seed"), ops.getSeed())
  const bus = await connectBus({ servers: server.url, name: "small-system", seed: seedText(all.getSeed()) })
  await provisionStreams(bus, { maxBytes: 64 * 1024 * 1024 })
  const accounts = new Map<string, SmallAccount>()
  const done = new Map<string, string>()
  const status: SmallSystem["status"] = { cursors: {}, cursorsOf: {}, ready: true }
  const control = (service: string): string => {
    const answer: ControlAnswer = {
      service,
      ready: status.ready,
      now: Date.now(),
      nextDue: null,
      ran: 0,
      cursors: status.cursorsOf[service] ?? (service === "ledger" ? status.cursors : {}),
      outboxPending: 0,
      openRequests: 0,
      detail: {},
    }
    return JSON.stringify(answer)
  }
  for (const partition of partitions) {
    serve(bus.connection, SUBJECTS.ledgerRequest(partition), (text) =>
      answerLedger(accounts, done, JSON.parse(text) as LedgerRequest),
    )
  }
  for (const service of ["ledger", "pricing", "payments", "subscriptions", "topup", "notifications"]) {
    serve(bus.connection, `${service}.control`, () => control(service))
  }
  const paying = new SmallPaying(bus, accounts)
  const webhooks = new SmallWebhooks(bus)
  serve(bus.connection, SUBJECTS.pricingRequest("*"), (text) => answerPricing(JSON.parse(text) as PricingRequest))
  return {
    credits: shellWith({ CREDITS_DATA_DIR: dataDir, CREDITS_NATS_URL: server.url }),
    bus,
    dataDir,
    natsUrl: server.url,
    allSeed: seedText(all.getSeed()),
    accounts,
    paying,
    webhooks,
    status,
    stop: async () => {
      await closeBus(bus)
      await server.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
