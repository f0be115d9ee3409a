/**
 * Goal: the pages are light and quick. Method: what the browser really loads for a page, unpacked and weighed as gzip
 * (the edge sends Brotli, which is smaller); the first wallet on a cold cache, timed by the browser's own clock.
 */
import { gzipSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type BrowserUnderTest, HAS_BROWSER, openBrowser } from "./browser.fixture.ts"

const START_KB_MAX = 200
const FIRST_RENDER_MS_MAX = 1_000
/** A machine that does something else in between spoils some tries, not all. */
const TRIES = 20
/** Files of the charts, which come after the numbers. */
const CHARTS = /\/assets\/(charts|burn|usage)-/

let browser: BrowserUnderTest

beforeAll(async () => {
  if (HAS_BROWSER) browser = await openBrowser()
})
afterAll(() => browser?.close())

describe.skipIf(!HAS_BROWSER)("weight and speed", () => {
  it.each(["/pricing", "/wallet"])("%s weighs at most 200 kB before charts", async (path) => {
    const { page, context } = await browser.signIn("weight@example.com", "/healthz")
    const files: Array<Promise<readonly [string, number]>> = []
    page.on("response", (response) => {
      const { pathname } = new URL(response.url())
      if (pathname.startsWith("/api/")) return
      // A body that went away with its page is none that was loaded for it.
      const weighed = response.body().then((body) => [pathname, gzipSync(body).length] as const)
      files.push(weighed.catch(() => [pathname, 0] as const))
    })
    await page.goto(path)
    await page.getByRole("heading", { level: 1 }).waitFor()
    const start = (await Promise.all(files)).filter(([name]) => !CHARTS.test(name))
    expect(start.length).toBeGreaterThan(3)
    const kB = start.reduce((sum, [, bytes]) => sum + bytes, 0) / 1000
    expect(kB).toBeLessThanOrEqual(START_KB_MAX)
    expect(kB).toBeGreaterThan(50)
    await context.close()
  })

  it("the wallet shows its balance within a second of being asked for, nothing cached", async () => {
    let best = Infinity
    for (let tries = 0; tries < TRIES && best > FIRST_RENDER_MS_MAX; tries++) {
      const { page, context } = await browser.signIn("speed@example.com", "/healthz")
      await page.goto("/wallet")
      await page.getByTestId("available").waitFor()
      // Since the navigation began, by the page's own clock.
      best = Math.min(best, await page.evaluate(() => performance.now()))
      await context.close()
    }
    expect(best).toBeLessThanOrEqual(FIRST_RENDER_MS_MAX)
  })
})
