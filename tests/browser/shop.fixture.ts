/** Somebody at the prices, for browser tests: how they got there, and where things are on the page. */
import type { Customer } from "@credits/testkit"
import type { Page } from "playwright-core"
import { type BrowserUnderTest, openBrowser, type Tab } from "./browser.fixture.ts"

export const SUPPORT_URL = "https://support.example.com/plans"

export interface Shop {
  readonly browser: BrowserUnderTest
  /** A tab that is closed with the others. */
  visit(path: string): Promise<Tab>
  /** Somebody new, made by `life` before the page is opened. */
  openPage(
    path: string,
    life?: (customer: Customer) => Promise<unknown>,
  ): Promise<Tab & { readonly customer: Customer }>
  /** Closes the tabs of a test; what their pages complained about. */
  closeTabs(): Promise<ReadonlyArray<string>>
}

/** `kind` keeps the addresses of two files apart. */
export const openShop = async (kind: string): Promise<Shop> => {
  const browser = await openBrowser({ env: { CREDITS_SUPPORT_URL: SUPPORT_URL } })
  const tabs: Array<Tab> = []
  let people = 0
  return {
    browser,
    visit: async (path) => {
      const tab = await browser.open(path)
      tabs.push(tab)
      return tab
    },
    openPage: async (path, life = async () => undefined) => {
      const opened = await browser.signIn(`${kind}-${++people}@example.com`, "/healthz")
      tabs.push(opened)
      await life(opened.customer)
      await opened.page.goto(path)
      return opened
    },
    closeTabs: async () => {
      const closed = tabs.splice(0)
      for (const { context } of closed) await context.close()
      return closed.flatMap(({ complaints }) => complaints)
    },
  }
}

export const withPlan =
  (plan: string, interval: string, card = "tok_ok") =>
  async (customer: Customer) => {
    await customer.saveCard(card)
    await customer.buy(plan, interval)
  }

export const dialogOf = (page: Page) => page.getByRole("dialog")
export const cardOf = (page: Page, plan: string) => page.getByRole("region", { name: plan, exact: true })
export const payButton = (page: Page) => dialogOf(page).getByRole("button", { name: /^Pay \$/ })
