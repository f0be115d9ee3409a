/** Goal: production does not start without what reaches people; development needs nothing. */
import { ConfigProvider, Effect, Option } from "effect"
import { assert, describe, it } from "vitest"
import { readSettings } from "./config.ts"

const read = (env: Record<string, string>) =>
  Effect.runPromise(
    readSettings.pipe(Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env))),
  )

describe("settings", () => {
  it("R11 production names every variable that is missing", async () => {
    const missing = await read({ CREDITS_ENV: "production" }).then(
      () => "started",
      (error: unknown) => String(error),
    )
    for (const name of ["CREDITS_SMTP_URL", "CREDITS_MAIL_FROM", "CREDITS_PUBLIC_URL"]) assert.include(missing, name)
    const whole = await read({
      CREDITS_ENV: "production",
      CREDITS_SMTP_URL: "smtps://user:secret@mail.example",
      CREDITS_MAIL_FROM: "Credits <hello@credits.example>",
      CREDITS_PUBLIC_URL: "https://credits.example/",
    })
    assert.strictEqual(whole.publicUrl, "https://credits.example")
    assert.notInclude(JSON.stringify(whole), "secret")
  })

  it("development writes files, and links to where it runs", async () => {
    const settings = await read({ CREDITS_HTTP_PORT: "9999" })
    assert.isTrue(Option.isNone(settings.smtpUrl))
    assert.strictEqual(settings.publicUrl, "http://localhost:9999")
  })
})
