/**
 * Goal: the plans say what is charged and what can be bought, to everybody in every state (R3, R4). Method: the real
 * page in a real browser on the whole system; each state is made over HTTP, then looked at in both themes and widths.
 */
import { advanceClock } from "@credits/testkit"
import { afterAll, afterEach, assert, beforeAll, describe, expect, it } from "vitest"
import { HAS_BROWSER, inspect } from "./browser.fixture.ts"
import { cardOf, dialogOf, openShop, payButton, type Shop, SUPPORT_URL, withPlan } from "./shop.fixture.ts"

let shop: Shop

beforeAll(async () => {
  if (HAS_BROWSER) shop = await openShop("pricing")
})
afterAll(() => shop?.browser.close())
afterEach(async () => {
  if (HAS_BROWSER) assert.deepEqual(await shop.closeTabs(), [])
})

describe.skipIf(!HAS_BROWSER)("the plans", () => {
  it("R3.1 R3.2 a visitor sees what is charged, the offer's condition, and returns to the same checkout", async () => {
    const { page } = await shop.visit("/pricing")
    const pro = cardOf(page, "Pro")
    await pro.getByText("$70", { exact: true }).waitFor()
    await pro.getByText("Then renews at $100.00 every month.").waitFor()
    await pro.getByText("New monthly subscriptions, once per account.").waitFor()
    expect(await inspect(page, "pricing-visitor")).toEqual([])
    await page.getByRole("radio", { name: "Yearly" }).check()
    await pro.getByText("$720", { exact: true }).waitFor()
    await pro.getByText("that is $60.00 a month").waitFor()
    expect(await pro.getByText("first month").count()).toBe(0)
    expect(await inspect(page, "pricing-visitor-yearly")).toEqual([])
    await page.getByRole("radio", { name: "Monthly" }).check()
    await pro.getByRole("link", { name: "Choose Pro" }).click()
    await page.getByLabel("E-mail address").fill("pricing-visitor@example.com")
    await page.getByRole("button", { name: "Sign in" }).click()
    await page.getByRole("dialog", { name: "Pro, monthly" }).waitFor()
    expect(new URL(page.url()).search).toBe("?plan=pro&interval=monthly")
    await payButton(page).filter({ hasText: "Pay $70.00" }).waitFor()
  })

  it("R4.1 lower plans and the month after the year are disabled, with the reason and the way to support", async () => {
    const { page } = await shop.openPage("/pricing", withPlan("pro", "yearly"))
    const max = cardOf(page, "Max")
    // The page opens with the interval that is paid.
    expect(await page.getByRole("radio", { name: "Yearly" }).isChecked()).toBe(true)
    await cardOf(page, "Pro").getByText("Your plan").first().waitFor()
    expect(await max.getByRole("button", { name: "Upgrade to Max" }).isEnabled()).toBe(true)
    const plus = cardOf(page, "Plus")
    const lower = plus.getByRole("button", { name: "Choose Plus" })
    expect(await lower.isDisabled()).toBe(true)
    await plus.getByText(/Lower plans are arranged by support/).waitFor()
    expect(await plus.getByRole("link", { name: "Write to support" }).getAttribute("href")).toBe(SUPPORT_URL)
    expect(await inspect(page, "pricing-pro-yearly")).toEqual([])
    await page.getByRole("radio", { name: "Monthly" }).check()
    await max.getByText(/From yearly to monthly is arranged by support/).waitFor()
    expect(await max.getByRole("button").isDisabled()).toBe(true)
    expect(await inspect(page, "pricing-pro-yearly-by-month")).toEqual([])
  })

  it("R4.1 an address of a lower plan is answered with support, not with a price", async () => {
    const { page } = await shop.openPage("/pricing?plan=plus&interval=monthly", withPlan("pro", "monthly"))
    const dialog = dialogOf(page)
    await dialog.getByText("Support arranges this").waitFor()
    expect(await dialog.getByRole("link", { name: "Write to support" }).getAttribute("href")).toBe(SUPPORT_URL)
    expect(await inspect(page, "checkout-downgrade")).toEqual([])
  })

  it("R4.7 canceling: the plan says when it ends, an upgrade that it resumes", async () => {
    const { page } = await shop.openPage("/pricing", async (ada) => {
      await withPlan("plus", "monthly")(ada)
      await ada.change("cancel")
    })
    await cardOf(page, "Plus")
      .getByText(/^Ends on/)
      .waitFor()
    await cardOf(page, "Free")
      .getByText(/You are on Free from/)
      .waitFor()
    await cardOf(page, "Pro").getByText("Your cancellation is undone.").waitFor()
    expect(await inspect(page, "pricing-canceling")).toEqual([])
    await cardOf(page, "Pro").getByRole("button", { name: "Upgrade to Pro" }).click()
    await dialogOf(page).getByText("Your cancellation is undone: the subscription goes on.").waitFor()
  })

  it("R4.7 R5.4 past due: the plan says what is owed, an upgrade that it is due in full", async () => {
    const { page } = await shop.openPage("/pricing", async (ada) => {
      await withPlan("plus", "monthly", "tok_ok_then_decline")(ada)
      await advanceClock(shop.browser.system.url, { by: "P32D" })
    })
    await cardOf(page, "Plus")
      .getByText(/The renewal of \$20\.00 is unpaid/)
      .waitFor()
    await cardOf(page, "Max")
      .getByText(/^Due in full/)
      .waitFor()
    expect(await inspect(page, "pricing-past-due")).toEqual([])
  })
})
