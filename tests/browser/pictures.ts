/**
 * The pictures of README: `node tests/browser/pictures.ts`, after `npm run setup`. A whole system is started, somebody
 * lives two weeks on Pro with several models, and the pages are photographed as a browser shows them.
 */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { advanceClock, businessNow, callUntilServed, type Customer } from "@credits/testkit"
import type { Page } from "playwright-core"
import { openBrowser } from "./browser.fixture.ts"

const FOLDER = fileURLToPath(new URL("../../docs/pictures", import.meta.url))
const WIDTH = 1280

/** Thousands of input tokens of each model on each day; a day without one was a weekend. */
const DAYS: ReadonlyArray<Readonly<Record<string, number>>> = [
  { "claude-sonnet-5": 420, "gpt-5.4-mini": 900 },
  { "claude-sonnet-5": 880, "gpt-6-sol": 260 },
  { "gpt-6-sol": 700, "gemini-3.5-flash-lite": 2100 },
  { "claude-opus-5": 300, "claude-sonnet-5": 350 },
  {},
  { "gpt-5.4-mini": 400 },
  { "claude-sonnet-5": 1200, "gpt-6-sol": 420, "claude-opus-5": 180 },
  { "claude-sonnet-5": 640, "gemini-3.5-flash-lite": 1500 },
  { "claude-opus-5": 420, "gpt-6-sol": 500 },
  { "claude-sonnet-5": 760, "gpt-5.4-mini": 1100 },
  {},
  {},
  { "claude-sonnet-5": 900, "claude-opus-5": 260, "gpt-6-sol": 300 },
]
const PROVIDERS: Readonly<Record<string, string>> = {
  "claude-sonnet-5": "anthropic",
  "claude-opus-5": "anthropic",
  "gpt-6-sol": "openai",
  "gpt-5.4-mini": "openai",
  "gemini-3.5-flash-lite": "google",
}

const report = async (url: string, key: string, customer: Customer, day: Readonly<Record<string, number>>) => {
  const now = await businessNow(url)
  const events = Object.entries(day).map(([model, thousands]) => ({
    specversion: "1.0",
    type: "ai.usage.v1",
    id: `${model}-${now}`,
    source: "pictures",
    subject: customer.account,
    time: new Date(now).toISOString(),
    data: {
      requestId: `${model}-${now}`,
      mode: "hosted",
      provider: PROVIDERS[model],
      model,
      status: "ok",
      tokens: { convention: "inclusive", input: thousands * 1000, output: thousands * 120 },
    },
  }))
  if (events.length === 0) return
  const before = await customer.wallet()
  const answer = await callUntilServed(url, "/api/v1/gateway/usage", { token: key, json: events })
  if (answer.status !== 202) throw new Error(`usage: ${answer.status} ${JSON.stringify(answer.body)}`)
  while ((await customer.wallet()).seq < before.seq + events.length) await new Promise((done) => setTimeout(done, 20))
}

const photograph = async (page: Page, name: string, height: number) => {
  await page.setViewportSize({ width: WIDTH, height })
  for (const theme of ["light", "dark"]) {
    await page.evaluate((chosen) => (document.documentElement.dataset["theme"] = chosen), theme)
    await page.screenshot({ path: join(FOLDER, `${name}-${theme}.png`) })
  }
}

mkdirSync(FOLDER, { recursive: true })
const browser = await openBrowser()
const { system } = browser
try {
  const { page, customer } = await browser.signIn("ada@example.com", "/healthz")
  const { body } = await callUntilServed<{ key: string }>(system.url, "/api/v1/dev/gateway-key", { json: {} })
  await customer.saveCard("tok_ok")
  await customer.buy("pro", "monthly")
  await customer.setAutoTopUp("100.00")
  for (const day of DAYS) {
    await report(system.url, body.key, customer, day)
    await advanceClock(system.url, { by: "P1D" })
  }
  await page.goto("/wallet")
  await page
    .getByRole("region", { name: "Usage" })
    .getByRole("row", { name: /claude-opus-5/ })
    .waitFor()
  await photograph(page, "wallet", 1240)
  const visitor = await browser.open("/pricing")
  await visitor.page.getByText("$120", { exact: true }).waitFor()
  await photograph(visitor.page, "pricing", 860)
  process.stdout.write(`${FOLDER}\n`)
} finally {
  await browser.close()
}
