/** The one place notifications reads its configuration. Production takes no default for what reaches people. */
import { Config, Context, Data, Effect, Layer, Option, type Redacted } from "effect"

/** Production lacks settings; the process must not start and tell nobody. */
export class ConfigMissing extends Data.TaggedError("ConfigMissing")<{ readonly names: ReadonlyArray<string> }> {
  override get message(): string {
    return `CREDITS_ENV=production needs ${this.names.join(", ")}: set what is missing and start again`
  }
}

export interface NotificationsSettings {
  readonly environment: "development" | "sandbox" | "production"
  readonly dataDir: string
  /** `postgres://…`; none: SQLite under the data folder. */
  readonly databaseUrl: Option.Option<Redacted.Redacted<string>>
  /** `smtps://user:password@host:port`; none: mails are files in the data folder. */
  readonly smtpUrl: Option.Option<Redacted.Redacted<string>>
  /** `Name <address>`. */
  readonly mailFrom: string
  /** Where the links of mails lead; no slash at the end. */
  readonly publicUrl: string
}

const environment = Config.all({
  environment: Config.Literals(["development", "sandbox", "production"], "CREDITS_ENV").pipe(
    Config.withDefault("development" as const),
  ),
  dataDir: Config.String("CREDITS_DATA_DIR").pipe(Config.withDefault(".data")),
  databaseUrl: Config.option(Config.Redacted("CREDITS_DATABASE_URL")),
  smtpUrl: Config.option(Config.Redacted("CREDITS_SMTP_URL")),
  mailFrom: Config.option(Config.String("CREDITS_MAIL_FROM")),
  publicUrl: Config.option(Config.URL("CREDITS_PUBLIC_URL")),
  httpPort: Config.Int("CREDITS_HTTP_PORT").pipe(Config.withDefault(8787)),
})

export const readSettings = Effect.gen(function* () {
  const { mailFrom, publicUrl, httpPort, ...env } = yield* environment
  const needed = { CREDITS_SMTP_URL: env.smtpUrl, CREDITS_MAIL_FROM: mailFrom, CREDITS_PUBLIC_URL: publicUrl }
  const missing = Object.entries(needed).flatMap(([name, value]) => (Option.isNone<unknown>(value) ? [name] : []))
  if (env.environment === "production" && missing.length > 0) return yield* new ConfigMissing({ names: missing })
  const settings: NotificationsSettings = {
    ...env,
    mailFrom: Option.getOrElse(mailFrom, () => "Open Design Credits <credits@localhost.localdomain>"),
    publicUrl: Option.match(publicUrl, {
      onNone: () => `http://localhost:${httpPort}`,
      onSome: (url) => url.href.replace(/\/+$/, ""),
    }),
  }
  return settings
})

export class NotificationsConfig extends Context.Service<NotificationsConfig, NotificationsSettings>()(
  "notifications/NotificationsConfig",
) {
  static readonly layer = Layer.effect(NotificationsConfig, readSettings)
}
