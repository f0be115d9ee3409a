import { SUBJECTS } from "@credits/contracts"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge, until, walletOf } from "./edge.fixture.ts"
import { plusOf, topupOf } from "./paying.fixture.ts"

interface Received {
  readonly event: string
  readonly id: string | undefined
  readonly data: Record<string, unknown>
}

/** A client of the event stream: collects what arrives until it is closed. */
const open = async (edge: EdgeUnderTest, token: string, lastEventId?: string) => {
  const abort = new AbortController()
  const response = await edge.fetch("/api/v1/wallet/events", {
    token,
    signal: abort.signal,
    headers: { accept: "text/event-stream", ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }) },
  })
  const events: Array<Received> = []
  const read = async () => {
    let text = ""
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const fields = Object.fromEntries(
          text
            .slice(0, end)
            .split("\n")
            .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
        ) as Record<string, string>
        events.push({
          event: fields["event"]!,
          id: fields["id"],
          data: JSON.parse(fields["data"]!) as Record<string, unknown>,
        })
        text = text.slice(end + 2)
      }
    }
  }
  const ended = read().catch(() => undefined)
  return {
    response,
    events,
    close: async () => {
      abort.abort()
      await ended
    },
  }
}

let edge: EdgeUnderTest
let token = ""
let accountId = ""
let seq = 1
beforeAll(async () => {
  edge = await startEdge()
  ;({ accountId, accessToken: token } = await edge.signIn())
})
afterAll(() => edge.stop())
beforeEach(() => {
  seq = 1
  edge.answer = (request) =>
    request.op === "wallet" ? { ok: walletOf(request.account, { seq, available: String(20_000_000_000 - seq) }) } : null
})

