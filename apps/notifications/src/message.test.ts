/** Goal: whatever a mail says, its reader gets those words. Method: a mail parser of other people, and any words. */
import { assert, describe, it } from "vitest"
import * as fc from "fast-check"
import PostalMime from "postal-mime"
import { noticeOf } from "./facts.fixture.ts"
import { type Mail, messageOf } from "./message.ts"
import { mailOf } from "./templates/index.ts"

const FROM = "Credits <hello@credits.example>"
const AT = Date.UTC(2026, 10, 26)

const mailWith = (words: Partial<Mail>): Mail => ({
  id: "ntf_1",
  to: { name: "Ada", address: "ada@example.com" },
  ...mailOf(noticeOf("payment.failed"), "Ada", "https://credits.example"),
  at: AT,
  ...words,
})

/** The parser ends the last line of a part too. */
const wordsOf = (part: string | undefined): string => (part ?? "").replace(/\n$/, "")

/** What people write: every script, long lines, and what means something in a message. */
const words = fc
  .array(
    fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 120 }),
      fc.constantFrom(
        "--=_ntf_1",
        "--=_ntf_1--",
        ".",
        "=",
        "=3D",
        "From me",
        " ",
        "\t",
        "ä".repeat(90),
        "x".repeat(1200),
      ),
    ),
    { maxLength: 12 },
  )
  // A message has lines, and no other controls.
  .map((lines) => lines.map((line) => line.replaceAll(/[\p{Cc}\p{Cs}]/gu, "")).join("\n"))
const line = words.map((text) => text.replaceAll("\n", " ").trim().slice(0, 200))

describe("a mail on the wire", () => {
  it("R11 says what it was given, as text and as HTML, to whom it is for", async () => {
    await fc.assert(
      fc.asyncProperty(words, words, line, line, async (text, html, subject, name) => {
        const mail = mailWith({ text, html, subject, to: { name, address: "ada@example.com" } })
        const read = await PostalMime.parse(messageOf(mail, FROM).raw)
        assert.strictEqual(wordsOf(read.text), text)
        assert.strictEqual(wordsOf(read.html), html)
        assert.deepStrictEqual(read.to, [{ address: "ada@example.com", name: read.to?.[0]?.name ?? "" }])
        assert.strictEqual(read.messageId, "<ntf_1@credits.example>")
      }),
    )
  })

  it("R11 no line is longer than a mail server takes, and every one ends as it must", () => {
    fc.assert(
      fc.property(words, words, line, (text, html, subject) => {
        const { raw } = messageOf(mailWith({ text, html, subject }), FROM)
        const lines = raw.split("\r\n")
        for (const each of lines) {
          assert.isAtMost(each.length, 998)
          assert.notMatch(each, /[\r\n]/)
        }
        assert.isTrue(raw.endsWith("\r\n"))
      }),
    )
  })

  it("R11 a subject and a name in any script arrive as written", async () => {
    const mail = mailWith({
      subject: "Zahlung über 20,00 $ — 成功",
      to: { name: 'Åsa "the" <First>', address: "a@b.example" },
    })
    const read = await PostalMime.parse(messageOf(mail, FROM).raw)
    assert.strictEqual(read.subject, mail.subject)
    assert.deepStrictEqual(read.to, [mail.to])
    assert.deepStrictEqual(read.from, { name: "Credits", address: "hello@credits.example" })
    assert.strictEqual(read.date, new Date(AT).toISOString())
  })

  it("R11 nobody's name writes a header of its own", async () => {
    const name = "Ada\r\nBcc: eve@example.com"
    const message = messageOf(
      mailWith({ to: { name, address: "ada@example.com" }, subject: `x\r\nBcc: eve@example.com` }),
      FROM,
    )
    const read = await PostalMime.parse(message.raw)
    assert.notInclude(
      read.headers.map(({ key }) => key),
      "bcc",
    )
    assert.deepStrictEqual(message.envelope(), { from: "hello@credits.example", to: ["ada@example.com"] })
  })

  it("the same mail is the same message, byte for byte", () => {
    assert.strictEqual(messageOf(mailWith({}), FROM).raw, messageOf(mailWith({}), FROM).raw)
  })
})
