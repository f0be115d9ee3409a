/** Goal: a mail arrives as written, and a server's answers mean what they should. Method: a real SMTP server. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SMTPServer, type SMTPServerOptions } from "smtp-server"
import { afterEach, assert, describe, it } from "vitest"
import { noticeOf } from "./facts.fixture.ts"
import { fileChannel, smtpChannel } from "./mail-channel.ts"
import type { Mail } from "./message.ts"
import { mailOf } from "./templates/index.ts"

const FROM = "Credits <hello@credits.example>"
const mail: Mail = {
  id: "ntf_1",
  to: { name: 'Ada "the" <First>', address: "ada@example.com" },
  ...mailOf(noticeOf("payment.failed"), "Ada", "https://credits.example"),
  at: Date.UTC(2026, 10, 26),
}

interface Received {
  readonly from: string
  readonly to: ReadonlyArray<string>
  readonly text: string
}

let closing: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closing) await close()
  closing = []
})

/** Takes everything, unless told otherwise. */
const smtp = async (options: SMTPServerOptions = {}) => {
  const received: Array<Received> = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    logger: false,
    onData: (stream, { envelope }, done) => {
      const parts: Array<Buffer> = []
      stream.on("data", (part: Buffer) => parts.push(part))
      stream.on("end", () => {
        const from = envelope.mailFrom === false ? "" : envelope.mailFrom.address
        const to = envelope.rcptTo.map(({ address }) => address)
        received.push({ from, to, text: Buffer.concat(parts).toString() })
        done()
      })
    },
    ...options,
  })
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  const { port } = server.server.address() as AddressInfo
  const channel = smtpChannel(`smtp://127.0.0.1:${port}`, FROM)
  closing.push(async () => {
    channel.close()
    await new Promise<void>((closed) => server.close(() => closed()))
  })
  return { channel, received }
}

const answering = (code: number, text: string): SMTPServerOptions => ({
  onRcptTo: (_address, _session, done) => done(Object.assign(new Error(text), { responseCode: code })),
})

describe("mail over SMTP", () => {
  it("arrives as text and HTML, to whom it should, and is the same message when sent again", async () => {
    const { channel, received } = await smtp()
    assert.strictEqual((await channel.send(mail)).kind, "sent")
    assert.strictEqual((await channel.send(mail)).kind, "sent")
    assert.lengthOf(received, 2)
    const [first, second] = received
    assert.deepStrictEqual([first!.from, first!.to], ["hello@credits.example", ["ada@example.com"]])
    for (const { text } of [first!, second!]) {
      assert.match(text, /^Message-ID: <ntf_1@credits\.example>\r?$/m)
      assert.match(text, /^Subject: Payment of \$20\.00 failed\r?$/m)
      assert.match(text, /^Auto-Submitted: auto-generated\r?$/m)
      assert.include(text, "multipart/alternative")
      assert.include(text, "text/plain")
      assert.include(text, "text/html")
    }
  })

  it("R11 a 5xx is the server's last word, a 4xx and silence are not", async () => {
    const refusing = await smtp(answering(550, "no such user here"))
    const refused = await refusing.channel.send(mail)
    assert.strictEqual(refused.kind, "refused")
    assert.match(refused.detail, /no such user here/)
    const busy = await smtp(answering(451, "come back later"))
    assert.strictEqual((await busy.channel.send(mail)).kind, "failed")
    const nobody = smtpChannel("smtp://127.0.0.1:1", FROM)
    closing.push(async () => nobody.close())
    assert.strictEqual((await nobody.send(mail)).kind, "failed")
  })

  it("a password that is wrong is ours to mend: the mail waits", async () => {
    const { received } = await smtp()
    const strict = new SMTPServer({
      disabledCommands: ["STARTTLS"],
      logger: false,
      onAuth: (_auth, _session, done) => done(Object.assign(new Error("no"), { responseCode: 535 })),
    })
    await new Promise<void>((listening) => strict.listen(0, "127.0.0.1", listening))
    const { port } = strict.server.address() as AddressInfo
    const channel = smtpChannel(`smtp://user:wrong@127.0.0.1:${port}`, FROM)
    closing.push(async () => {
      channel.close()
      await new Promise<void>((closed) => strict.close(() => closed()))
    })
    assert.strictEqual((await channel.send(mail)).kind, "failed")
    assert.lengthOf(received, 0)
  })
})

describe("mail as files", () => {
  it("is one file a notification, whole, that any mail program opens", async () => {
    const folder = await mkdtemp(join(tmpdir(), "credits-mail-"))
    closing.push(() => rm(folder, { recursive: true, force: true }))
    const channel = fileChannel(join(folder, "mail"), FROM)
    assert.strictEqual((await channel.send(mail)).kind, "sent")
    assert.strictEqual((await channel.send(mail)).kind, "sent")
    assert.deepStrictEqual(await readdir(join(folder, "mail")), ["ntf_1.eml"])
    const text = await readFile(join(folder, "mail", "ntf_1.eml"), "utf8")
    assert.include(text, "Message-ID: <ntf_1@credits.example>")
    assert.include(text, "ada@example.com")
  })

  it("a folder that cannot be written is tried again", async () => {
    const channel = fileChannel("/dev/null/mail", FROM)
    assert.strictEqual((await channel.send(mail)).kind, "failed")
  })
})
