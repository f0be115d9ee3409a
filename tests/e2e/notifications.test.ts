/**
 * Goal: a customer's month makes exactly the inbox it should, at once and live, also after the service was killed and
 * after every stream was read again from its beginning (R11). Method: the whole system as `npm start` runs it, over
 * HTTP only; mails are the files that a developer opens.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Notification, NotificationPage } from "@credits/contracts/http"
import { advanceClock, callHttp, Customer, Spender, startSystem, type SystemUnderTest } from "@credits/testkit"
import BetterSqlite3 from "better-sqlite3"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const POLL = { timeout: 20_000, interval: 50 }

let system: SystemUnderTest
let spender: Spender
beforeAll(async () => {
  system = await startSystem()
  spender = await Spender.open(system.url)
})
afterAll(() => system.stop())

/** Oldest first. */
const inboxOf = async (customer: Customer): Promise<ReadonlyArray<Notification>> => {
  const { body } = await customer.call<NotificationPage>("notifications?limit=200")
  return body.items.toReversed()
}
const kindsOf = async (customer: Customer) => (await inboxOf(customer)).map(({ kind }) => kind)

const mailFolder = () => join(system.dataDir, "notifications", "mail")
const mailOf = (id: string): string => readFileSync(join(mailFolder(), `${id}.eml`), "utf8")

/** What an open event stream of a customer hears. */
const listen = async ({ token }: Customer) => {
  const abort = new AbortController()
  const response = await fetch(`${system.url}/api/v1/wallet/events`, {
    headers: { authorization: `Bearer ${token}` },
    signal: abort.signal,
  })
  let text = ""
  const reading = (async () => {
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk
  })().catch(() => undefined)
  const heard = () =>
    [...text.matchAll(/event: ?notification\ndata: ?(.*)/g)].map(
      ([, data]) => (JSON.parse(data!) as { notification: Notification }).notification.kind,
    )
  return {
    heard,
    stop: async () => {
      abort.abort()
      await reading
    },
  }
}

/**
 * Killed without a chance to say anything; the supervisor starts it again. `before` is done while it stands still;
 * false: it was stopped inside a transaction, so it goes on a little and is stopped again.
 */
const killService = async (before: () => boolean = () => true): Promise<void> => {
  const pid = system.pidOf("notifications")
  system.kill("notifications", "SIGSTOP")
  while (!before()) {
    system.kill("notifications", "SIGCONT")
    await new Promise((resolve) => setImmediate(resolve))
    system.kill("notifications", "SIGSTOP")
  }
  system.kill("notifications", "SIGKILL")
  await system.restarted("notifications", pid)
}

/** As if the service had never read anything: it hears every stream from its first message. */
const forgetCursors = (): boolean => {
  const database = new BetterSqlite3(join(system.dataDir, "notifications.db"), { timeout: 0 })
  try {
    database.exec("delete from saga_cursor")
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code === "SQLITE_BUSY") return false
    throw error
  } finally {
    database.close()
  }
}

const MONTH = [
  "subscription.started",
  "credits.at_50",
  "credits.at_20",
  "topup.enabled",
  "topup.succeeded",
  "topup.succeeded",
  "topup.cap_80",
  "topup.succeeded",
  "topup.cap_100",
  "credits.at_0",
  "subscription.cancel_scheduled",
  "topup.disabled",
  "subscription.renewal_reminder",
  "subscription.offer_ends",
  "subscription.renewed",
] as const

