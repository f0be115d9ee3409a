/**
 * Goal: mails leave through a real SMTP server and end once: sent, refused for good, or tried again (R11). Method: the
 * sending lanes over both databases; time that would have to pass is taken from the rows.
 */
import type { AddressInfo } from "node:net"
import type { BusHandle } from "@credits/bus"
import { sql } from "kysely"
import { SMTPServer } from "smtp-server"
import { afterAll, assert, beforeAll, it } from "vitest"
import { overBothDatabases } from "./both-databases.fixture.ts"
import { AT, noticeOf } from "./facts.fixture.ts"
import { smtpChannel } from "./mail-channel.ts"
import { recordMails } from "./mail-store.ts"
import { noMetrics } from "./metrics.ts"
import { notificationId } from "./notification.ts"
import { eventually } from "./service.fixture.ts"
import { startSending, type Sending } from "./sending.ts"
import { setContact } from "./store.ts"
import { webhookChannel } from "./webhook-channel.ts"

/** Nobody looks. */
const bus = { connection: { publish: () => undefined } } as unknown as BusHandle

overBothDatabases("sending mails", (given) => {
  const received: Array<string> = []
  /** What the server says to a recipient, attempt by attempt; afterwards it takes the mail. */
  const refusals = new Map<string, Array<number>>()
  let server: SMTPServer
  let sending: Sending
  const metrics = noMetrics()
  beforeAll(async () => {
    server = new SMTPServer({
      authOptional: true,
      disabledCommands: ["STARTTLS"],
      logger: false,
      onRcptTo: ({ address }, _session, done) => {
        const code = refusals.get(address)?.shift()
        done(code === undefined ? undefined : Object.assign(new Error(`said ${code}`), { responseCode: code }))
      },
      onData: (stream, { envelope }, done) => {
        stream.resume()
        stream.on("end", () => {
          received.push(...envelope.rcptTo.map(({ address }) => address))
          done()
        })
      },
    })
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
    const { port } = server.server.address() as AddressInfo
    sending = startSending({
      bus,
      database: given.database,
      mail: smtpChannel(`smtp://127.0.0.1:${port}`, "Credits <hello@credits.example>"),
      webhooks: webhookChannel({ isProduction: false }),
      publicUrl: "https://credits.example",
      metrics,
      report: () => undefined,
    })
  })
  afterAll(async () => {
    await sending.stop()
    await new Promise<void>((closed) => server.close(() => closed()))
  })

  const write = async (account: string): Promise<string> => {
    await setContact(given.database, { account, email: `${account}@example.com`, name: null }, AT)
    const notice = noticeOf("topup.succeeded", account)
    await given.write([notice], { business: AT, real: Date.now() })
    sending.wake()
    return notificationId(notice)
  }
  const rowOf = (id: string) =>
    given.database.kysely.selectFrom("mail").selectAll().where("notification", "=", id).executeTakeFirstOrThrow()
  const becomes = (id: string, state: string, attempts: number) =>
    eventually(`${state} after ${attempts}`, async () => {
      const row = await rowOf(id)
      return row.state === state && row.attempts === attempts ? row : undefined
    })
  const timesOf = (account: string) => received.filter((address) => address === `${account}@example.com`).length

  it("R11 a server that is busy is asked again later, then the mail arrives once", async () => {
    refusals.set("acc_busy@example.com", [451, 421])
    const id = await write("acc_busy")
    const first = await becomes(id, "waiting", 1)
    assert.match(first.outcome!, /451/)
    const waits = Number(first.due_at) - Date.now()
    assert.isAbove(waits, 5_000)
    assert.isAtMost(waits, 11_000)
    for (const attempts of [2, 3]) {
      await sql`update mail set due_at = 0 where notification = ${id}`.execute(given.database.kysely)
      sending.wake()
      await becomes(id, attempts === 3 ? "sent" : "waiting", attempts)
    }
    assert.strictEqual(timesOf("acc_busy"), 1)
  })

  it("R11 a server's last word is recorded and not asked for again", async () => {
    refusals.set("acc_gone@example.com", [550])
    const id = await write("acc_gone")
    const row = await becomes(id, "failed", 1)
    assert.match(row.outcome!, /550/)
    assert.isNotNull(row.done_at)
    await sql`update mail set due_at = 0 where notification = ${id}`.execute(given.database.kysely)
    const next = await write("acc_next")
    await becomes(next, "sent", 1)
    assert.strictEqual(timesOf("acc_gone"), 0)
    assert.strictEqual((await rowOf(id)).attempts, 1)
  })

  it("R11 what is recorded as sent stays so, whoever records after it", async () => {
    const id = await write("acc_once")
    const row = await becomes(id, "sent", 1)
    await recordMails(given.database, [
      { notification: id, recorded: { state: "failed", dueAt: 1, outcome: "late", at: 1 } },
    ])
    assert.deepStrictEqual(await rowOf(id), row)
  })
})
