/** Payments starts in development with nothing set, and never in production with play money. */
import { Effect, Layer, Redacted } from "effect"
import * as ConfigProvider from "effect/ConfigProvider"
import { assert, describe, it } from "vitest"
import { PaymentsConfig } from "./config.ts"

const read = (environment: Record<string, string>) =>
  Effect.runPromise(
    Effect.gen(function* () {
      return yield* PaymentsConfig
    }).pipe(
      Effect.provide(
        Layer.provide(PaymentsConfig.layer, ConfigProvider.layer(ConfigProvider.fromUnknown(environment))),
      ),
    ),
  )

const whyNot = (environment: Record<string, string>): Promise<string> =>
  read(environment).then(
    () => "it starts",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )

const PRODUCTION = {
  CREDITS_ENV: "production",
  CREDITS_STRIPE_SECRET_KEY: "sk_live_x",
  CREDITS_STRIPE_PUBLISHABLE_KEY: "pk_live_x",
  CREDITS_STRIPE_WEBHOOK_SECRET: "whsec_x",
}

describe("payments' configuration", () => {
  it("in development points at the sandbox processor with nothing set", async () => {
    const config = await read({})
    assert.equal(config.apiBase?.href, "http://127.0.0.1:8788/")
    assert.equal(config.chargesPerSecond, 20)
  })

  it("in production names the variable that is missing", async () => {
    assert.equal(await whyNot(PRODUCTION), "it starts")
    assert.isUndefined((await read(PRODUCTION)).apiBase)
    for (const variable of Object.keys(PRODUCTION).slice(1)) {
      const { [variable as keyof typeof PRODUCTION]: _, ...rest } = PRODUCTION
      assert.include(await whyNot(rest), variable)
      assert.include(await whyNot({ ...rest, [variable]: "" }), variable)
    }
  })

  it("in production refuses a sandbox, a test key and a rate that is none", async () => {
    for (const base of ["http://127.0.0.1:8788", "https://localhost:1", "http://processor.example"]) {
      assert.include(await whyNot({ ...PRODUCTION, CREDITS_STRIPE_API_BASE: base }), "CREDITS_STRIPE_API_BASE")
    }
    const test = { ...PRODUCTION, CREDITS_STRIPE_SECRET_KEY: "sk_test_x" }
    assert.include(await whyNot(test), "CREDITS_STRIPE_SECRET_KEY")
    assert.include(await whyNot({ CREDITS_CHARGES_PER_SECOND: "-1" }), "CREDITS_CHARGES_PER_SECOND")
  })

  it("takes two webhook secrets while one replaces the other", async () => {
    const { webhookSecrets } = await read({ CREDITS_STRIPE_WEBHOOK_SECRET: "whsec_new, whsec_old" })
    assert.deepEqual(webhookSecrets.map(Redacted.value), ["whsec_new", "whsec_old"])
  })
})
