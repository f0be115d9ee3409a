/**
 * Goal: a model gateway protects and charges its customers whatever happens to it. Method: the whole system as `npm
 * start` runs it. First the client, the same behaviour over NATS and over HTTP; then the reference gateway, called by
 * the official OpenAI client as anybody would.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type BusHandle, closeBus, connectBus } from "@credits/bus"
import { startSystem } from "@credits/testkit"
import { afterAll, beforeAll, describe } from "vitest"
import { callsOverHttp, endedCalls, hostedCalls, killedGateway, refusedCalls } from "./gateway-calls.suite.ts"
import { clientBehaviour } from "./gateway-client.suite.ts"
import { type GatewayTesting, supportOf } from "./gateway-customer.ts"

/** Filled before the first test. */
const testing = {} as GatewayTesting
let bus: BusHandle
const folder = mkdtempSync(join(tmpdir(), "credits-gateway-"))

beforeAll(async () => {
  const system = await startSystem({ readyMs: 50_000 })
  bus = await connectBus({ servers: system.natsUrl, seed: system.seeds.ops, name: "ops" })
  const made = await fetch(`${system.url}/api/v1/dev/gateway-key`, { method: "POST", body: "{}", headers: JSON_BODY })
  const { key } = (await made.json()) as { key: string }
  Object.assign(testing, { system, key, folder, support: supportOf(bus) } satisfies GatewayTesting)
})
afterAll(async () => {
  await closeBus(bus)
  await testing.system.stop()
  rmSync(folder, { recursive: true, force: true })
})

const JSON_BODY = { "content-type": "application/json" }

describe.each(["NATS", "HTTP"] as const)("the client over %s", (way) => {
  clientBehaviour(way, testing)
})
describe("the reference gateway", () => {
  hostedCalls(testing)
  refusedCalls(testing)
  endedCalls(testing)
  callsOverHttp(testing)
  killedGateway(testing)
})
