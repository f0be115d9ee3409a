/**
 * Goal: buying a plan in the browser charges what was shown, once, and every way it can end is told. Method: the real
 * pages in a real browser on the whole system; what was charged is read from the sandbox processor's own book.
 */
import { advanceClock, type Customer } from "@credits/testkit"
import type { Page } from "playwright-core"
import { afterAll, afterEach, assert, beforeAll, describe, expect, it } from "vitest"
import {
  type BrowserUnderTest,
  HAS_BROWSER,
  inspect,
  openBrowser,
  type Tab,
  type TabOptions,
} from "./browser.fixture.ts"

const SUPPORT_URL = "https://support.example.com/plans"

let browser: BrowserUnderTest
const tabs: Array<Tab> = []

beforeAll(async () => {
  if (!HAS_BROWSER) return
  browser = await openBrowser({ env: { CREDITS_SUPPORT_URL: SUPPORT_URL } })
})
afterAll(() => browser?.close())
afterEach(async () => {
  for (const { context, complaints } of tabs.splice(0)) {
    await context.close()
    assert.deepEqual(complaints, [])
  }
})

let people = 0
/** Somebody new, made by `life` before the page is opened. */
const openPage = async (
  path: string,
  life: (customer: Customer) => Promise<unknown> = async () => undefined,
  options: TabOptions = {},
) => {
  const opened = await browser.signIn(`pricing-${++people}@example.com`, "/healthz", options)
  tabs.push(opened)
  await life(opened.customer)
  await opened.page.goto(path)
  return opened
}

const withPlan =
  (plan: string, interval: string, card = "tok_ok") =>
  async (customer: Customer) => {
    await customer.saveCard(card)
    await customer.buy(plan, interval)
  }
const dialogOf = (page: Page) => page.getByRole("dialog")
const cardOf = (page: Page, plan: string) => page.getByRole("region", { name: plan, exact: true })
const payButton = (page: Page) => dialogOf(page).getByRole("button", { name: /^Pay \$/ })
const agree = (page: Page) => dialogOf(page).getByRole("checkbox").check()

const chooseTestCard = async (page: Page, label: string) => {
  const dialog = dialogOf(page)
  await dialog.getByRole("radio", { name: new RegExp(`^${label}`) }).check()
  await dialog.getByRole("button", { name: "Use this card" }).click()
  await dialog.getByRole("button", { name: "Use another card" }).waitFor()
}
const booked = async (customer: Customer) => (await customer.book()).map(({ amountUsd }) => amountUsd)
const cents = (text: string): number =>
  Math.round(Number(text.replaceAll(/[^\d.]/g, "")) * 100) * (text.includes("−") ? -1 : 1)

