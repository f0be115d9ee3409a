/** Goal: a collector can do nothing to us. Method: a real HTTP server that takes, refuses, fails and hangs. */
import { createServer, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { Exporter, SPANS_QUEUED_MAX } from "./exporter.ts"
import type { SpanRecord } from "./span.ts"
import { rootContext } from "./trace-context.ts"

let server: Server
let status: number | "hang"
let taken: number
const hanging = new Set<ServerResponse>()

beforeEach(async () => {
  status = 200
  taken = 0
  server = createServer((request, response) => {
    let text = ""
    request.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
    request.on("end", () => {
      if (status === "hang") return void hanging.add(response)
      if (status === 200) taken += JSON.parse(text).resourceSpans[0].scopeSpans[0].spans.length
      response.writeHead(status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
})
afterEach(async () => {
  for (const response of hanging) response.destroy()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const exporterHere = () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`
  return new Exporter({ url, headers: {}, resource: { "service.name": "test" } })
}
const span = (): SpanRecord => ({
  context: rootContext(),
  name: "test",
  kind: "internal",
  startMs: 1,
  endMs: 2,
  attributes: {},
  links: [],
})
const push = (exporter: Exporter, count: number) => {
  for (let i = 0; i < count; i++) exporter.push(span())
}

describe("the exporter", () => {
  it("sends everything before it stops, in several requests", async () => {
    const exporter = exporterHere()
    push(exporter, 1_200)
    await exporter.stop()
    expect(taken).toBe(1_200)
    expect(exporter.metrics).toMatchObject({ spansExported: 1_200, spansDropped: 0, spansQueued: 0 })
  })

  it("keeps a bounded number of spans for a collector that does not answer, and counts the others", async () => {
    status = "hang"
    const exporter = exporterHere()
    push(exporter, SPANS_QUEUED_MAX + 100)
    expect(exporter.metrics).toMatchObject({ spansQueued: SPANS_QUEUED_MAX, spansDropped: 100 })
    const began = performance.now()
    await exporter.stop()
    expect(performance.now() - began).toBeLessThan(10_000)
    expect(taken).toBe(0)
  })

  it("drops what a collector refuses for good, and keeps what it only fails to take", async () => {
    const exporter = exporterHere()
    status = 503
    push(exporter, 3)
    await exporter.stop()
    expect(exporter.metrics).toMatchObject({ spansQueued: 3, spansDropped: 0, exportFailures: 1 })
    status = 400
    await exporter.stop()
    expect(exporter.metrics).toMatchObject({ spansQueued: 0, spansDropped: 3 })
  })
})
