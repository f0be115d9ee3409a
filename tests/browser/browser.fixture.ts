/**
 * A real browser on a real system: what every browser test starts from. Owns the browser's flags, signing in, and
 * looking at a page with axe; knows no page.
 */
import { accessSync, constants, mkdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { Customer, startSystem, type StartSystemOptions, type SystemUnderTest } from "@credits/testkit"
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core"

/** What set-up found (infra/bootstrap/chromium.mjs); run by hand, the distribution's. */
const CHROMIUM = process.env["CREDITS_CHROMIUM"] ?? "/usr/bin/chromium"

const canRun = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
/** Without a browser the tests of this folder are skipped; set-up has said so. */
export const HAS_BROWSER = canRun(CHROMIUM)

/** Quiet: no background traffic of the browser's own, which a closed network would refuse many times a second. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
]

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
/** CREDITS_SCREENSHOTS=FOLDER keeps a picture of every state that is looked at, for people. */
const PICTURES = process.env["CREDITS_SCREENSHOTS"]

export const WIDTHS = [390, 1280] as const
export const THEMES = ["light", "dark"] as const

/** Longer than any answer of the system on a busy machine; a wait ends as soon as the fact is there. */
const PATIENCE_MS = 60_000

export interface TabOptions {
  readonly width?: number
  readonly theme?: "light" | "dark"
  readonly timezoneId?: string
}

export interface Tab {
  readonly page: Page
  readonly context: BrowserContext
  /** Uncaught errors and refused resources since the tab was opened; a test asserts that there are none. */
  readonly complaints: ReadonlyArray<string>
}

export interface BrowserUnderTest {
  readonly system: SystemUnderTest
  readonly browser: Browser
  /** A fresh visitor: own cookies, own storage. */
  open(path: string, options?: TabOptions): Promise<Tab>
  /** Signs this address in, in a tab of its own; the customer speaks for the same account over HTTP. */
  signIn(email: string, path: string, options?: TabOptions): Promise<Tab & { readonly customer: Customer }>
  close(): Promise<void>
}

const watch = (page: Page): ReadonlyArray<string> => {
  const complaints: Array<string> = []
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`))
  page.on("console", (message) => {
    // The browser reports every refused request too (a declined card is a 402); those are the test's to judge.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      complaints.push(`console: ${message.text()}`)
    }
  })
  return complaints
}

export const openBrowser = async (options: StartSystemOptions = {}): Promise<BrowserUnderTest> => {
  const system = await startSystem(options)
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
  const tabOf = async (tab: TabOptions, before?: (context: BrowserContext) => Promise<void>) => {
    const context = await browser.newContext({
      baseURL: system.url,
      viewport: { width: tab.width ?? 1280, height: 900 },
      colorScheme: tab.theme ?? "light",
      locale: "en-US",
      timezoneId: tab.timezoneId ?? "America/New_York",
      reducedMotion: "reduce",
    })
    context.setDefaultTimeout(PATIENCE_MS)
    await before?.(context)
    const page = await context.newPage()
    return { page, context, complaints: watch(page) }
  }
  return {
    system,
    browser,
    open: async (path, tab = {}) => {
      const opened = await tabOf(tab)
      await opened.page.goto(path)
      return opened
    },
    signIn: async (email, path, tab = {}) => {
      const customer = await Customer.signIn(system.url, email)
      const opened = await tabOf(tab, async (context) => {
        await context.request.post("/api/v1/dev/sign-in", { data: { email } })
      })
      await opened.page.goto(path)
      return { ...opened, customer }
    },
    close: async () => {
      await browser.close()
      await system.stop()
    },
  }
}

/** What axe has against the page as it is now, one line each; empty is good. */
export const violationsOf = async (page: Page): Promise<ReadonlyArray<string>> => {
  // A page's policy forbids foreign script elements; the debugger's own evaluation is not one.
  await page.evaluate(AXE)
  return page.evaluate(async (tags) => {
    interface Found {
      readonly id: string
      readonly nodes: ReadonlyArray<{ readonly target: ReadonlyArray<unknown>; readonly failureSummary?: string }>
    }
    const { axe } = globalThis as unknown as {
      axe: { run: (where: unknown, options: object) => Promise<{ violations: ReadonlyArray<Found> }> }
    }
    const { violations } = await axe.run(globalThis.document, { runOnly: { type: "tag", values: tags } })
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id} ${target.join(" ")}: ${failureSummary ?? ""}`),
    )
  }, AXE_TAGS)
}

/**
 * Looks at the page as it is in both themes and both widths: what axe finds, and what is wider than the window. With
 * CREDITS_SCREENSHOTS a picture of each is kept.
 */
export const inspect = async (page: Page, name: string): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  const before = page.viewportSize()
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 })
    for (const theme of THEMES) {
      await page.evaluate((chosen) => (document.documentElement.dataset["theme"] = chosen), theme)
      const where = `${name}-${width}-${theme}`
      if (PICTURES !== undefined) {
        mkdirSync(PICTURES, { recursive: true })
        await page.screenshot({ path: join(PICTURES, `${where}.png`), fullPage: true })
      }
      found.push(...(await violationsOf(page)).map((violation) => `${where}: ${violation}`))
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      if (overflow > 0) found.push(`${where}: ${overflow} px wider than the window`)
    }
  }
  if (before !== null) await page.setViewportSize(before)
  return found
}
