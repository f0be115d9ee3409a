/**
 * Goal: buying a plan in the browser charges what was shown, once, and every way it can end is told. Method: the real
 * pages in a real browser on the whole system; what was charged is read from the sandbox processor's own book.
 */
import { advanceClock, type Customer } from "@credits/testkit"
import type { Page } from "playwright-core"
import { afterAll, afterEach, assert, beforeAll, describe, expect, it } from "vitest"
import { HAS_BROWSER, inspect } from "./browser.fixture.ts"
import { cardOf, dialogOf, openShop, payButton, type Shop, withPlan } from "./shop.fixture.ts"

let shop: Shop

beforeAll(async () => {
  if (HAS_BROWSER) shop = await openShop("checkout")
})
afterAll(() => shop?.browser.close())
afterEach(async () => {
  if (HAS_BROWSER) assert.deepEqual(await shop.closeTabs(), [])
})

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

describe.skipIf(!HAS_BROWSER)("the checkout", () => {
  it("a purchase by keyboard alone: Tab, arrows, Space and Enter", async () => {
    const { page, customer } = await shop.openPage("/pricing", (ada) => ada.saveCard("tok_ok"))
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
    const { page } = await shop.openPage("/pricing", (ada) => ada.saveCard("tok_ok"))
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
    const { page, customer } = await shop.openPage("/pricing?plan=pro&interval=monthly")
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
    const { page, customer } = await shop.openPage("/pricing", withPlan("plus", "monthly"))
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
    const { page, customer } = await shop.openPage("/pricing?plan=pro", (ada) => ada.saveCard("tok_slow"))
    await agree(page)
    await payButton(page).dblclick()
    await dialogOf(page).getByText("You are on Pro").waitFor()
    expect(await booked(customer)).toEqual(["70.00"])
  })

  it("R10.1 back while it is being paid: the page goes on telling, and it is one charge", async () => {
    const { page, customer } = await shop.openPage("/pricing", (ada) => ada.saveCard("tok_slow"))
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
    const { page, context, customer } = await shop.openPage("/pricing?plan=plus", (ada) => ada.saveCard("tok_slow"))
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
    const { page, context, customer } = await shop.openPage("/pricing?plan=plus", (ada) => ada.saveCard("tok_ok"))
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
    const { page, customer } = await shop.openPage("/pricing?plan=plus", (ada) => ada.saveCard("tok_timeout_then_ok"))
    await agree(page)
    await payButton(page).click()
    await dialogOf(page).getByText("You are on Plus").waitFor()
    expect(await booked(customer)).toEqual(["16.00"])
  })

  it("R10.2 while nobody knows: being confirmed, also after a reload, and never a button to pay again", async () => {
    const { page, customer } = await shop.openPage("/pricing?plan=plus", (ada) => ada.saveCard("tok_ok"))
    const dialog = dialogOf(page)
    await agree(page)
    expect(shop.browser.system.kill("processor", "SIGSTOP")).toBe(true)
    try {
      await payButton(page).click()
      await dialog.getByText(/\$16\.00 is being confirmed by the bank/).waitFor()
      await page.reload()
      await dialog.getByText(/\$16\.00 is being confirmed by the bank/).waitFor()
      expect(await dialog.getByRole("button", { name: /^Pay/ }).count()).toBe(0)
      expect(await inspect(page, "checkout-being-confirmed")).toEqual([])
    } finally {
      shop.browser.system.kill("processor", "SIGCONT")
    }
    await dialog.getByText("You are on Plus").waitFor()
    expect(await booked(customer)).toEqual(["16.00"])
  })

  it("R4.5 R10.2 a decline says why and changes nothing; another card pays the same quote", async () => {
    const { page, customer } = await shop.openPage("/pricing?plan=plus", (ada) =>
      ada.saveCard("tok_insufficient_funds"),
    )
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
    const { page, customer } = await shop.openPage("/pricing?plan=plus", (ada) => ada.saveCard("tok_stolen"))
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
    const { page, customer } = await shop.openPage("/pricing?plan=pro", (ada) =>
      ada.saveCard("tok_authentication_required"),
    )
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
    const { page, customer } = await shop.openPage("/pricing?plan=max", withPlan("plus", "monthly"))
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
    const { page, customer } = await shop.openPage("/pricing?plan=max", (ada) => ada.saveCard("tok_ok"))
    await agree(page)
    await advanceClock(shop.browser.system.url, { by: "PT11M" })
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
