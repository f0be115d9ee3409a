/**
 * Goal: a webhook is what the Standard Webhooks convention says, and goes nowhere it must not (R11). Method: a real
 * HTTP receiver that checks with the convention's own library.
 */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Webhook } from "standardwebhooks"
import { afterEach, assert, describe, it } from "vitest"
import { isPublicAddress, urlRefusal } from "./webhook-address.ts"
import { webhookChannel, type WebhookMessage } from "./webhook-channel.ts"

const SECRET = `whsec_${Buffer.from("0123456789abcdef0123456789abcdef").toString("base64")}`
const message: WebhookMessage = {
  id: "ntf_1",
  type: "payment.failed",
  timestamp: "2026-11-26T12:00:00.000Z",
  data: { accountId: "acc_1", amountUsd: "20.00" },
}
const never = new AbortController().signal

let closing: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const close of closing) await close()
  closing = []
})

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const parts: Array<Buffer> = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}

const receiver = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener)
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  closing.push(() => {
    server.closeAllConnections()
    return new Promise((closed) => server.close(closed))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`
}

const answers = (status: number, headers: Record<string, string> = {}, body = "") =>
  receiver((request, response) => {
    request.resume()
    response.writeHead(status, headers).end(body)
  })

const send = (url: string, timeoutMs?: number, secret = SECRET) =>
  webhookChannel({ isProduction: false, ...(timeoutMs === undefined ? {} : { timeoutMs }) }).send(
    message,
    { url, secret },
    Date.now(),
    never,
  )

describe("a webhook", () => {
  it("R11 passes the convention's own check, with the same id each time", async () => {
    const seen: Array<unknown> = []
    const ids: Array<unknown> = []
    const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const body = await bodyOf(request)
      try {
        seen.push(new Webhook(SECRET).verify(body, request.headers as Record<string, string>))
        ids.push(request.headers["webhook-id"])
        response.writeHead(204).end()
      } catch (error) {
        response.writeHead(400).end(String(error))
      }
    }
    const url = await receiver((request, response) => void take(request, response))
    assert.deepInclude(await send(url), { status: 204 })
    assert.deepInclude((await send(url)).outcome, { kind: "sent" })
    const { type, timestamp, data } = message
    assert.deepStrictEqual(seen, [
      { type, timestamp, data },
      { type, timestamp, data },
    ])
    assert.deepStrictEqual(ids, ["ntf_1", "ntf_1"])
    const forged = await send(url, undefined, `whsec_${Buffer.from("another secret!!").toString("base64")}`)
    assert.deepInclude(forged, { status: 400 })
  })

  it("R11 2xx is delivered, 410 is gone, all else is tried again, and people see what was answered", async () => {
    assert.deepInclude((await send(await answers(200, {}, "ok\n\u0007ok"))).outcome, {
      kind: "sent",
      detail: "HTTP 200: ok ok",
    })
    assert.deepInclude((await send(await answers(410))).outcome, { kind: "refused", gone: true })
    for (const status of [400, 404, 429, 500, 503]) {
      assert.deepInclude((await send(await answers(status))).outcome, { kind: "failed" }, String(status))
    }
  })

  it("R11 a redirect is not followed: what signs must not be led elsewhere", async () => {
    let wasLed = false
    const elsewhere = await receiver((_request, response) => {
      wasLed = true
      response.end()
    })
    for (const status of [301, 302, 307, 308]) {
      const sent = await send(await answers(status, { location: elsewhere }))
      assert.deepInclude(sent, { status })
      assert.strictEqual(sent.outcome.kind, "failed")
    }
    assert.isFalse(wasLed)
  })

  it("R11 silence is waited for no longer than the timeout, also in the middle of an answer", async () => {
    const silent = await receiver(() => undefined)
    const began = performance.now()
    const { outcome, status } = await send(silent, 100)
    assert.deepStrictEqual([outcome.kind, status], ["failed", null])
    assert.isBelow(performance.now() - began, 5_000)
    const slow = await receiver((_request, response) => void response.writeHead(200).write("a"))
    assert.deepInclude((await send(slow, 100)).outcome, { kind: "sent" })
  })

  it("nobody there is tried again; stopping ends it at once", async () => {
    assert.deepInclude((await send("http://127.0.0.1:1/")).outcome, { kind: "failed" })
    const stop = new AbortController()
    const url = await receiver(() => stop.abort())
    const { outcome } = await webhookChannel({ isProduction: false }).send(
      message,
      { url, secret: SECRET },
      Date.now(),
      stop.signal,
    )
    assert.strictEqual(outcome.kind, "failed")
  })
})

describe("where webhooks may go", () => {
  it("R11 in production only https to public addresses", () => {
    for (const url of [
      "http://example.com/",
      "https://localhost/",
      "https://a.localhost/",
      "https://127.0.0.1/",
      "https://2130706433/",
      "https://0x7f.1/",
      "https://10.1.2.3/",
      "https://172.20.0.1/",
      "https://192.168.1.1/",
      "https://169.254.169.254/latest/meta-data",
      "https://100.64.0.1/",
      "https://[::1]/",
      "https://[::ffff:127.0.0.1]/",
      "https://[fe80::1]/",
      "https://[fd00::1]/",
      "https://[64:ff9b::7f00:1]/",
      "https://[2002:7f00:1::]/",
      "https://user:pass@example.com/",
      "ftp://example.com/",
      "not a url",
    ]) {
      assert.isNotNull(urlRefusal(url, true), url)
    }
    assert.isNull(urlRefusal("https://example.com/hooks?a=b", true))
    assert.isNull(urlRefusal("https://93.184.215.14/", true))
    assert.isNull(urlRefusal("http://127.0.0.1:9/", false))
    assert.isNotNull(urlRefusal("file:///etc/passwd", false))
  })

  it("R11 in production a name that resolves to the inside is not connected to", async () => {
    let wasAsked = false
    const url = await receiver((_request, response) => {
      wasAsked = true
      response.end()
    })
    const port = new URL(url).port
    for (const inside of [["127.0.0.1"], ["::1"], ["93.184.215.14", "10.0.0.7"]]) {
      const addresses = inside.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }))
      const channel = webhookChannel({
        isProduction: true,
        timeoutMs: 5_000,
        resolve: (_name, _options, done) => done(null, addresses),
      })
      const target = { url: `https://hooks.example.com:${port}/`, secret: SECRET }
      const { outcome } = await channel.send(message, target, Date.now(), never)
      assert.strictEqual(outcome.kind, "failed")
      assert.match(outcome.detail, /resolves to an address that is not public/)
    }
    assert.isFalse(wasAsked)
  })

  it("addresses: what is public and what is not", () => {
    for (const address of ["1.1.1.1", "93.184.215.14", "2606:4700::1111"]) assert.isTrue(isPublicAddress(address))
    for (const address of ["0.0.0.0", "224.0.0.1", "255.255.255.255", "203.0.113.9", "::", "ff02::1", "nonsense"]) {
      assert.isFalse(isPublicAddress(address), address)
    }
  })
})
