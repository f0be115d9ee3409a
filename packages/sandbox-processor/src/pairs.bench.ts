/**
 * How many create-and-confirm pairs the processor takes a second, with its file, from another process over kept-alive
 * connections: node packages/sandbox-processor/src/pairs.bench.ts [seconds] [connections]
 */
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { Agent, request } from "node:http"
import { createServer, type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

const seconds = Number(process.argv[2] ?? 10)
const connections = Number(process.argv[3] ?? 16)

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

const folder = mkdtempSync(join(tmpdir(), "sandbox-bench-"))
const port = await freePort()
const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], {
  env: { ...process.env, CREDITS_DATA_DIR: folder, CREDITS_SANDBOX_PORT: String(port) },
  stdio: ["ignore", "ignore", "inherit"],
})
const agent = new Agent({ keepAlive: true, maxSockets: connections })

interface Answer {
  readonly id: string
  readonly status: string
}

const post = (path: string, body: string, key: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = {
      authorization: "Bearer sk_test_bench",
      "content-type": "application/x-www-form-urlencoded",
      "content-length": Buffer.byteLength(body),
      ...(key === "" ? {} : { "idempotency-key": key }),
    }
    const sent = request({ agent, host: "127.0.0.1", port, path, method: "POST", headers }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("end", () => resolve(JSON.parse(Buffer.concat(chunks).toString()) as Answer))
    })
    sent.on("error", reject)
    sent.end(body)
  })

const isUp = async (): Promise<boolean> =>
  (await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined)) !== undefined
while (!(await isUp())) await new Promise((resolve) => setTimeout(resolve, 20))

const customer = await post("/v1/customers", "", "")
const token = await post("/v1/payment_methods", "type=card&card[token]=tok_ok", "")
const method = await post(`/v1/payment_methods/${token.id}/attach`, `customer=${customer.id}`, "")

/** Processor time of the server so far (ms): what counts on a machine with other work. 0 where there is no /proc. */
const processorMs = (): number => {
  const file = `/proc/${child.pid}/stat`
  if (!existsSync(file)) return 0
  const fields = readFileSync(file, "utf8")
    .replace(/^.*\) /, "")
    .split(" ")
  // Ticks of 10 ms: user and system.
  return (Number(fields[11]) + Number(fields[12])) * 10
}

const processorAtStartMs = processorMs()
const endsAt = performance.now() + seconds * 1_000
let pairs = 0
const tookMs: Array<number> = []
const caller = async (number: number): Promise<void> => {
  for (let i = 0; performance.now() < endsAt; i++) {
    const charge = `chg_${number}_${i}`
    const metadata = `metadata[charge_id]=${charge}&metadata[account]=acc_${number}&metadata[obligation]=topup:${charge}`
    const startedAt = performance.now()
    const create = `amount=2500&currency=usd&customer=${customer.id}&${metadata}`
    const intent = await post("/v1/payment_intents", create, `${charge}:create`)
    const confirm = `payment_method=${method.id}&off_session=true`
    const paid = await post(`/v1/payment_intents/${intent.id}/confirm`, confirm, `${charge}:confirm:1`)
    if (paid.status !== "succeeded") throw new Error(JSON.stringify(paid))
    tookMs.push(performance.now() - startedAt)
    pairs++
  }
}
await Promise.all(Array.from({ length: connections }, (_, number) => caller(number)))
tookMs.sort((a, b) => a - b)
const at = (share: number): string => `${(tookMs[Math.floor(tookMs.length * share)] ?? 0).toFixed(1)} ms`
const perPair = ((processorMs() - processorAtStartMs) / pairs).toFixed(2)
process.stdout.write(
  `${Math.round(pairs / seconds)} pairs/s, p50 ${at(0.5)}, p99 ${at(0.99)}, ` +
    `${perPair} ms of the server's processor time a pair, ${pairs} pairs\n`,
)
child.kill("SIGTERM")
await new Promise((resolve) => child.once("exit", resolve))
agent.destroy()
rmSync(folder, { recursive: true, force: true })
