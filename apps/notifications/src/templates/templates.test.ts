/** Goal: every kind reads well in both forms of a mail, and nothing from outside reaches the HTML as markup. Pure. */
import { NOTIFICATION_KINDS, type NotificationKind } from "@credits/contracts"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { everyNotice, noticeOf } from "../facts.fixture.ts"
import { mailOf, tell } from "./index.ts"
import { escapeHtml } from "./layout.ts"
import { dollars, when } from "./words.ts"

const URL_OF_PAGES = "https://credits.example"
const KINDS = Object.keys(NOTIFICATION_KINDS) as ReadonlyArray<NotificationKind>

describe("templates", () => {
  it("R11 every kind has a title, one paragraph, a link and an action, in inbox, text and HTML alike", () => {
    for (const notice of everyNotice()) {
      const { title, body, link, action } = tell(notice)
      const mail = mailOf(notice, "Ada", URL_OF_PAGES)
      assert.strictEqual(mail.subject, title)
      for (const text of [title, body, action]) {
        assert.notMatch(text, /undefined|null|NaN|\[object|\s\s|^\s|\s$/, notice.kind)
        assert.include(mail.text, text, notice.kind)
        assert.include(mail.html, escapeHtml(text), notice.kind)
      }
      assert.notInclude(body, "\n", notice.kind)
      assert.include(mail.text, URL_OF_PAGES + link)
      assert.include(mail.html, `href="${URL_OF_PAGES}${escapeHtml(link)}"`)
      assert.include(mail.text, "Hello Ada,")
    }
  })

  it("amounts have a $, instants their zone, and no raw code of the system shows", () => {
    for (const notice of everyNotice()) {
      const { title, body } = tell(notice)
      const text = `${title} ${body}`
      assert.notMatch(text, /\d{4}-\d{2}-\d{2}T|USD|nano/, notice.kind)
      for (const [clock] of text.matchAll(/\d{2}:\d{2}(?! UTC)/g))
        assert.fail(`${notice.kind}: ${clock} without a zone`)
      for (const [amount] of text.matchAll(/(?<![$\d.,/])\d+\.\d\d\b/g))
        assert.fail(`${notice.kind}: ${amount} without $`)
    }
  })

  it("a mail loads nothing from elsewhere, and is good in the light and in the dark", () => {
    for (const notice of everyNotice()) {
      const { html } = mailOf(notice, null, URL_OF_PAGES)
      assert.notMatch(html, /<img|<script|<link|url\(|@import|src=/i, notice.kind)
      assert.include(html, "prefers-color-scheme: dark")
      assert.include(html, '<html lang="en">')
    }
  })

  it("whatever a bank, a support person or a name says stays text", () => {
    const evil = `"><script>alert('&')</script>`
    fc.assert(
      fc.property(
        fc.constantFrom(...KINDS),
        fc.oneof(fc.constant(evil), fc.string({ unit: fc.constantFrom("<", ">", "&", '"', "'", "a", "/") })),
        (kind, text) => {
          const notice = noticeOf(kind)
          const words = Object.entries(notice.data).map(([name, value]) => {
            const isWord = typeof value === "string" && !/^[\d.]+$|T\d\d:|^\d{4}-\d\d$|ly$/.test(value)
            return [name, isWord ? text : value]
          })
          const about = { kind, data: Object.fromEntries(words) as object }
          const clean = mailOf({ kind, data: notice.data }, "Ada", URL_OF_PAGES)
          const { html } = mailOf(about, text, URL_OF_PAGES)
          const tags = (of: string) => of.replaceAll(/href="[^"]*"/g, "").match(/<[^>]*>/g)
          assert.deepStrictEqual(tags(html), tags(clean.html))
        },
      ),
    )
  })
})

describe("words", () => {
  it("R11 who has something left never reads $0.00", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 18n }), (nano) => {
        const text = `${nano / 10n ** 9n}.${(nano % 10n ** 9n).toString().padStart(9, "0")}`
        assert.notStrictEqual(dollars(text), "$0.00")
      }),
    )
    assert.strictEqual(dollars("0.000000001"), "less than $0.01")
    assert.strictEqual(dollars("0.00"), "$0.00")
    assert.strictEqual(dollars("1234567.891"), "$1,234,567.89")
    assert.strictEqual(dollars("12"), "$12.00")
  })

  it("R12.2 an instant is a date and a time with its zone", () => {
    assert.strictEqual(when("2026-01-02T03:04:05.000Z"), "2 January 2026, 03:04 UTC")
  })
})