describe("GET /api/v1/wallet/events", () => {
  it("sends ready, then the wallet, with the wallet's seq as id", async () => {
    const stream = await open(edge, token)
    await until(() => stream.events.length >= 2)
    expect(stream.response.headers.get("content-type")).toMatch(/^text\/event-stream/)
    expect(stream.response.headers.get("cache-control")).toBe("no-store")
    expect(stream.events[0]).toMatchObject({ event: "ready", id: "1", data: { accountId, seq: 1 } })
    expect(stream.events[1]).toMatchObject({ event: "wallet", id: "1", data: { availableUsd: "19.999999999", seq: 1 } })
    await stream.close()
  })

  it("decision 9 says that it wants ticks, and a tick brings the new numbers within a moment", async () => {
    let interest = 0
    const listening = edge.bus.connection.subscribe(SUBJECTS.ledgerTickInterest, { callback: () => void interest++ })
    await edge.bus.connection.flush()
    const stream = await open(edge, token)
    await until(() => stream.events.length >= 2 && interest > 0)
    seq = 5
    edge.tick(accountId, 5)
    await until(() => stream.events.length >= 3, 2_000)
    expect(stream.events[2]).toMatchObject({ event: "wallet", id: "5", data: { availableUsd: "19.999999995", seq: 5 } })
    listening.unsubscribe()
    await stream.close()
  })

  it("a tick of another account, an old tick and a malformed one bring nothing", async () => {
    const stream = await open(edge, token)
    await until(() => stream.events.length >= 2)
    const asked = edge.asked.length
    edge.tick("acc_other", 9)
    edge.tick(accountId, 1)
    edge.bus.connection.publish(SUBJECTS.ledgerTick(0), "no JSON")
    seq = 2
    edge.tick(accountId, 2)
    await until(() => stream.events.length >= 3)
    expect(stream.events.map((event) => event.id)).toEqual(["1", "1", "2"])
    expect(edge.asked.length - asked).toBeLessThanOrEqual(2)
    await stream.close()
  })

  it("Last-Event-ID resumes: the wallet comes only when it changed since", async () => {
    seq = 7
    const same = await open(edge, token, "7")
    const behind = await open(edge, token, "6")
    await until(() => same.events.length >= 1 && behind.events.length >= 2)
    seq = 8
    edge.tick(accountId, 8)
    await until(() => same.events.length >= 2 && behind.events.length >= 3)
    expect(same.events.map(({ event, id }) => [event, id])).toEqual([
      ["ready", "7"],
      ["wallet", "8"],
    ])
    expect(behind.events.map(({ event, id }) => [event, id])).toEqual([
      ["ready", "7"],
      ["wallet", "7"],
      ["wallet", "8"],
    ])
    await same.close()
    await behind.close()
  })

  it("a change between the first read and the subscription is not lost", async () => {
    let reads = 0
    edge.answer = (request) => {
      if (request.op !== "wallet") return null
      reads += 1
      return { ok: walletOf(request.account, { seq: reads === 1 ? 1 : 2 }) }
    }
    const stream = await open(edge, token)
    await until(() => stream.events.length >= 3)
    expect(stream.events.map(({ id }) => id)).toEqual(["1", "1", "2"])
    await stream.close()
  })

  it("tells the subscription whenever something of it happened, of this account only", async () => {
    const stream = await open(edge, token)
    await until(() => stream.events.length >= 2)
    const publish = (fact: object) => edge.bus.connection.publish(SUBJECTS.subscriptionsFact, JSON.stringify(fact))
    const fact = { v: 1, id: "f1", kind: "upgraded", at: 1, autoTopUp: null, detail: {} }
    publish({ ...fact, account: "acc_other", subscription: plusOf("acc_other") })
    publish({ ...fact, v: 2, account: accountId, subscription: null })
    edge.bus.connection.publish(SUBJECTS.subscriptionsFact, "no JSON")
    publish({ ...fact, account: accountId, subscription: plusOf(accountId, { plan: "pro" }) })
    await until(() => stream.events.length >= 3, 2_000)
    expect(stream.events.slice(2)).toMatchObject([
      {
        event: "subscription",
        id: undefined,
        data: { plan: "pro", status: "active", renewal: { amountUsd: "20.00" } },
      },
    ])
    await stream.close()
  })

  it("tells the wallet again when auto top-up changed, at the same entry", async () => {
    const stream = await open(edge, token)
    await until(() => stream.events.length >= 2)
    edge.paying.topup = () => ({ ok: topupOf(accountId, { enabled: true, state: "suspended" }) })
    const fact = { v: 1, id: "f1", kind: "suspended", account: accountId, at: 1, topup: null, detail: {} }
    edge.bus.connection.publish(SUBJECTS.topupFact, JSON.stringify(fact))
    await until(() => stream.events.length >= 3, 2_000)
    edge.paying.reset()
    expect(stream.events[2]).toMatchObject({
      event: "wallet",
      id: "1",
      data: { autoTopUp: { enabled: true, state: "suspended" } },
    })
    await stream.close()
  })

  it("503 before the stream begins while the ledger does not answer; 401 without a credential", async () => {
    edge.answer = () => ({ refused: { code: "unavailable", detail: "nobody owns it" } })
    expect((await open(edge, token)).response.status).toBe(503)
    expect((await edge.fetch("/api/v1/wallet/events")).status).toBe(401)
  })

  it("an account has a limit of open streams, and a closed one gives its place back", async () => {
    const other = await edge.signIn("many@example.com")
    const streams = await Promise.all(Array.from({ length: 32 }, () => open(edge, other.accessToken)))
    await until(() => streams.every((stream) => stream.events.length >= 2))
    const refused = await open(edge, other.accessToken)
    expect(refused.response.status).toBe(503)
    await streams[0]!.close()
    await until(async () => {
      const again = await open(edge, other.accessToken)
      if (again.response.status === 200) streams.push(again)
      return again.response.status === 200
    })
    await Promise.all(streams.map((stream) => stream.close()))
  })

  it("after the bus was away the wallet is read again", async () => {
    const stream = await open(edge, token)
    await until(() => stream.events.length >= 2)
    await edge.nats.kill()
    seq = 11
    await edge.nats.restart()
    await until(() => stream.events.some(({ id }) => id === "11"), 15_000)
    await stream.close()
  })
})
