/**
 * Goal: a cause is told once for ever, with what is to be sent of it, whatever comes twice, in another order, or dies
 * in the middle (R11). Method: one behaviour suite over both databases; properties over histories of deliveries.
 */
import type { WebhookView } from "@credits/contracts"
import * as fc from "fast-check"
import { assert, it } from "vitest"
import { overBothDatabases } from "./both-databases.fixture.ts"
import { AT, everyNotice, noticeOf } from "./facts.fixture.ts"
import { dueMails } from "./mail-store.ts"
import { SENT_WITHIN_MS } from "./notice-store.ts"
import { notificationId, type Notice } from "./notification.ts"
import type { Endpoint } from "./webhook-store.ts"
import { addEndpoint, dueWebhooks, endpointViews, removeEndpoint } from "./webhook-store.ts"
import {
  forgetUntold,
  listNotifications,
  markAllRead,
  markRead,
  preferencesOf,
  readUntold,
  setContact,
  setPreferences,
  unreadCount,
} from "./store.ts"

const NOW = { business: AT, real: 1_000_000 }
const all = { limit: 200, before: null, unread: false }

const endpointOf = (id: string, events: ReadonlyArray<string> | null = null): Endpoint => ({
  id,
  url: "https://example.com/hooks",
  description: "",
  events: events === null ? null : JSON.stringify(events),
  secret: "whsec_c2VjcmV0",
  status: "enabled",
  reason: null,
  created_at: 1n,
  failing_since: null,
})

