/**
 * Goal: notifications works as a service, on the real bus with its own permissions, over both databases: what is heard
 * is written once, told, mailed and sent (R11), and operators can set up webhooks. Receivers are real servers.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { STREAMS, SUBJECTS } from "@credits/contracts"
import { findPostgresBinaries } from "@credits/testkit"
import { sql } from "kysely"
import { Webhook } from "standardwebhooks"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { AT, creditSignal, DAY, paymentFact, subscriptionFact, topupFact } from "./facts.fixture.ts"
import { eventually, Receiver, World } from "./service.fixture.ts"

const signals = (...all: ReadonlyArray<ReturnType<typeof creditSignal>>) => ({
  v: 1,
  partition: 3,
  after: 0,
  signals: all,
})
const URL_ID = "whk_1"

const suite = (dialect: "sqlite" | "postgres"): void => {
  let world: World
  let receiver: Receiver
  beforeAll(async () => {
    world = await World.start(dialect)
    receiver = await new Receiver().open()
  }, 60_000)
  afterAll(async () => {
    await world.stop()
    await receiver.close()
  })
  const forgetCursors = () => sql`delete from saga_cursor`.execute(world.database.kysely)
  const tellAll = async (account: string) => {
    await world.publish(SUBJECTS.subscriptionsFact, subscriptionFact("started", account))
    await world.publish(
      SUBJECTS.ledgerSignal(3),
      signals(creditSignal("low_began", account), creditSignal("credit_at_50", account)),
    )
    await world.publish(SUBJECTS.topupFact, topupFact("succeeded", account))
    await world.publish(SUBJECTS.paymentsFact, paymentFact("charge_action_required", account))
    await world.publish(SUBJECTS.paymentsFact, paymentFact("charge_succeeded", account))
  }
  const nothingWaits = () =>
    eventually("every delivery is recorded", async () =>
      (await world.get({ op: "webhook-show", webhookId: URL_ID })).waiting === 0 ? true : undefined,
    )
  const FOUR = ["credits.at_50", "payment.action_required", "subscription.started", "topup.succeeded"]

  it("R11 all four streams are heard, and what is told twice, read again or passed again is one row", async () => {
    await tellAll("acc_four")
    await world.applied()
    assert.deepStrictEqual((await world.kindsOf("acc_four")).toSorted(), FOUR)
    await tellAll("acc_four")
    await world.publish(
      SUBJECTS.ledgerSignal(3),
      signals(creditSignal("credit_at_50", "acc_four", { at: AT + 1, seq: 9 })),
    )
    await world.applied()
    await world.halt()
    await world.run()
    await forgetCursors()
    await world.halt()
    await world.run()
    const { cursors, ready, detail } = await world.applied()
    assert.isTrue(ready)
    assert.nestedInclude(detail, { "metrics.written": 0, "metrics.repeated": 9 }, "everything was heard again")
    assert.sameMembers(
      Object.keys(cursors),
      [STREAMS.ledgerSignals, STREAMS.payments, STREAMS.subscriptions, STREAMS.topups].map(({ name }) => name),
    )
    assert.deepStrictEqual((await world.kindsOf("acc_four")).toSorted(), FOUR)
    const told = world.told.filter(({ account }) => account === "acc_four").map(({ notification }) => notification.id)
    assert.strictEqual(new Set(told).size, 4)
    assert.lengthOf(told, 4, "told once each: nothing died between")
  })

  it("R11 a message that nobody can read is a dead letter, and those after it are heard", async () => {
    await world.publish(SUBJECTS.topupFact, "no json")
    await world.publish(SUBJECTS.topupFact, { ...topupFact("enabled", "acc_dead"), detail: {}, v: 2 })
    await world.publish(SUBJECTS.subscriptionsFact, subscriptionFact("started", "acc_dead", { detail: {} }))
    await world.publish(SUBJECTS.topupFact, topupFact("enabled", "acc_dead"))
    await world.applied()
    assert.deepStrictEqual(await world.kindsOf("acc_dead"), ["topup.enabled"])
    await eventually("three dead letters", () => (world.letters.length === 3 ? true : undefined))
  })

  it("R11 who has an address is written to, and those who look are told within a second", async () => {
    await world.get({ op: "contact", account: "acc_mail", email: "ada@example.com", name: "Ada" })
    const began = performance.now()
    await world.publish(SUBJECTS.topupFact, topupFact("succeeded", "acc_mail"))
    const { notification, unreadCount } = await eventually("it is told", () =>
      world.told.find(({ account }) => account === "acc_mail"),
    )
    assert.isBelow(performance.now() - began, 1_000)
    assert.strictEqual(unreadCount, 1)
    assert.strictEqual(notification.title, "$10.00 of credit added")
    const file = join(world.dataDir, "notifications", "mail", `${notification.id}.eml`)
    await eventually("the mail is written", () => (existsSync(file) ? true : undefined))
    await eventually("the mail is recorded", async () => {
      const { detail } = await world.status()
      return (detail["metrics"] as { readonly mailsWaiting: number }).mailsWaiting === 0 ? true : undefined
    })
  })

  it("R11 a webhook is added once, its secret checks what arrives, and a ping shows the answer", async () => {
    const add = { op: "webhook-add", id: URL_ID, url: receiver.url, description: "desk" } as const
    const added = await world.get(add)
    assert.match(added.secret, /^whsec_/)
    assert.deepStrictEqual(await world.get(add), added, "the same request is the same endpoint")
    assert.nestedInclude(await world.ask({ ...add, description: "other" }), { "refused.code": "id_conflict" })
    assert.notProperty((await world.get({ op: "webhook-list" })).items[0], "secret")
    const ping = await world.get({ op: "webhook-test", webhookId: URL_ID })
    assert.deepInclude(ping, { delivered: true, status: 204 })
    await world.publish(SUBJECTS.paymentsFact, paymentFact("method_expiring", "acc_hook"))
    const got = await eventually("it arrives", () => receiver.got.find(({ type }) => type === "payment.card_expiring"))
    const checked = new Webhook(added.secret).verify(got.body, got.headers as Record<string, string>)
    assert.nestedInclude(checked, { type: "payment.card_expiring", "data.accountId": "acc_hook", "data.last4": "4242" })
    const { items } = await world.get({ op: "list", account: "acc_hook" })
    assert.strictEqual(got.id, items[0]!.id)
    await eventually("it is recorded", async () =>
      (await world.get({ op: "webhook-show", webhookId: URL_ID })).delivered === 1 ? true : undefined,
    )
  })

  it("R11 a crash between sending and recording sends again, under the same id; what is recorded is over", async () => {
    await world.publish(SUBJECTS.topupFact, topupFact("cap_100", "acc_crash"))
    const [first] = await eventually("it arrives", () => {
      const found = receiver.got.filter(({ type }) => type === "topup.cap_100")
      return found.length > 0 ? found : undefined
    })
    await nothingWaits()
    await world.halt()
    await world.run()
    await world.publish(SUBJECTS.topupFact, topupFact("disabled", "acc_crash"))
    await eventually("the next arrives", () => receiver.got.find(({ type }) => type === "topup.disabled"))
    const times = () => receiver.got.filter(({ type }) => type === "topup.cap_100")
    assert.lengthOf(times(), 1)
    // As the process leaves it that dies after the answer and before the record.
    await world.database.kysely
      .updateTable("webhook_delivery")
      .set({ state: "waiting", attempts: 0, done_at: null })
      .where("notification", "=", first!.id)
      .execute()
    await eventually("it arrives again", () => (times().length === 2 ? true : undefined))
    assert.strictEqual(times()[1]!.id, first!.id)
    await nothingWaits()
  })

  it("R11 an endpoint that fails is tried again, and 410 disables it for operators to see", async () => {
    receiver.status = 503
    await world.publish(SUBJECTS.topupFact, topupFact("enabled", "acc_fails"))
    const failing = await eventually("the first attempt fails", async () => {
      const shown = await world.get({ op: "webhook-show", webhookId: URL_ID })
      const first = shown.deliveries.find(({ state, attempts }) => state === "waiting" && attempts === 1)
      return first === undefined ? undefined : { ...first, since: shown.failingSince! }
    })
    assert.strictEqual(failing.lastOutcome, "HTTP 503")
    const wait = failing.nextAttemptAt! - failing.since
    assert.isAtLeast(wait, 5_000)
    assert.isAtMost(wait, 5_501)
    receiver.status = 410
    await world.publish(SUBJECTS.topupFact, topupFact("failed", "acc_fails"))
    const disabled = await eventually("it is disabled", async () => {
      const [shown] = (await world.get({ op: "webhook-list" })).items
      return shown?.status === "disabled" ? shown : undefined
    })
    assert.deepInclude(disabled, { reason: "it answered 410: gone", waiting: 0, failed: 2 })
    await world.get({ op: "webhook-remove", webhookId: URL_ID })
    assert.strictEqual((await world.get({ op: "webhook-list" })).items[0]?.status, "removed")
    assert.nestedInclude(await world.ask({ op: "webhook-remove", webhookId: "whk_none" }), {
      "refused.code": "webhook_not_found",
    })
  })

  it("refuses what it should, and names the field", async () => {
    const refusals: ReadonlyArray<readonly [object, object]> = [
      [{ op: "read", account: "acc_x", notificationId: "ntf_none" }, { code: "notification_not_found" }],
      [
        { op: "list", account: "nobody" },
        { code: "invalid", field: "account" },
      ],
      [
        { op: "list", account: "acc_x", cursor: "zz" },
        { code: "invalid", field: "cursor" },
      ],
      [
        { op: "contact", account: "acc_x", email: "a@b\r\nBcc: c@d", name: null },
        { code: "invalid", field: "email" },
      ],
      [
        { op: "set-preferences", account: "acc_x", groups: { payments: { inApp: false } } },
        { code: "preference_fixed", field: "groups.payments.inApp" },
      ],
      [
        { op: "webhook-add", id: "whk_2", url: "file:///etc", description: "" },
        { code: "invalid", field: "url" },
      ],
      [
        { op: "webhook-add", id: "whk_2", url: receiver.url, description: "", events: ["gossip"] },
        { code: "invalid", field: "events.0" },
      ],
    ]
    for (const [request, refused] of refusals) {
      const reply = (await world.ask(request as Parameters<World["ask"]>[0])) as { readonly refused?: object }
      assert.deepInclude(reply.refused, refused, JSON.stringify(request))
    }
  })

  it("R12.1 what fell due long ago is written with its own instant, and mails nobody", async () => {
    await world.get({ op: "contact", account: "acc_past", email: "past@example.com", name: null })
    world.now = AT + 30 * DAY
    await world.publish(SUBJECTS.topupFact, topupFact("succeeded", "acc_past"))
    await world.applied()
    const { items } = await world.get({ op: "list", account: "acc_past" })
    assert.deepStrictEqual(
      items.map(({ at }) => at),
      [AT],
    )
    const { rows } = await sql<{
      n: bigint
    }>`select count(*) as n from mail where notification = ${items[0]!.id}`.execute(world.database.kysely)
    assert.strictEqual(Number(rows[0]!.n), 0)
    world.now = AT
  })
}

describe("notifications as a service on sqlite", () => {
  suite("sqlite")
})
describe.skipIf(findPostgresBinaries() === undefined)("notifications as a service on postgres", () => {
  suite("postgres")
})