describe("a month", () => {
  it("R11 each cause once, in order, in the inbox, by mail and live, through kills and a replay", async () => {
    const ada = await Customer.signIn(system.url, "ada@example.com")
    const live = await listen(ada)
    await ada.saveCard("tok_ok")
    await ada.buy("plus", "monthly")
    const reaches = (count: number) => expect.poll(() => kindsOf(ada), POLL).toEqual(MONTH.slice(0, count))
    await reaches(1)

    await spender.spend(ada, 1_000)
    await reaches(2)
    await killService()
    await spender.spend(ada, 600)
    await reaches(3)

    await ada.setAutoTopUp("25.00")
    await reaches(5)
    await spender.spend(ada, 1_000)
    await reaches(7)
    await spender.spend(ada, 1_000)
    await reaches(9)
    await killService(forgetCursors)
    await spender.spend(ada, 900)
    await reaches(10)

    await ada.change("cancel")
    await reaches(11)
    await ada.change("resume")
    await ada.call("wallet/auto-top-up", { method: "DELETE" })
    await reaches(12)
    await advanceClock(system.url, { by: "P1M" }, 120_000)
    await reaches(15)

    await killService(forgetCursors)
    await spender.spend(ada, 100)
    await reaches(15)
    const inbox = await inboxOf(ada)
    expect(new Set(inbox.map(({ id }) => id)).size).toBe(MONTH.length)
    expect(inbox.map(({ at }) => at)).toEqual(inbox.map(({ at }) => at).toSorted())
    expect(inbox.at(-1)).toMatchObject({ data: { amountUsd: "20.00", plan: "plus" }, readAt: null })
    expect(inbox.at(-2)!.title).toMatch(/^Your first-month offer ends on /)

    // Each was heard once at least; those from before a kill are not told again.
    await expect.poll(live.heard, POLL).toEqual(expect.arrayContaining([...new Set(MONTH)]))
    await live.stop()

    const written = () => readdirSync(mailFolder()).filter((name) => inbox.some(({ id }) => name === `${id}.eml`))
    await expect.poll(() => written().length, POLL).toBe(MONTH.length)
    const receipt = mailOf(inbox[0]!.id)
    expect(receipt).toContain("To: ada <ada@example.com>")
    expect(receipt).toContain("Subject: Welcome to Plus")
    expect(receipt).toContain(`Message-ID: <${inbox[0]!.id}@`)
  }, 180_000)

  it("R5.4 R11 a card that declines: each attempt with what follows, then the end", async () => {
    const blaise = await Customer.signIn(system.url, "blaise@example.com")
    await blaise.saveCard("tok_ok_then_decline")
    await blaise.buy("plus", "monthly")
    await advanceClock(system.url, { by: "P1M8D" }, 120_000)
    await expect.poll(async () => (await kindsOf(blaise)).at(-1), POLL).toBe("subscription.ended")
    const inbox = await inboxOf(blaise)
    const failures = inbox.filter(({ kind }) => kind === "payment.failed")
    const days = failures.map(({ at }) => (Date.parse(at) - Date.parse(failures[0]!.at)) / 86_400_000)
    expect(days.map(Math.round)).toEqual([0, 1, 3, 5, 7])
    const said = failures.map(({ data }) => data["nextAttemptAt"])
    // Within the minute that an advance takes as one step (ADR 16).
    const came = failures.slice(1).map(({ at }, index) => Math.abs(Date.parse(String(said[index])) - Date.parse(at)))
    expect(Math.max(...came)).toBeLessThan(120_000)
    expect(said.at(-1)).toBeNull()
    expect(failures.map(({ data }) => data)).toMatchObject(
      [1, 2, 3, 4, 5].map((attempt) => ({ attempt, amountUsd: "20.00" })),
    )
    expect(failures.filter(({ body }) => !body.includes("$20.00"))).toEqual([])
  }, 180_000)
})

describe("the inbox over HTTP", () => {
  it("pages, counts what is unread, marks as read, and is nobody else's", async () => {
    const grace = await Customer.signIn(system.url, "grace@example.com")
    const eve = await Customer.signIn(system.url, "eve@example.com")
    await grace.saveCard("tok_ok")
    await grace.buy("plus", "monthly")
    await spender.spend(grace, 1_700)
    await expect.poll(() => kindsOf(grace), POLL).toHaveLength(3)
    const first = (await grace.call<NotificationPage>("notifications?limit=2")).body
    expect([first.items.length, first.unreadCount]).toEqual([2, 3])
    const rest = (await grace.call<NotificationPage>(`notifications?limit=2&cursor=${first.nextCursor}`)).body
    expect(rest.items.map(({ kind }) => kind)).toEqual(["subscription.started"])
    expect(rest.nextCursor).toBeNull()
    const { id } = rest.items[0]!
    expect((await eve.call(`notifications/${id}/read`, { json: {} })).status).toBe(404)
    expect((await grace.call(`notifications/${id}/read`, { json: {} })).status).toBe(204)
    const unread = (await grace.call<NotificationPage>("notifications?unread=true")).body
    expect([unread.items.length, unread.unreadCount]).toEqual([2, 2])
    expect((await grace.call("notifications/read-all", { json: {} })).status).toBe(204)
    expect((await grace.call<NotificationPage>("notifications")).body.unreadCount).toBe(0)
    expect((await eve.call<NotificationPage>("notifications")).body.items).toEqual([])
  })

  it("R11 what is about money cannot be turned off; the rest can, for inbox and mail apart", async () => {
    const tim = await Customer.signIn(system.url, "tim@example.com")
    const put = (groups: object) => tim.call("notifications/preferences", { method: "PUT", json: { groups } })
    const refused = await put({ receipts: { email: false } })
    expect([refused.status, refused.body]).toMatchObject([
      422,
      { code: "preference_fixed", field: "groups.receipts.email" },
    ])
    expect((await put({ credits: { email: false } })).body).toMatchObject({
      groups: { credits: { inApp: true, email: false, isFixed: false }, receipts: { email: true, isFixed: true } },
    })
    const unknown = await callHttp(system.url, "/api/v1/notifications/preferences", {
      token: tim.token,
      method: "PUT",
      json: { groups: { gossip: { email: false } } },
    })
    expect([unknown.status, unknown.body]).toMatchObject([400, { field: "groups.gossip" }])
    await tim.saveCard("tok_ok")
    await tim.buy("plus", "monthly")
    await spender.spend(tim, 1_000)
    await expect.poll(() => kindsOf(tim), POLL).toEqual(["subscription.started", "credits.at_50"])
    const [started, half] = await inboxOf(tim)
    await expect.poll(() => readdirSync(mailFolder()), POLL).toContain(`${started!.id}.eml`)
    expect(readdirSync(mailFolder())).not.toContain(`${half!.id}.eml`)
  })
})
