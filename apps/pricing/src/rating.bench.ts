/**
 * CPU of rating per event, in process and without NATS or a database: `node apps/pricing/src/rating.bench.ts`.
 * Events look like a gateway's (about 420 bytes of JSON), messages of 500, 10,000 accounts, 40 messages a batch.
 */
import { defaultPriceBooks } from "@credits/pricebook/defaults"
import { rate } from "./rating.ts"

const MESSAGES = 40
const EVENTS = 500
const AT = Date.parse("2026-11-01T00:00:00.000Z")
const MODELS = ["gpt-5", "claude-sonnet-4-5", "gemini-2.5-pro", "deepseek-v4-pro", "glm-5", "kimi-k2.6", "grok-4.3"]

const event = (n: number): unknown => ({
  specversion: "1.0",
  id: `evt_01jd${String(n).padStart(22, "0")}`,
  source: "gateway/bench",
  type: "ai.usage.v1",
  subject: `acc_${String(n % 10_000).padStart(26, "0")}`,
  time: new Date(AT + n).toISOString(),
  data: {
    requestId: `req_${String(n).padStart(22, "0")}`,
    holdId: `hold_${String(n).padStart(26, "0")}${String(n % 10_000).padStart(26, "0")}`,
    mode: "hosted",
    provider: "openai",
    model: MODELS[n % MODELS.length],
    status: "ok",
    tokens: { convention: "inclusive", input: 1200 + (n % 900), output: 300 + (n % 200), cacheRead: 512 },
  },
})

const text = (batch: number): ReadonlyArray<Uint8Array> =>
  Array.from({ length: MESSAGES }, (_, m) =>
    Buffer.from(JSON.stringify(Array.from({ length: EVENTS }, (_, i) => event((batch * MESSAGES + m) * EVENTS + i)))),
  )

const books = defaultPriceBooks()
const samples: Array<number> = []
const prepared = Array.from({ length: 6 }, (_, batch) => text(batch))
for (let round = 0; round < 60; round++) {
  const bytes = prepared[round % prepared.length]!
  const before = process.cpuUsage()
  const rated = rate(
    bytes.map((body, seq) => ({ seq, body })),
    books,
    AT + 86_400_000,
  )
  const { user, system } = process.cpuUsage(before)
  if (rated.events !== MESSAGES * EVENTS || rated.deadLetters.length > 0) throw new Error("the bench events are bad")
  samples.push((user + system) / rated.events)
}
samples.sort((a, b) => a - b)
const pick = (share: number): string => samples[Math.floor(samples.length * share)]!.toFixed(2)
process.stdout.write(
  `µs CPU per event: p10 ${pick(0.1)}, p50 ${pick(0.5)}, p90 ${pick(0.9)} (${samples.length} batches)\n`,
)