describe.skipIf(!HAS_BROWSER)("the plans", () => {
  it("R3.1 R3.2 a visitor sees what is charged, the offer's condition, and is brought back to the same checkout", async () => {
    const tab = await browser.open("/pricing")
    tabs.push(tab)
    const { page } = tab
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
    await page.getByLabel("E-mail address").fill(`pricing-visitor-${++people}@example.com`)
    await page.getByRole("button", { name: "Sign in" }).click()
    await page.getByRole("dialog", { name: "Pro, monthly" }).waitFor()
    expect(new URL(page.url()).search).toBe("?plan=pro&interval=monthly")
    await payButton(page).filter({ hasText: "Pay $70.00" }).waitFor()
  })

  it("R4.1 lower plans and the month after the year are disabled, with the reason and the way to support", async () => {
    const { page } = await openPage("/pricing", withPlan("pro", "yearly"))
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
    const { page } = await openPage("/pricing?plan=plus&interval=monthly", withPlan("pro", "monthly"))
    const dialog = dialogOf(page)
    await dialog.getByText("Support arranges this").waitFor()
    expect(await dialog.getByRole("link", { name: "Write to support" }).getAttribute("href")).toBe(SUPPORT_URL)
    expect(await inspect(page, "checkout-downgrade")).toEqual([])
  })

  it("R4.7 canceling: the plan says when it ends, an upgrade that it resumes", async () => {
    const { page } = await openPage("/pricing", async (ada) => {
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
    const { page } = await openPage("/pricing", async (ada) => {
      await withPlan("plus", "monthly", "tok_ok_then_decline")(ada)
      await advanceClock(browser.system.url, { by: "P32D" })
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

describe.skipIf(!HAS_BROWSER)("the checkout", () => {
  it("a purchase by keyboard alone: Tab, arrows, Space and Enter", async () => {
    const { page, customer } = await openPage("/pricing", (ada) => ada.saveCard("tok_ok"))
    const press = (key: string) => page.keyboard.press(key)
    const focused = () =>
      page.evaluate(() => {
        const at = document.activeElement
        return at?.getAttribute("aria-label") ?? (at instanceof HTMLInputElement ? at.type : (at?.textContent ?? ""))
      })
    /** Tabs on until this has the focus; a page has fewer stops than this. */
    const tabTo = async (name: string) => {
      for (let stops = 0; stops < 60; stops++) {
        if ((await focused()) === name) return
        await press("Tab")
      }
      throw new Error(`no stop on ${name}`)
    }
    await cardOf(page, "Plus").getByRole("button", { name: "Subscribe to Plus" }).waitFor()
    await tabTo("radio")
    await press("ArrowRight")
    await page.getByRole("button", { name: "Subscribe to Plus" }).waitFor()
    expect(await page.getByRole("radio", { name: "Yearly" }).isChecked()).toBe(true)
    await press("ArrowLeft")
    await cardOf(page, "Plus").getByText("$16", { exact: true }).waitFor()
    await tabTo("Subscribe to Plus")
    await press("Enter")
    await payButton(page).waitFor()
    await tabTo("checkbox")
    await press("Space")
    await tabTo("Pay $16.00")
    await press("Enter")
    await dialogOf(page).getByText("You are on Plus").waitFor()
    // The focus is where the result is, and never left the dialog.
    expect(await page.evaluate(() => document.querySelector("[role=dialog]")!.contains(document.activeElement))).toBe(
      true,
    )
    expect(await booked(customer)).toEqual(["16.00"])
    expect(await inspect(page, "checkout-bought")).toEqual([])
    await press("Escape")
    await dialogOf(page).waitFor({ state: "detached" })
    await cardOf(page, "Plus").getByText("Your plan").first().waitFor()
  })

  it("the focus stays in the dialog and goes back to the button that opened it", async () => {
    const { page } = await openPage("/pricing", (ada) => ada.saveCard("tok_ok"))
    const opener = cardOf(page, "Pro").getByRole("button", { name: "Subscribe to Pro" })
    await opener.click()
    await payButton(page).waitFor()
    for (let stops = 0; stops < 12; stops++) {
      await page.keyboard.press("Tab")
      const isInside = await page.evaluate(() => {
        const at = document.activeElement
        return at === document.body || at?.closest("[role=dialog], [data-base-ui-focus-guard]") !== null
      })
      expect(isInside).toBe(true)
    }
    await page.keyboard.press("Escape")
    await dialogOf(page).waitFor({ state: "detached" })
    await page.waitForFunction(() => document.activeElement?.textContent === "Subscribe to Pro")
    expect(new URL(page.url()).searchParams.has("plan")).toBe(false)
  })

  it("R4.4 shows every line, needs the card and the terms, and charges what the button says", async () => {
    const { page, customer } = await openPage("/pricing?plan=pro&interval=monthly")
    const dialog = dialogOf(page)
    await dialog.getByText("Pro, one month (first-month offer)").waitFor()
    await dialog.getByText("Choose a test card").waitFor()
    expect(await payButton(page).isDisabled()).toBe(true)
    expect(await inspect(page, "checkout-no-card")).toEqual([])
    await chooseTestCard(page, "Works\\s*Every")
    expect(await dialog.getByRole("checkbox").isChecked()).toBe(false)
    expect(await payButton(page).isDisabled()).toBe(true)
    await agree(page)
    await dialog.getByText(/I agree that Pro renews at \$100\.00 every month/).waitFor()
    expect(await inspect(page, "checkout-ready")).toEqual([])
    await payButton(page).click()
    await dialog.getByText("You are on Pro").waitFor()
    await dialog.getByText("$120.00", { exact: true }).waitFor()
    expect(await booked(customer)).toEqual(["70.00"])
  })

  it("R4.2 R4.3 an upgrade's lines add up to what is due, and that is what is charged", async () => {
    const { page, customer } = await openPage("/pricing", withPlan("plus", "monthly"))
    await cardOf(page, "Max").getByRole("button", { name: "Upgrade to Max" }).click()
    const charged = dialogOf(page).getByRole("region", { name: "What is charged today" })
    await charged.getByText("Unused time of Plus").waitFor()
    const lines = await charged.locator("dd").allTextContents()
    const due = await charged.getByText("Due today").locator("xpath=following-sibling::*").textContent()
    expect(lines.length).toBe(2)
    expect(lines.map(cents).reduce((sum, line) => sum + line, 0)).toBe(cents(due!))
    expect(await inspect(page, "checkout-upgrade")).toEqual([])
    await agree(page)
    await payButton(page).click()
    await dialogOf(page).getByText("You are on Max").waitFor()
    expect((await booked(customer)).map(cents).toSorted((a, b) => a - b)).toEqual([1600, cents(due!)])
  })

  it("R10.1 a double click is one charge", async () => {
    const { page, customer } = await openPage("/pricing?plan=pro", (ada) => ada.saveCard("tok_slow"))
    await agree(page)
    await payButton(page).dblclick()
    await dialogOf(page).getByText("You are on Pro").waitFor()
    expect(await booked(customer)).toEqual(["70.00"])
  })

  it("R10.1 back while it is being paid: the page goes on telling, and it is one charge", async () => {
    const { page, customer } = await openPage("/pricing", (ada) => ada.saveCard("tok_slow"))
    await cardOf(page, "Pro").getByRole("button", { name: "Subscribe to Pro" }).click()
    await agree(page)
    await payButton(page).click()
    await page.goBack()
    await dialogOf(page).waitFor({ state: "detached" })
    await page
      .getByRole("status")
      .getByText(/being confirmed by the bank/)
      .waitFor()
    expect(await inspect(page, "pricing-being-confirmed")).toEqual([])
    await cardOf(page, "Pro").getByText("Your plan").first().waitFor()
    await page.goForward()
    await dialogOf(page)
      .getByText(/You have Pro already/)
      .waitFor()
    expect(await booked(customer)).toEqual(["70.00"])
  })

  it("R4.6 R10.1 two tabs that confirm at once make one charge, and both say what is true", async () => {
    const { page, context, customer } = await openPage("/pricing?plan=plus", (ada) => ada.saveCard("tok_slow"))
    const other = await context.newPage()
    await other.goto("/pricing?plan=plus")
    await Promise.all([agree(page), agree(other)])
    await Promise.all([payButton(page).click(), payButton(other).click()])
    await dialogOf(page)
      .getByText(/You (are on|have) Plus/)
      .waitFor()
    await dialogOf(other)
      .getByText(/You (are on|have) Plus/)
      .waitFor()
    expect(await booked(customer)).toEqual(["16.00"])
  })

  it("R10.2 a lost answer is asked for again with the same key: one charge, and no word of failure", async () => {
    const { page, context, customer } = await openPage("/pricing?plan=plus", (ada) => ada.saveCard("tok_ok"))
    let lost = 0
    await context.route("**/api/v1/subscription/confirm", async (route) => {
      if (lost > 0) return route.continue()
      lost++
      await route.fetch()
      return route.abort("connectionreset")
    })
    await agree(page)
    await payButton(page).click()
    await dialogOf(page).getByText("You are on Plus").waitFor()
    expect(await booked(customer)).toEqual(["16.00"])
  })

  it("R10.2 an answer lost between us and the processor is found out by itself: one charge", async () => {
    const { page, customer } = await openPage("/pricing?plan=plus", (ada) => ada.saveCard("tok_timeout_then_ok"))
    await agree(page)
    await payButton(page).click()
    await dialogOf(page).getByText("You are on Plus").waitFor()
    expect(await booked(customer)).toEqual(["16.00"])
  })

  it("R10.2 while nobody knows: being confirmed, also after a reload, and never a button to pay again", async () => {
    const { page, customer } = await openPage("/pricing?plan=plus", (ada) => ada.saveCard("tok_ok"))
    const dialog = dialogOf(page)
    await agree(page)
    expect(browser.system.kill("processor", "SIGSTOP")).toBe(true)
    try {
      await payButton(page).click()
      await dialog.getByText(/\$16\.00 is being confirmed by the bank/).waitFor()
      await page.reload()
      await dialog.getByText(/\$16\.00 is being confirmed by the bank/).waitFor()
      expect(await dialog.getByRole("button", { name: /^Pay/ }).count()).toBe(0)
      expect(await inspect(page, "checkout-being-confirmed")).toEqual([])
    } finally {
      browser.system.kill("processor", "SIGCONT")
    }
    await dialog.getByText("You are on Plus").waitFor()
    expect(await booked(customer)).toEqual(["16.00"])
  })

  it("R4.5 R10.2 a decline says why and changes nothing; another card pays the same quote", async () => {
    const { page, customer } = await openPage("/pricing?plan=plus", (ada) => ada.saveCard("tok_insufficient_funds"))
    await agree(page)
    await payButton(page).click()
    const dialog = dialogOf(page)
    await dialog
      .getByRole("alert")
      .getByText(/not enough funds/)
      .waitFor()
    expect(await customer.subscription()).toMatchObject({ status: "free", firstMonthOfferEligible: true })
    expect(await inspect(page, "checkout-declined")).toEqual([])
    await dialog.getByRole("button", { name: "Use another card" }).click()
    await chooseTestCard(page, "Works\\s*Every")
    await dialog.getByRole("alert").waitFor({ state: "detached" })
    await payButton(page).click()
    await dialog.getByText("You are on Plus").waitFor()
    expect(await booked(customer)).toEqual(["16.00"])
  })

  it("R10.2 a card that its bank refused for good cannot be used again", async () => {
    const { page, customer } = await openPage("/pricing?plan=plus", (ada) => ada.saveCard("tok_stolen"))
    await agree(page)
    await payButton(page).click()
    const dialog = dialogOf(page)
    await dialog.getByText("refused by its bank for good").waitFor()
    await dialog.getByText("Choose a test card").waitFor()
    expect(await payButton(page).isDisabled()).toBe(true)
    expect(await inspect(page, "checkout-blocked-card")).toEqual([])
    expect(await booked(customer)).toEqual([])
  })

  it("R10.2 the bank's own check: asked for, found again after a reload, refused, then confirmed", async () => {
    const { page, customer } = await openPage("/pricing?plan=pro", (ada) => ada.saveCard("tok_authentication_required"))
    const dialog = dialogOf(page)
    await agree(page)
    await payButton(page).click()
    await dialog.getByText("Your bank asks you to confirm $70.00").waitFor()
    expect(await inspect(page, "checkout-bank-check")).toEqual([])
    await page.reload()
    await dialog.getByText("Your bank asks you to confirm $70.00").waitFor()
    await dialog.getByRole("button", { name: "Refuse at the test bank" }).click()
    await dialog.getByRole("alert").getByText("The payment did not go through").waitFor()
    expect(await booked(customer)).toEqual([])
    await agree(page)
    await payButton(page).click()
    await dialog.getByRole("button", { name: "Confirm at the test bank" }).click()
    await dialog.getByText("You are on Pro").waitFor()
    expect(await booked(customer)).toEqual(["70.00"])
  })

  it("R4.4 a quote that went stale is replaced, in words, and nothing is charged", async () => {
    const { page, customer } = await openPage("/pricing?plan=max", withPlan("plus", "monthly"))
    await payButton(page).waitFor()
    const before = await booked(customer)
    await customer.change("cancel")
    await agree(page)
    await payButton(page).click()
    const dialog = dialogOf(page)
    await dialog.getByText(/Your subscription changed since the quote before this one/).waitFor()
    await dialog.getByText("Your cancellation is undone: the subscription goes on.").waitFor()
    expect(await booked(customer)).toEqual(before)
    expect(await inspect(page, "checkout-stale")).toEqual([])
  })

  it("R4.4 a quote that expired is replaced, in words, and nothing is charged", async () => {
    const { page, customer } = await openPage("/pricing?plan=max", (ada) => ada.saveCard("tok_ok"))
    await agree(page)
    await advanceClock(browser.system.url, { by: "PT11M" })
    await payButton(page).click()
    await dialogOf(page)
      .getByText(/The quote before this one ran out/)
      .waitFor()
    expect(await booked(customer)).toEqual([])
    await agree(page)
    await payButton(page).click()
    await dialogOf(page).getByText("You are on Max").waitFor()
    expect(await booked(customer)).toEqual(["120.00"])
  })
})
