/**
 * `node infra/secrets.ts [FOLDER]`: what a deployment needs that nobody else may know, made once: the nkey of each bus
 * user, the database's password, and for the sandbox the keys of its card processor. Writes an `.env` file for each
 * service with its own secrets alone, `users.conf` for the NATS servers, and replaces nothing that is there.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { randomBytes } from "node:crypto"
import { join, resolve } from "node:path"
import { makeBusKey } from "@credits/bus"
import { BACKUP_ORDER, BUS_USERS, type BusUser, renderAuthorization } from "@credits/contracts"

const FOLDER = resolve(import.meta.dirname, "secrets")

/** The services that have a database. */
const WITH_DATABASE: ReadonlySet<BusUser> = new Set(BACKUP_ORDER)

const text = (): string => randomBytes(24).toString("hex")

export interface Made {
  /** File name → content. */
  readonly files: Readonly<Record<string, string>>
}

/** Everything new. `environment` decides what the bus allows: in production nobody may set the clock. */
export const makeSecrets = (environment: string): Made => {
  const keys = Object.fromEntries(BUS_USERS.map((user) => [user, makeBusKey()]))
  const password = text()
  const processor = {
    CREDITS_STRIPE_SECRET_KEY: `sk_test_${text()}`,
    CREDITS_STRIPE_PUBLISHABLE_KEY: `pk_test_${text()}`,
    CREDITS_STRIPE_WEBHOOK_SECRET: `whsec_${text()}`,
  }
  const isSandbox = environment !== "production"
  /** R10.3: of the card processor's secrets each is told only what it uses. */
  const ofProcessor: Readonly<Partial<Record<BusUser, Readonly<Record<string, string>>>>> = {
    payments: processor,
    processor: { CREDITS_STRIPE_WEBHOOK_SECRET: processor.CREDITS_STRIPE_WEBHOOK_SECRET },
  }
  const envOf = (user: BusUser): string => {
    const values: Record<string, string> = {
      CREDITS_NATS_SEED: keys[user]!.seed,
      ...(WITH_DATABASE.has(user)
        ? { CREDITS_DATABASE_URL: `postgres://credits:${password}@postgres:5432/credits` }
        : {}),
      ...(isSandbox ? ofProcessor[user] : {}),
    }
    return Object.entries(values)
      .map(([name, value]) => `${name}=${value}\n`)
      .join("")
  }
  const publicKeys = Object.fromEntries(BUS_USERS.map((user) => [user, keys[user]!.publicKey]))
  return {
    files: {
      ...Object.fromEntries(BUS_USERS.map((user) => [`${user}.env`, envOf(user)])),
      "postgres.env": `POSTGRES_USER=credits\nPOSTGRES_DB=credits\nPOSTGRES_PASSWORD=${password}\n`,
      "users.conf": renderAuthorization(environment, publicKeys),
    },
  }
}

/** @throws Error when one of the files is there already: half of an old set and half of a new one fit nothing */
export const writeSecrets = (folder: string, environment: string): void => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { files } = makeSecrets(environment)
  const found = Object.keys(files).filter((name) => existsSync(join(folder, name)))
  if (found.length > 0) throw new Error(`${folder} has ${found.join(", ")} already`)
  for (const [name, content] of Object.entries(files)) {
    // nats-server runs as a user of its own and has to read its users.
    writeFileSync(join(folder, name), content, { mode: name === "users.conf" ? 0o644 : 0o600, flag: "wx" })
  }
}

if (import.meta.main) {
  const [folder = FOLDER, environment = process.env["CREDITS_ENV"] ?? "sandbox"] = process.argv.slice(2)
  try {
    writeSecrets(folder, environment)
    process.stdout.write(`secrets for ${environment} are in ${folder}\n`)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.stderr.write("secrets are made once: remove the folder to have new ones, and restart everything\n")
    process.exitCode = 1
  }
}
