/**
 * docs/reference/configuration.md: every environment variable. Which ones exist and who reads them comes from the
 * sources;
 * what they mean is written here, and a variable without a meaning, or a meaning without a variable, fails the test.
 */
import { markdownTable, pageHead, programsBelow, readSource } from "./source.ts"

interface Variable {
  readonly default: string
  readonly meaning: string
}

/** What a running system reads, in the order a reader needs them. */
export const VARIABLES: Readonly<Record<string, Variable>> = {
  CREDITS_ENV: {
    default: "development",
    meaning: "`development`, `sandbox` or `production`, which refuses an open sign-in or a missing secret",
  },
  CREDITS_HTTP_PORT: { default: "8787", meaning: "port of the HTTP API" },
  CREDITS_HTTP_HOST: { default: "127.0.0.1", meaning: "address the HTTP API listens on" },
  CREDITS_DATA_DIR: {
    default: ".data of the checkout",
    meaning: "databases, the embedded NATS's store, keys, `run.json`; locked against a second start",
  },
  CREDITS_FREE_SPACE_MIB: {
    default: "512",
    meaning:
      "with less free on the volume of the data folder usage and authorizations stop; 0 when nothing of it is there",
  },
  CREDITS_NATS_URL: {
    default: "unset",
    meaning: "unset: an embedded nats-server is started; set: this one (`nats://host:port`, several with commas)",
  },
  CREDITS_NATS_MONITOR_URL: {
    default: "unset",
    meaning:
      "HTTP monitoring of that server: JetStream's metrics and lags; in production a stream with one copy needs it " +
      "to say `sync_interval: always`",
  },
  CREDITS_OTLP_URL: {
    default: "unset",
    meaning:
      "collector of traces, OTLP/HTTP with JSON (`http://host:4318`); unset: `OTEL_EXPORTER_OTLP_ENDPOINT`, " +
      "else no traces",
  },
  CREDITS_TRACE_RATIO: {
    default: "0.01; 1 in development",
    meaning: "share of the requests without a trace of their own that begin one, 0 to 1",
  },
  CREDITS_LOG: {
    default: "text",
    meaning:
      "how the supervisor writes log lines: `text` for people, `json` one object a line; services alone write json",
  },
  CREDITS_NATS_SEED: {
    default: "unset",
    meaning: "nkey seed of the service's bus user; the supervisor gives each its own",
  },
  CREDITS_NATS_REPLICAS: {
    default: "3 in production, else 1",
    meaning: "copies of each stream that is made; with `CREDITS_NATS_MONITOR_URL` in production 1",
  },
  CREDITS_NATS_SERVER: {
    default: "unset",
    meaning: "path of a nats-server ≥ 2.15; unset: the PATH, the project's cache, the release, the distribution",
  },
  CREDITS_DATABASE_URL: {
    default: "unset",
    meaning: "unset: one SQLite file per service in the data folder; `postgres://…`: one schema per service there",
  },
  CREDITS_LEDGER_REBUILD: {
    default: "false",
    meaning: "`true`: at this start the ledger makes every account from its entries and forgets the snapshots it has",
  },
  CREDITS_JWT_ISSUER: { default: "unset", meaning: "issuer that customers' tokens must name; required in production" },
  CREDITS_JWT_AUDIENCE: {
    default: "unset",
    meaning: "audience that customers' tokens must name; required in production",
  },
  CREDITS_JWKS_URL: { default: "unset", meaning: "where the issuer's public keys are; required in production" },
  CREDITS_OIDC_CLIENT_ID: {
    default: "unset",
    meaning:
      "client of the issuer with which people sign in here; with neither id nor secret production serves programs only",
  },
  CREDITS_OIDC_CLIENT_SECRET: { default: "unset", meaning: "its secret; required with the id, and the id with it" },
  CREDITS_PUBLIC_URL: {
    default: "`http://localhost:<port>`",
    meaning: "where browsers reach this server, also the address that links of mails lead to; required in production",
  },
  CREDITS_ALLOWED_ORIGINS: {
    default: "none",
    meaning:
      "exact origins of this site, with commas, whose pages may use the API with the browser's cookie (SameSite=Lax)",
  },
  CREDITS_TRUST_PROXY: {
    default: "0",
    meaning: "how many proxies in front write `X-Forwarded-For`; 0: the header is not believed",
  },
  CREDITS_STRIPE_API_BASE: {
    default: "unset",
    meaning: "unset: the sandbox's card processor is started; set: the card processor at this address, Stripe's wire",
  },
  CREDITS_STRIPE_SECRET_KEY: {
    default: "of the sandbox",
    meaning: "payments' key at the card processor; required in production, given to nobody else",
  },
  CREDITS_STRIPE_PUBLISHABLE_KEY: {
    default: "of the sandbox",
    meaning: "key of the card element in browsers; required in production",
  },
  CREDITS_STRIPE_WEBHOOK_SECRET: {
    default: "of the sandbox",
    meaning: "what webhooks are signed with; required in production",
  },
  CREDITS_CHARGES_PER_SECOND: {
    default: "20",
    meaning: "charges begun a second at most, below what the card processor takes of one endpoint",
  },
  CREDITS_SUPPORT_URL: {
    default: "unset",
    meaning: "where customers ask for what only support does, a downgrade for example; in refusals and on pages",
  },
  CREDITS_DRAIN_SECONDS: {
    default: "0",
    meaning: "how long the edge serves on after SIGTERM while `/readyz` already says 503; a few checks of its balancer",
  },
  CREDITS_SMTP_URL: {
    default: "unset",
    meaning:
      "mail server, `smtps://user:password@host:port`; unset: mails are `.eml` files in the data folder; " +
      "required in production",
  },
  CREDITS_MAIL_FROM: {
    default: "`credits@localhost.localdomain`",
    meaning: "sender of mails, `Name <address>`; required in production",
  },
  CREDITS_GATEWAY_PORT: {
    default: "8790",
    meaning: "port of the model gateway; `npm start` takes another free one when it is taken",
  },
  CREDITS_GATEWAY_HOST: { default: "127.0.0.1", meaning: "address the model gateway listens on" },
  CREDITS_GATEWAY_PROVIDERS: {
    default: "unset",
    meaning:
      "JSON file of model providers; unset: the built-in simulated one; required for a gateway in production, where " +
      "`npm start` starts none without",
  },
  CREDITS_GATEWAY_URL: {
    default: "unset",
    meaning: "unset: the gateway is on the bus; set: it reaches the system over HTTP, at this address of the edge",
  },
  CREDITS_GATEWAY_KEY: {
    default: "unset",
    meaning: "API key with the gateway scope; required with the address, given to no other service",
  },
  CREDITS_CLOCK_OWNERS: {
    default: "all",
    meaning: "services whose due work an advance of the sandbox clock runs and waits for, comma-separated",
  },
  CREDITS_PRICE_BOOK: {
    default: "shipped with the project",
    meaning: "JSON file of price books for an empty database",
  },
  CREDITS_CATALOGUE: { default: "shipped with the project", meaning: "JSON file of catalogues for an empty database" },
}

