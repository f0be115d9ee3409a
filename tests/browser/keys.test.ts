/**
 * Goal: a customer can give a program a key that reads the wallet and nothing else, sees its secret once, and can take
 * it back. Method: the real page in a real browser on the whole system; the key is then used as a program would.
 */
import { callHttp } from "@credits/testkit"
import { afterAll, afterEach, assert, beforeAll, describe, expect, it } from "vitest"
import { type BrowserUnderTest, HAS_BROWSER, inspect, openBrowser, type Tab } from "./browser.fixture.ts"

let browser: BrowserUnderTest
const tabs: Array<Tab> = []

beforeAll(async () => {
  if (HAS_BROWSER) browser = await openBrowser()
})
afterAll(() => browser?.close())
afterEach(async () => {
  for (const { context, complaints } of tabs.splice(0)) {
    await context.close()
    assert.deepEqual(complaints, [])
  }
})

let people = 0
const openKeys = async () => {
  const opened = await browser.signIn(`keys-${++people}@example.com`, "/keys")
  tabs.push(opened)
  return opened
}

describe.skipIf(!HAS_BROWSER)("the keys page", () => {
  it("makes a key by keyboard, shows its secret once, and the key reads the wallet and changes nothing", async () => {
    const { page, context } = await openKeys()
    await context.grantPermissions(["clipboard-read", "clipboard-write"])
    await page.getByText("No keys yet").waitFor()
    expect(await inspect(page, "keys-empty")).toEqual([])
    await page.getByRole("button", { name: "Make a key" }).press("Enter")
    const dialog = page.getByRole("dialog")
    await dialog.getByLabel("Name").fill("status board")
    expect(await inspect(page, "keys-new")).toEqual([])
    await dialog.getByLabel("Name").press("Enter")
    const secret = await dialog.getByLabel("Secret of status board").textContent()
    expect(await inspect(page, "keys-secret")).toEqual([])
    await dialog.getByRole("button", { name: "Copy the key" }).click()
    await dialog.getByText("Copied.").waitFor()
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(secret)
    await dialog.getByRole("button", { name: "I have stored it" }).click()
    await dialog.waitFor({ state: "detached" })

    const row = page.getByRole("listitem").filter({ hasText: "status board" })
    await row.getByText("never", { exact: true }).waitFor()
    expect(secret!.startsWith((await row.locator("code").textContent())!.replace("…", ""))).toBe(true)
    expect(await page.content()).not.toContain(secret)

    const { url } = browser.system
    const read = await callHttp(url, "/api/v1/wallet", { token: secret! })
    expect(read.status).toBe(200)
    const json = { plan: "plus", interval: "monthly" }
    const change = await callHttp(url, "/api/v1/subscription/quote", { token: secret!, json })
    expect(change).toMatchObject({ status: 403, body: { code: "wrong_scope" } })
  })

  it("revoking is asked once more, and the key is refused from then on", async () => {
    const { page, customer } = await openKeys()
    const { body } = await customer.call<{ key: string }>("control-keys", { json: { name: "old laptop" } })
    await page.reload()
    await page.getByRole("button", { name: "Revoke old laptop" }).click()
    const dialog = page.getByRole("dialog", { name: "Revoke “old laptop”?" })
    expect(await inspect(page, "keys-revoke")).toEqual([])
    await dialog.getByRole("button", { name: "Keep it" }).click()
    await dialog.waitFor({ state: "detached" })
    expect(await inspect(page, "keys-list")).toEqual([])
    const read = () => callHttp(browser.system.url, "/api/v1/wallet", { token: body.key })
    expect((await read()).status).toBe(200)
    await page.getByRole("button", { name: "Revoke old laptop" }).click()
    await dialog.getByRole("button", { name: "Revoke the key" }).click()
    await page.getByText("No keys yet").waitFor()
    expect((await read()).status).toBe(401)
  })

  it("a sign-in that is too old leads to a fresh one, and no key is made", async () => {
    const { page, context, customer } = await openKeys()
    const signInUrl = "/api/auth/sign-in?stepUp=1&returnTo=%2Fwallet"
    await context.route("**/api/v1/control-keys", (route) =>
      route.request().method() === "POST"
        ? route.fulfill({
            status: 403,
            contentType: "application/problem+json",
            json: { status: 403, code: "step_up_required", detail: "sign in again", signInUrl },
          })
        : route.continue(),
    )
    await page.getByRole("button", { name: "Make a key" }).click()
    await page.getByLabel("Name").fill("laptop")
    await page.getByRole("button", { name: "Make the key" }).click()
    // Back to where one was, not to where the server would guess.
    const link = page.getByRole("link", { name: "Sign in again" })
    expect(await link.getAttribute("href")).toBe("/api/auth/sign-in?stepUp=1&returnTo=%2Fkeys")
    expect(await inspect(page, "keys-step-up")).toEqual([])
    expect((await customer.call("control-keys")).body).toMatchObject({ items: [] })
  })
})
