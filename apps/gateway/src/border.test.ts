/**
 * Goal: whatever comes to the gateway's border is answered in OpenAI's shape with a status that says whose mistake it
 * is. Method: the real listener on a socket; the caller is known, nobody is asked for credit.
 */
import { createServer, request as httpRequest, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { makeId } from "@credits/kernel"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Callers } from "./callers.ts"
import { CustomerAnswer } from "./customer-answer.ts"
import { Endpoints, type EndpointParts } from "./endpoints.ts"
import { simulatedProviders } from "./provider.ts"
import { relayWhole } from "./relay.ts"

const BODY_BYTES_MAX = 16 * 1024 * 1024

let server: Server
let port = 0
const reports: Array<string> = []

beforeAll(async () => {
  const account = makeId("acc", 0, new Uint8Array(10))
  const gateway = {
    models: ["gpt-5"],
    quote: (model: string) => (model === "gpt-5" ? { amount: 1n } : { code: "model_unknown", detail: "" }),
    callerOf: () => Promise.resolve({ ok: { account } }),
  }
  const nothing = () => undefined
  const parts = {
    gateway,
    callers: new Callers(gateway as never),
    providers: simulatedProviders,
    hosted: {},
    byok: {},
    metrics: { requestAnswered: nothing },
    isReady: () => true,
    renderMetrics: () => Promise.resolve(""),
    now: () => 0,
    report: (text: string) => void reports.push(text),
  } as unknown as EndpointParts
  server = createServer(new Endpoints(parts).listener)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

interface Answer {
  readonly status: number
  readonly text: string
  readonly scheme?: string | undefined
}

/** On a connection of its own; the path goes out as it is. */
const send = (method: string, path: string, bytes = 0, credential = "Bearer somebody"): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: credential, "content-type": "application/json" }
    const client = httpRequest({ port, host: "127.0.0.1", method, path, headers, agent: false }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
      const scheme = response.headers["www-authenticate"]
      response.on("end", () => resolve({ status: response.statusCode!, text, scheme }))
    })
    client.on("error", reject)
    const piece = Buffer.alloc(64 * 1024, 0x20)
    for (let sent = 0; sent < bytes; sent += piece.length) client.write(piece)
    client.end()
  })

describe("the gateway's border", () => {
  it.each(["%E0%A4%A", "%", "%ff", "no-such-model", "..%2f..%2fv1", "x".repeat(2_000)])(
    "a model named %s is none: 404, and nothing of ours failed",
    async (name) => {
      const { status, text } = await send("GET", `/v1/models/${name}`)
      expect([status, JSON.parse(text)]).toMatchObject([404, { error: { code: "model_not_found", param: "model" } }])
      expect(reports).toEqual([])
    },
  )

  it("who is not known is told how to say who they are (RFC 9110)", async () => {
    const { status, scheme } = await send("GET", "/v1/models", 0, "Basic eDp5")
    expect([status, scheme]).toEqual([401, "Bearer"])
  })

  it("a body beyond the limit is 413, which its sender can read", async () => {
    const { status, text } = await send("POST", "/v1/chat/completions", BODY_BYTES_MAX + 1)
    expect([status, JSON.parse(text)]).toMatchObject([413, { error: { code: "body_too_large" } }])
  })
})

describe("a provider that answers JSON of another shape", () => {
  it.each(["null", "[]", "1", '"text"', "true"])("%s is a failed call, refused and costing nothing", async (body) => {
    const said: Array<Answer> = []
    const customer = { isGone: false, refuse: ({ status }: { status: number }) => said.push({ status, text: "" }) }
    const { end, finish } = await relayWhole(new Response(body), customer as unknown as CustomerAnswer, "gpt-5")
    expect(end).toEqual({ status: "failed", usage: null, produced: 0 })
    await finish()
    expect(said).toEqual([{ status: 502, text: "" }])
  })
})
