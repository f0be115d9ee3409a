/**
 * `node apps/payments/src/charges.bench.ts [CHARGES]`: how many charges a second payments brings from the request to
 * the published fact, over a real bus, SQLite and the sandbox processor as its own process, without pacing.
 */
import { spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { closeBus, connectBus, provisionStreams, realClock } from "@credits/bus"
import { SUBJECTS, type ChargeAnswer } from "@credits/contracts"
import { openDatabaseNow } from "@credits/store"
import { natsServerForTests } from "@credits/testkit"
import { Processor } from "./processor.ts"
import type { Tables } from "./schema.ts"
import { startPayments } from "./service.ts"

const CHARGES = Number(process.argv[2] ?? 2_000)
/** Asked at a time: a renewal night's worth of waiting subscriptions. */
const AT_A_TIME = 64
const SANDBOX = join(import.meta.dirname, "../../../packages/sandbox-processor/src/main.ts")

const dataDir = await mkdtemp(join(tmpdir(), "credits-payments-bench-"))
const server = await natsServerForTests()
const bus = await connectBus({ servers: server.url, name: "payments" })
await provisionStreams(bus)
const sandbox = spawn(process.execPath, [SANDBOX], {
  env: {
    ...process.env,
    CREDITS_ENV: "development",
    CREDITS_SANDBOX_PORT: "0",
    CREDITS_DATA_DIR: dataDir,
    CREDITS_NATS_URL: server.url,
  },
  stdio: ["ignore", "pipe", "pipe"],
})
const url = await new Promise<string>((resolve) => {
  const hear = (chunk: Buffer): void => {
    const found = /(http:\/\/[\d.]+:\d+)/.exec(chunk.toString())
    if (found !== null) resolve(found[1]!)
  }
  sandbox.stdout.on("data", hear)
  sandbox.stderr.on("data", hear)
})
const database = await openDatabaseNow<Tables>({ service: "payments", dataDir })
const payments = await startPayments({
  bus,
  database,
  clock: realClock,
  processor: new Processor({ secretKey: "sk_test_x", apiBase: new URL(url) }),
  publishableKey: "pk",
  webhookSecrets: ["whsec_x"],
  chargesPerSecond: 0,
  report: (level, text) => void process.stderr.write(`${level} ${text}\n`),
})

const ask = async <A>(op: string, request: object): Promise<A> => {
  const text = JSON.stringify({ op, ...request })
  const reply = await bus.connection.request(SUBJECTS.paymentsRequest(op), text, { timeout: 30_000 })
  return JSON.parse(reply.string()) as A
}
await ask("method-save", { account: "acc_one", setupToken: "tok_ok", id: "bench" })

let next = 0
const times: Array<number> = []
const asker = async (): Promise<void> => {
  for (let n = next++; n < CHARGES; n = next++) {
    const request = { account: "acc_one", kind: "renewal", attempt: 1, amountCents: 2_000, present: false }
    const began = performance.now()
    const obligation = `renewal:bench:${n}`
    const answer = await ask<{ ok: ChargeAnswer }>("charge", { ...request, obligation, description: "bench" })
    times.push(performance.now() - began)
    if (answer.ok.charge.status !== "succeeded") throw new Error(JSON.stringify(answer))
  }
}
const began = performance.now()
await Promise.all(Array.from({ length: AT_A_TIME }, asker))
const seconds = (performance.now() - began) / 1_000
times.sort((a, b) => a - b)
const at = (share: number): string => times[Math.floor(times.length * share)]!.toFixed(0)
process.stdout.write(
  `${CHARGES} charges, ${AT_A_TIME} at a time: ${(CHARGES / seconds).toFixed(0)}/s, ` +
    `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms\n`,
)
await payments.stop()
await closeBus(bus)
await database.close()
sandbox.kill("SIGTERM")
await server.stop()
await rm(dataDir, { recursive: true, force: true })
