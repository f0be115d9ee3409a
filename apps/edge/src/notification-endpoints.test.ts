import { MESSAGE_VERSION, type NotificationFact, SUBJECTS } from "@credits/contracts"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge, until } from "./edge.fixture.ts"
import { AT, notificationOf } from "./paying.fixture.ts"

const PATH = "/api/v1/notifications"
let edge: EdgeUnderTest
let account = ""
let token = ""
beforeAll(async () => {
  edge = await startEdge()
  ;({ accountId: account, accessToken: token } = await edge.signIn())
})
afterAll(() => edge.stop())
beforeEach(() => edge.paying.reset())

const send = (method: string, path: string, json: unknown) => edge.fetch(PATH + path, { method, token, json })
const asked = () => edge.paying.asked.notifications

describe("the inbox over HTTP", () => {
  it("R11 R12.2 lists what the account was told, with instants as text and amounts as strings", async () => {
    const readAt = AT + 1_000
    edge.paying.notifications = () => ({
      ok: { items: [notificationOf({ readAt }), notificationOf()], nextCursor: "7", unreadCount: 1 },
    })
    const response = await edge.fetch(`${PATH}?limit=2&cursor=9&unread=true`, { token })
    expect(response.status).toBe(200)
    const item = {
      id: "ntf_1",
      at: "2026-01-02T00:00:00.000Z",
      kind: "topup.enabled",
      title: "Auto top-up is on",
      body: "You allowed it.",
      link: "/wallet",
      data: { capUsd: "50.00" },
      readAt: null,
    }
    expect(await response.json()).toEqual({
      items: [{ ...item, readAt: "2026-01-02T00:00:01.000Z" }, item],
      nextCursor: "7",
      unreadCount: 1,
    })
    expect(asked()).toEqual([{ op: "list", account, limit: 2, cursor: "9", unread: true }])
  })

  it("names what is wrong with a query", async () => {
    for (const [query, field] of [
      ["limit=0", "limit"],
      ["limit=201", "limit"],
      ["unread=maybe", "unread"],
      ["color=red", "color"],
    ]) {
      const response = await edge.fetch(`${PATH}?${query}`, { token })
      expect([query, response.status, ((await response.json()) as { field: string }).field]).toEqual([
        query,
        400,
        field,
      ])
    }
    edge.paying.notifications = () => ({
      refused: { code: "invalid", detail: "is no cursor of this list", field: "cursor" } as never,
    })
    const response = await edge.fetch(`${PATH}?cursor=zz`, { token })
    expect([response.status, await response.json()]).toMatchObject([400, { code: "invalid_request", field: "cursor" }])
  })

  it("marks one or all as read; what is not the account's is 404", async () => {
    expect((await send("POST", "/ntf_1/read", {})).status).toBe(204)
    expect((await send("POST", "/read-all", {})).status).toBe(204)
    expect((await edge.fetch(`${PATH}/ntf_1/read`, { method: "POST", token })).status).toBe(204)
    expect(asked()).toEqual([
      { op: "read", account, notificationId: "ntf_1" },
      { op: "read-all", account },
      { op: "read", account, notificationId: "ntf_1" },
    ])
    edge.paying.notifications = () => ({ refused: { code: "notification_not_found", detail: "none" } })
    const missing = await send("POST", "/ntf_2/read", {})
    expect([missing.status, await missing.json()]).toMatchObject([404, { code: "not_found" }])
  })

  it("R11 preferences are sent as they are said, and a fixed one is 422 naming the field", async () => {
    const groups = { credits: { email: false }, reminders: { inApp: false, email: true } }
    expect((await send("PUT", "/preferences", { groups })).status).toBe(200)
    expect(asked()).toEqual([{ op: "set-preferences", account, groups }])
    const refused = { code: "preference_fixed", detail: "always told", field: "groups.receipts.email" }
    edge.paying.notifications = () => ({ refused })
    const fixed = await send("PUT", "/preferences", { groups: { receipts: { email: false } } })
    expect([fixed.status, await fixed.json()]).toMatchObject([
      422,
      { code: "preference_fixed", field: "groups.receipts.email" },
    ])
    const unknown = await send("PUT", "/preferences", { groups: { gossip: {} } })
    expect([unknown.status, await unknown.json()]).toMatchObject([400, { field: "groups.gossip" }])
  })

  it("a service that is away is 503, and nobody is signed out or refused for it", async () => {
    edge.paying.notifications = () => ({ refused: { code: "unavailable", detail: "ask again" } })
    const away = await edge.fetch(PATH, { token })
    expect([away.status, away.headers.get("retry-after")]).toEqual([503, expect.stringMatching(/^\d+$/)])
    const began = performance.now()
    edge.paying.silent.add("notifications")
    expect((await edge.signIn()).accountId).toBe(account)
    expect(performance.now() - began).toBeLessThan(2_000)
  })

  it("R11 a sign-in tells where the account is written to", async () => {
    const ada = await edge.signIn("Ada.L@Example.com")
    const contact = () => edge.paying.contacts.find(({ account: of }) => of === ada.accountId)
    await until(() => contact() !== undefined)
    expect(contact()).toEqual({ op: "contact", account: ada.accountId, email: "ada.l@example.com", name: "ada.l" })
  })
})

describe("live notifications", () => {
  it("contract 2: an open event stream hears of its account's, once, within a second", async () => {
    const abort = new AbortController()
    const response = await edge.fetch("/api/v1/wallet/events", { token, signal: abort.signal })
    let text = ""
    const reading = (async () => {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk
    })().catch(() => undefined)
    await until(() => text.includes("event: ready") || text.includes("event:ready"))
    const tell = (of: string, id: string) => {
      const fact: NotificationFact = {
        v: MESSAGE_VERSION,
        account: of,
        notification: notificationOf({ id }),
        unreadCount: 3,
      }
      edge.bus.connection.publish(SUBJECTS.notificationsFact, JSON.stringify(fact))
    }
    const began = performance.now()
    edge.bus.connection.publish(SUBJECTS.notificationsFact, "no json")
    tell("acc_other", "ntf_other")
    tell(account, "ntf_a")
    tell(account, "ntf_a")
    tell(account, "ntf_b")
    await until(() => text.includes("ntf_b"))
    expect(performance.now() - began).toBeLessThan(1_000)
    const heard = [...text.matchAll(/event: ?notification\ndata: ?(.*)/g)].map(
      ([, data]) => JSON.parse(data!) as unknown,
    )
    expect(heard).toMatchObject([
      { notification: { id: "ntf_a", at: "2026-01-02T00:00:00.000Z" }, unreadCount: 3 },
      { notification: { id: "ntf_b" } },
    ])
    abort.abort()
    await reading
  })
})