overBothDatabases("the inbox", (given) => {
  let accounts = 0
  const freshAccount = () => `acc_s${(accounts += 1)}`
  const list = (account: string) => listNotifications(given.database, { ...all, account })
  const written = async (account: string) => (await list(account)).toReversed().map(({ id }) => id)

  it("R11 whatever is repeated, reordered or dies before its commit, each cause is one row", async () => {
    await fc.assert(
      fc.asyncProperty(
        // Where to cut the history, how often a part is read again, and which parts die before they commit.
        fc.array(fc.record({ take: fc.integer({ min: 0, max: 9 }), dies: fc.boolean(), again: fc.nat(3) }), {
          minLength: 5,
          maxLength: 15,
        }),
        fc.infiniteStream(fc.nat(1_000)),
        async (steps, chance) => {
          const account = freshAccount()
          await setContact(given.database, { account, email: "ada@example.com", name: null }, AT)
          const order = everyNotice(account)
            .map((notice) => ({ notice, key: chance.next().value as number }))
            .toSorted((a, b) => a.key - b.key)
            .map(({ notice }) => notice)
          let at = 0
          let isNew = 0
          for (const { take, dies, again } of steps) {
            // A cursor that is not committed reads the same part again; one that is lost reads from further back.
            const part = order.slice(Math.max(0, at - again), at + take)
            if (dies) await given.writeAndDie(part, NOW)
            else {
              isNew += await given.write(part, NOW)
              at = Math.min(order.length, at + take)
            }
          }
          isNew += await given.write(order.slice(at), NOW)
          assert.strictEqual(await given.write(order, NOW), 0)
          const ids = await written(account)
          assert.deepStrictEqual(ids, order.map(notificationId))
          assert.strictEqual(isNew, order.length)
          const mails = await dueMails(given.database, NOW.real, 10_000)
          const mailed = mails.filter(({ notification }) => notification.account === account)
          assert.sameMembers(
            mailed.map(({ notification }) => notification.id),
            ids,
          )
        },
      ),
      { numRuns: 15 },
    )
  }, 120_000)

  it("R11 the same cause with another instant or other words is the first one still", async () => {
    const account = freshAccount()
    const first = noticeOf("credits.at_50", account)
    const again: Notice = { ...first, at: AT + 5, data: { ...first.data, balanceUsd: "9.00" } } as Notice
    assert.deepStrictEqual([await given.write([first], NOW), await given.write([again], NOW)], [1, 0])
    assert.deepStrictEqual(
      (await list(account)).map(({ at, data }) => [at, data]),
      [[AT, { ...first.data }]],
    )
  })

  it("pages without gap or repeat, also when something new comes in between", async () => {
    const account = freshAccount()
    const notices = everyNotice(account)
    await given.write(notices.slice(1), NOW)
    const seen: Array<string> = []
    let before: bigint | null = null
    do {
      const page = await listNotifications(given.database, { ...all, account, limit: 5, before })
      seen.push(...page.map(({ id }) => id))
      before = page.at(-1)?.seq ?? null
      await given.write(notices.slice(0, 1), NOW)
    } while (before !== null)
    assert.deepStrictEqual(seen.toReversed(), notices.slice(1).map(notificationId))
  })

  it("reading is per account, keeps the first instant, and counts", async () => {
    const [mine, theirs] = [freshAccount(), freshAccount()]
    await given.write([...everyNotice(mine).slice(0, 3), ...everyNotice(theirs).slice(0, 2)], NOW)
    const { database } = given
    const [newest] = await list(mine)
    assert.isFalse(await markRead(database, theirs, newest!.id, 5))
    assert.isTrue(await markRead(database, mine, newest!.id, 5))
    assert.isTrue(await markRead(database, mine, newest!.id, 6))
    assert.strictEqual((await list(mine))[0]!.readAt, 5)
    assert.strictEqual(await unreadCount(database, mine), 2)
    const unread = await listNotifications(database, { ...all, account: mine, unread: true })
    assert.lengthOf(unread, 2)
    await markAllRead(database, mine, 7)
    assert.deepStrictEqual([await unreadCount(database, mine), await unreadCount(database, theirs)], [0, 2])
  })

  it("R11 a group that is turned off is neither shown nor mailed, one that is fixed is both", async () => {
    const account = freshAccount()
    const { database } = given
    await setContact(database, { account, email: "ada@example.com", name: null }, AT)
    const off = { inApp: false, email: false }
    await setPreferences(database, account, [
      ["credits", off],
      ["receipts", off],
      ["support", { inApp: true, email: false }],
    ])
    assert.deepStrictEqual((await preferencesOf(database.kysely, account)).get("credits"), off)
    const told = ["credits.at_50", "topup.succeeded", "review.answered"] as const
    await given.write(
      told.map((kind) => noticeOf(kind, account)),
      NOW,
    )
    assert.deepStrictEqual(
      (await list(account)).map(({ kind }) => kind),
      ["review.answered", "topup.succeeded"],
    )
    const mails = (await dueMails(database, NOW.real, 10_000)).filter((mail) => mail.notification.account === account)
    assert.deepStrictEqual(
      mails.map(({ notification }) => notification.kind),
      ["topup.succeeded"],
    )
    assert.strictEqual(await unreadCount(database, account), 2)
  })

  it("R11 an account without an address has its inbox; a new address is the one written to", async () => {
    const account = freshAccount()
    const { database } = given
    await given.write([noticeOf("topup.succeeded", account)], NOW)
    await setContact(database, { account, email: "old@example.com", name: null }, AT)
    await given.write([noticeOf("topup.failed", account)], NOW)
    await setContact(database, { account, email: "new@example.com", name: "Ada" }, AT)
    const mails = (await dueMails(database, NOW.real, 10_000)).filter((mail) => mail.notification.account === account)
    assert.deepStrictEqual(
      mails.map(({ email, name, notification }) => [email, name, notification.kind]),
      [["new@example.com", "Ada", "topup.failed"]],
    )
  })

  it("R11 what happened long ago is written down and not sent: a replay mails nobody", async () => {
    const account = freshAccount()
    await setContact(given.database, { account, email: "ada@example.com", name: null }, AT)
    const times = { business: AT + SENT_WITHIN_MS + 1, real: NOW.real }
    assert.strictEqual(await given.write([noticeOf("topup.succeeded", account)], times), 1)
    const mails = await dueMails(given.database, NOW.real, 10_000)
    assert.notInclude(
      mails.map(({ notification }) => notification.account),
      account,
    )
  })

  it("whoever looks is told each new one once, in order, and nothing that is hidden", async () => {
    const account = freshAccount()
    const { database } = given
    const old = await readUntold(database, 10_000)
    if (old.length > 0) await forgetUntold(database, old.at(-1)!.seq)
    await setPreferences(database, account, [["credits", { inApp: false, email: true }]])
    const told = ["credits.at_50", "topup.succeeded", "topup.failed"] as const
    const notices = told.map((kind) => noticeOf(kind, account))
    await given.write(notices, NOW)
    await given.write(notices, NOW)
    const untold = await readUntold(database, 10)
    assert.deepStrictEqual(
      untold.map(({ kind }) => kind),
      ["topup.succeeded", "topup.failed"],
    )
    await forgetUntold(database, untold[0]!.seq)
    assert.deepStrictEqual(
      (await readUntold(database, 10)).map(({ kind }) => kind),
      ["topup.failed"],
    )
  })

  it("R11 an endpoint is told the kinds it wants while it is enabled; what is removed stays on record", async () => {
    const account = freshAccount()
    const { database } = given
    await addEndpoint(database, endpointOf("whk_all"))
    await addEndpoint(database, endpointOf("whk_some", ["topup.failed"]))
    const again = await addEndpoint(database, { ...endpointOf("whk_all"), secret: "whsec_b3RoZXI=" })
    assert.strictEqual(again.secret, "whsec_c2VjcmV0", "the first one stays")
    await given.write([noticeOf("topup.failed", account), noticeOf("topup.enabled", account)], NOW)
    const dueOf = async (id: string, events: ReadonlyArray<string> | null = null) =>
      (await dueWebhooks(database, endpointOf(id, events), NOW.real, 10)).map(({ notification }) => notification.kind)
    assert.deepStrictEqual(await dueOf("whk_all"), ["topup.failed", "topup.enabled"])
    assert.deepStrictEqual(await dueOf("whk_some"), ["topup.failed"])
    await removeEndpoint(database, "whk_all", NOW.real)
    await given.write([noticeOf("topup.disabled", account)], NOW)
    assert.deepStrictEqual(await dueOf("whk_all"), [])
    const [view] = await endpointViews(database, "whk_all")
    assert.deepInclude(view, { status: "removed", failed: 2, waiting: 0 } satisfies Partial<WebhookView>)
  })
})
