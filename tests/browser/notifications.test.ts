/**
 * Goal: a customer finds what happened, can say what was read, and chooses what comes where, but never misses what is
 * about money (R11). Method: the real page in a real browser on the whole system; the messages are of a real life.
 */
import { type Customer, Spender } from "@credits/testkit"
import type { Page } from "playwright-core"
import { afterAll, afterEach, assert, beforeAll, describe, expect, it } from "vitest"
import { type BrowserUnderTest, HAS_BROWSER, inspect, openBrowser, type Tab } from "./browser.fixture.ts"

let browser: BrowserUnderTest
let spender: Spender
const tabs: Array<Tab> = []

beforeAll(async () => {
  if (!HAS_BROWSER) return
  browser = await openBrowser()
  spender = await Spender.open(browser.system.url)
})
afterAll(() => browser?.close())
afterEach(async () => {
  for (const { context, complaints } of tabs.splice(0)) {
    await context.close()
    assert.deepEqual(complaints, [])
  }
})

let people = 0
const openInbox = async (life: (customer: Customer) => Promise<unknown> = async () => undefined) => {
  const opened = await browser.signIn(`inbox-${++people}@example.com`, "/healthz")
  tabs.push(opened)
  await life(opened.customer)
  await opened.page.goto("/notifications")
  await opened.page.getByRole("region", { name: "What comes where" }).waitFor()
  return opened
}
const onPlus = async (customer: Customer) => {
  await customer.saveCard("tok_ok")
  await customer.buy("plus", "monthly")
}
const main = (page: Page) => page.getByRole("main")
const unread = (page: Page, text: string) => main(page).getByRole("status").getByText(text)

describe.skipIf(!HAS_BROWSER)("the notifications page", () => {
  it("R11 is empty at first, and shows a message as soon as something happened", async () => {
    const { page, customer } = await openInbox()
    await main(page).getByText("Nothing to tell yet").waitFor()
    expect(await inspect(page, "inbox-empty")).toEqual([])
    await onPlus(customer)
    await unread(page, "1 unread").waitFor()
    await page.getByRole("link", { name: /^Notifications\s*1 unread/ }).waitFor()
    expect(await inspect(page, "inbox-one")).toEqual([])
  })

  it("R11 one is read by its button, the rest at once; what is unread can be looked at alone", async () => {
    const { page, customer } = await openInbox(async (ada) => {
      await onPlus(ada)
      await spender.spend(ada, 1100)
    })
    await unread(page, "2 unread").waitFor()
    await page
      .getByRole("button", { name: /^Mark as read/ })
      .first()
      .click()
    await unread(page, "1 unread").waitFor()
    await page.getByRole("checkbox", { name: "Unread only" }).check()
    await page.waitForFunction(() => document.querySelectorAll("main section[aria-label] li").length === 1)
    await page.getByRole("button", { name: "Mark all as read" }).click()
    await main(page).getByText("Everything is read").waitFor()
    expect(await inspect(page, "inbox-all-read")).toEqual([])
    await page.getByRole("checkbox", { name: "Unread only" }).uncheck()
    await page.waitForFunction(() => document.querySelectorAll("main section[aria-label] li").length === 2)
    expect((await customer.call<{ unreadCount: number }>("notifications")).body.unreadCount).toBe(0)
  })

  it("R11 a message leads to what it is about, and is read by that", async () => {
    const { page, customer } = await openInbox(onPlus)
    await page.getByRole("link", { name: /^Look at it/ }).click()
    await page.waitForURL((url) => url.pathname !== "/notifications")
    expect(await page.getByRole("heading", { name: "There is no such page" }).count()).toBe(0)
    await page.goto("/notifications")
    await unread(page, "Nothing unread").waitFor()
    expect((await customer.call<{ unreadCount: number }>("notifications")).body.unreadCount).toBe(0)
  })

  it("R11 what is about money cannot be turned off; the rest can, and stays so", async () => {
    const { page } = await openInbox()
    const choice = (name: string) => page.getByRole("checkbox", { name, exact: true })
    for (const group of ["Receipts", "Payments", "Auto top-up"]) {
      for (const channel of ["Here", "E-mail"]) {
        expect(await choice(`${group}: ${channel}`).isChecked()).toBe(true)
        expect(await choice(`${group}: ${channel}`).isDisabled()).toBe(true)
      }
    }
    expect(await page.getByText("About money: always told.").count()).toBe(3)
    const changed = page.waitForResponse((answer) => answer.request().method() === "PUT" && answer.ok())
    await choice("Credits: E-mail").press("Space")
    await changed
    await page.reload()
    await choice("Credits: Here").waitFor()
    expect(await choice("Credits: E-mail").isChecked()).toBe(false)
    expect(await choice("Credits: Here").isChecked()).toBe(true)
  })
})
