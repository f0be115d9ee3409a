/**
 * Goal: a customer's whole life with their credit, on the pages alone: sign in, Free with an own key, Plus at the
 * offer, spend, run low, auto top-up to its cap, Pro, cancel, resume, a year. Method: one browser tab on the whole
 * system; the gateway calls and the clock is moved as in life, everything else is clicked; at the end the card
 * processor's own book says what was charged.
 */
import { advanceClock, businessNow, callUntilServed, Customer, Spender } from "@credits/testkit"
import type { Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type BrowserUnderTest, HAS_BROWSER, openBrowser, type Tab } from "./browser.fixture.ts"

const EMAIL = "grace@example.com"

let browser: BrowserUnderTest
let tab: Tab
let customer: Customer
let spender: Spender

beforeAll(async () => {
  if (!HAS_BROWSER) return
  browser = await openBrowser()
  spender = await Spender.open(browser.system.url)
  tab = await browser.open("/")
})
afterAll(() => browser?.close())

const region = (page: Page, name: string) => page.getByRole("region", { name, exact: true })
const available = async (page: Page, text: string) => {
  await page.getByTestId("available").getByText(text, { exact: true }).waitFor()
}
/** A call with the customer's own provider key: reported, never charged (R8.1). */
const callWithOwnKey = async () => {
  const { body } = await callUntilServed<{ key: string }>(browser.system.url, "/api/v1/dev/gateway-key", { json: {} })
  const event = {
    specversion: "1.0",
    type: "ai.usage.v1",
    id: "own-key-1",
    source: "story",
    subject: customer.account,
    time: new Date(await businessNow(browser.system.url)).toISOString(),
    data: {
      requestId: "own-key-1",
      mode: "byok",
      provider: "openai",
      model: "gpt-4o",
      status: "ok",
      tokens: { convention: "inclusive", input: 1000, output: 200 },
    },
  }
  const answer = await callUntilServed(browser.system.url, "/api/v1/gateway/usage", { token: body.key, json: event })
  expect(answer.status).toBe(202)
}
/** Through the dialog as a customer goes: terms, pay, done. */
const pay = async (page: Page, amount: string) => {
  const dialog = page.getByRole("dialog")
  await dialog.getByRole("checkbox", { name: /^I agree/ }).check()
  await dialog.getByRole("button", { name: `Pay ${amount}` }).click()
  await dialog.getByRole("link", { name: "To your wallet" }).click()
  await page.getByTestId("available").waitFor()
}

