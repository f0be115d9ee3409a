/** A stand-in for the sandbox processor's control calls: a book, and charges that wait for the bank's check. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

export interface StubProcessor {
  readonly url: string
  book: ReadonlyArray<object>
  /** Charge id → status of its intent after the check. */
  waiting: Record<string, string>
  /** Bodies of authentications, in order. */
  readonly authenticated: Array<unknown>
  close(): Promise<void>
}

export const startStubProcessor = async (): Promise<StubProcessor> => {
  const server = createServer((request, response) => {
    let body = ""
    request.on("data", (chunk: Buffer) => (body += chunk.toString()))
    request.on("end", () => {
      const send = (status: number, json: unknown): void => {
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json))
      }
      if (request.url === "/__sandbox/charges") return send(200, { items: stub.book, totals: {} })
      const id = request.url?.replace("/__sandbox/authenticate/", "") ?? ""
      const status = stub.waiting[id]
      if (status === undefined) return send(404, { error: { type: "invalid_request_error" } })
      stub.authenticated.push(JSON.parse(body))
      send(200, { id: "pi_1", object: "payment_intent", status })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const stub: StubProcessor = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    book: [],
    waiting: { chg_1: "succeeded" },
    authenticated: [],
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
  return stub
}