/** For set-up, tests and measurements. */
export const DEVELOPER_VARIABLES: Readonly<Record<string, Variable>> = {
  CREDITS_CACHE_DIR: { default: ".cache of the checkout", meaning: "where set-up keeps Node, pnpm and nats-server" },
  CREDITS_POSTGRES_BIN: {
    default: "unset",
    meaning: "folder of initdb and postgres for tests; unset: the machine's, or those from npm",
  },
  CREDITS_CHROMIUM: {
    default: "unset",
    meaning: "Chromium for the browser tests; unset: the PATH, then the distribution; `none`: those tests are skipped",
  },
  CREDITS_SCREENSHOTS: {
    default: "unset",
    meaning: "folder in which the browser tests leave a picture of every state they look at",
  },
  CREDITS_DEV_SERVICES: {
    default: "all",
    meaning: "services that the supervisor starts; for tests of one",
  },
  CREDITS_DEV_APPS: { default: "apps of the checkout", meaning: "folder of the bundles that the supervisor starts" },
  CREDITS_SANDBOX_HOST: {
    default: "127.0.0.1",
    meaning: "address it listens on; its control calls need no key, so another one is for a private network only",
  },
  CREDITS_SANDBOX_PORT: {
    default: "8788",
    meaning: "port of the sandbox's card processor; the supervisor picks a free one",
  },
  CREDITS_SANDBOX_WEBHOOK_URL: {
    default: "unset",
    meaning: "where the sandbox's card processor sends its events; the supervisor names the edge",
  },
  CREDITS_SANDBOX_WEBHOOK_EVENTS: {
    default: "all",
    meaning: "event types, with commas, that it sends there; the supervisor names those that payments acts on",
  },
  CREDITS_SANDBOX_RATE_LIMIT: {
    default: "unset",
    meaning: "requests a second that the sandbox's card processor takes; the rest are answered 429",
  },
  CREDITS_BENCH_DIR: { default: "a temporary folder", meaning: "where the load tests keep their data" },
  CREDITS_BENCH_KEEP: { default: "unset", meaning: "`1`: the load tests leave their data for a look" },
  CREDITS_BENCH_PROFILE: { default: "unset", meaning: "folder for processor profiles of the services under load" },
}

const NAME = /\bCREDITS_[A-Z][A-Z_]*[A-Z]\b/g
const ROOMS = ["apps", "packages", "infra", "tests"]

/** Every variable that a program names. */
export const namedVariables = (): ReadonlySet<string> => {
  const names = ROOMS.flatMap(programsBelow)
    .filter((path) => !path.startsWith("infra/docs/"))
    .flatMap((path) => [...readSource(path).matchAll(NAME)].map(([name]) => name))
  return new Set(names)
}

const tableOf = (variables: Readonly<Record<string, Variable>>): string =>
  markdownTable(
    ["variable", "default", "meaning"],
    Object.entries(variables).map(([name, { default: value, meaning }]) => [`\`${name}\``, value, meaning]),
  )

/** What a running system reads; also in the README. */
export const configurationTable = (): string => tableOf(VARIABLES)

export const renderConfiguration = (): string => `${pageHead("Configuration", ["infra/docs/configuration.ts"])}

Everything is optional in development. Each service reads its variables in one place, its \`config.ts\`, and
says which one is wrong.

${configurationTable()}

For set-up, tests and measurements:

${tableOf(DEVELOPER_VARIABLES)}
`