describe.skipIf(!HAS_BROWSER)("a customer's life on the pages", () => {
  it("a visitor reads the prices, and signs in", async () => {
    const { page } = tab
    await page.getByRole("heading", { name: /^A balance in dollars/ }).waitFor()
    await page.getByText("$16", { exact: true }).waitFor()
    await page.getByRole("link", { name: "Sign in" }).click()
    await page.getByLabel("E-mail address").fill(EMAIL)
    await page.getByRole("button", { name: "Sign in" }).click()
    await available(page, "$0.00")
    customer = await Customer.signIn(browser.system.url, EMAIL)
  })

  it("R8.1 on Free the own key works, is counted, and costs $0.00", async () => {
    await callWithOwnKey()
    const { page } = tab
    const usage = region(page, "Usage")
    await page.reload()
    await usage.getByRole("row", { name: /gpt-4o 1 BYOK .* \$0\.00$/ }).waitFor()
    await available(page, "$0.00")
  })

  it("R3.1 buys Plus at the offer, with a card given on the way", async () => {
    const { page } = tab
    await page.getByRole("link", { name: "See plans" }).click()
    await page.getByRole("button", { name: "Subscribe to Plus" }).click()
    const dialog = page.getByRole("dialog")
    await dialog.getByRole("button", { name: "Use this card" }).click()
    await pay(page, "$16.00")
    await available(page, "$20.00")
    await region(page, "Charges and receipts").getByText("Subscription: Plus, monthly").waitFor()
  })

  it("R9.1 spends, turns on auto top-up with a cap of 25, runs low, and is topped up by itself", async () => {
    const { page } = tab
    await spender.spend(customer, 300)
    await available(page, "$17.00")
    await page.getByRole("button", { name: "Turn on auto top-up" }).click()
    const dialog = page.getByRole("dialog")
    await dialog.getByLabel(/Most that may be charged/).fill("25")
    await dialog.getByRole("checkbox").check()
    await dialog.getByRole("button", { name: "Turn on" }).click()
    await region(page, "Auto top-up").getByText("On", { exact: true }).waitFor()
    await spender.spend(customer, 1400)
    await available(page, "$13.00")
  })

  it("R9.3 reaches the cap with a last top-up that is cut to it, and is told so", async () => {
    const { page } = tab
    await spender.spend(customer, 900)
    await available(page, "$14.00")
    await spender.spend(customer, 1000)
    await available(page, "$9.00")
    const card = region(page, "Auto top-up")
    await spender.spend(customer, 500)
    await card.getByText("Cap reached").waitFor()
    await card.getByText("$25.00").waitFor()
    await available(page, "$4.00")
  })

  it("R4.2 R4.3 upgrades to Pro for the prorated difference, at once", async () => {
    const { page } = tab
    await page.getByRole("link", { name: "Change plan" }).click()
    await page.getByRole("button", { name: "Upgrade to Pro" }).click()
    const dialog = page.getByRole("dialog")
    const button = dialog.getByRole("button", { name: /^Pay \$/ })
    await button.waitFor()
    const amount = (await button.textContent())!.replace("Pay ", "")
    await pay(page, amount)
    await region(page, "Plan").getByText("Pro", { exact: true }).waitFor()
    const [charge] = await customer.history()
    expect(`$${charge!.amountUsd}`).toBe(amount)
    // The plan credit of Plus was spent: what it lacks for the time given back is taken from the new grant (R4.3).
    const { availableUsd } = await customer.wallet()
    expect(Number(availableUsd)).toBeGreaterThan(100)
    expect(Number(availableUsd)).toBeLessThan(124.01)
  })

  it("R5.1 cancels, sees what stays and until when, and resumes", async () => {
    const { page } = tab
    await page.getByRole("button", { name: "Cancel plan" }).click()
    await page.getByRole("dialog").getByRole("button", { name: "Cancel Pro" }).click()
    await page.getByText("Pro ends on your request").waitFor()
    await region(page, "Auto top-up").getByText("Paused", { exact: true }).waitFor()
    await region(page, "Plan").getByRole("button", { name: "Resume" }).click()
    await region(page, "Plan").getByText("Active", { exact: true }).waitFor()
  })

  it("R12.1 a year passes: twelve renewals, the last cycle's credits are there and no earlier ones", async () => {
    const { page } = tab
    await advanceClock(browser.system.url, { by: "P1Y" }, 170_000)
    const { availableUsd, lots } = await customer.wallet()
    expect(lots.filter(({ kind }) => kind === "plan")).toMatchObject([{ remainingUsd: "120.00" }])
    await available(page, `$${Number(availableUsd).toFixed(2)}`)
    const renewals = (await customer.history()).filter(({ kind }) => kind === "renewal")
    expect(renewals).toHaveLength(12)
    expect(renewals.every(({ amountUsd, status }) => amountUsd === "100.00" && status === "succeeded")).toBe(true)
    const charges = region(page, "Charges and receipts")
    await charges.getByText("Renewal: Pro, monthly").first().waitFor()
  })

  it("R10.1 the processor's own book has exactly what the page shows, each obligation once", async () => {
    const [book, history] = [await customer.book(), await customer.history()]
    expect(new Set(book.map(({ obligation }) => obligation)).size).toBe(book.length)
    const paid = history.filter(({ status }) => status === "succeeded").map(({ amountUsd }) => amountUsd)
    expect(book.map(({ amountUsd }) => amountUsd).toSorted()).toEqual(paid.toSorted())
    expect(tab.complaints).toEqual([])
  })
})
