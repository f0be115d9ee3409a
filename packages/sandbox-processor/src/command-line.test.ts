/**
 * Goal: somebody else's client, made by Stripe for Stripe, finds this processor good enough. Method: the official
 * command line from npm plays its own fixtures against it (`stripe trigger …`).
 */
import { execFile } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type Bench, startBench } from "./stripe.fixture.ts"

const run = promisify(execFile)

/** The native program, an optional dependency of `@stripe/cli` for this platform. */
const programPath = (): string => {
  const wrapper = createRequire(import.meta.url).resolve("@stripe/cli/package.json")
  const platform = `${process.platform}-${process.arch}`
  const platforms = JSON.parse(readFileSync(join(dirname(wrapper), "platforms.json"), "utf8")) as Record<
    string,
    { readonly pkg: string; readonly bin: string } | undefined
  >
  const native = platforms[platform]
  if (native === undefined) throw new Error(`@stripe/cli has no program for ${platform}`)
  try {
    const program = join(dirname(createRequire(wrapper).resolve(`${native.pkg}/package.json`)), "bin", native.bin)
    if (existsSync(program)) return program
  } catch {
    // Said below.
  }
  throw new Error(
    `${native.pkg}, the program of @stripe/cli for ${platform}, is not installed: it is an optional dependency that ` +
      "the registry did not serve when the lockfile was made. Without it nothing independent drives the processor.",
  )
}

let bench: Bench
let home = ""
beforeAll(async () => {
  bench = await startBench()
  home = mkdtempSync(join(tmpdir(), "stripe-home-"))
})
afterAll(async () => {
  await bench.close()
  rmSync(home, { recursive: true, force: true })
})

/** What each trigger has to bring about. */
const TRIGGERS = [
  ["customer.created", "customer.created"],
  ["customer.updated", "customer.updated"],
  ["payment_method.attached", "payment_method.attached"],
  ["setup_intent.created", "setup_intent.created"],
  ["setup_intent.succeeded", "setup_intent.succeeded"],
  ["setup_intent.requires_action", "setup_intent.requires_action"],
  ["setup_intent.setup_failed", "setup_intent.setup_failed"],
  ["payment_intent.created", "payment_intent.created"],
  ["payment_intent.succeeded", "payment_intent.succeeded"],
  ["payment_intent.payment_failed", "payment_intent.payment_failed"],
  ["payment_intent.requires_action", "payment_intent.requires_action"],
  ["payment_intent.canceled", "payment_intent.canceled"],
  ["charge.succeeded", "charge.succeeded"],
  ["charge.failed", "charge.failed"],
  ["charge.refunded", "charge.refunded"],
  ["charge.dispute.created", "charge.dispute.created"],
] as const

describe("stripe trigger", () => {
  for (const [trigger, event] of TRIGGERS) {
    it(`${trigger} passes and brings the event`, async () => {
      const before = new Set((await bench.stripe.events.list({ limit: 100 })).data.map(({ id }) => id))
      const args = ["trigger", trigger, "--api-key", "sk_test_sandbox", "--api-base", bench.processor.url]
      const { stdout } = await run(programPath(), args, {
        // Nothing of the machine's user is read or written, and it looks for no newer version of itself.
        env: { HOME: home, XDG_CONFIG_HOME: home, PATH: process.env["PATH"] ?? "", STRIPE_CLI_TELEMETRY_OPTOUT: "1" },
        timeout: 15_000,
      })
      assert.include(stdout, "Trigger succeeded")
      const { data } = await bench.stripe.events.list({ limit: 100 })
      assert.include(
        data.filter(({ id }) => !before.has(id)).map(({ type }) => type),
        event,
      )
    })
  }
})
