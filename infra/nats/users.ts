/**
 * `node infra/nats/users.ts KEYS.json [ENVIRONMENT] > users.conf`: the users of an external NATS server, with the
 * permissions of the contracts. KEYS.json maps a service to its public nkey (`U…`). `--new-keys FOLDER` makes both: a
 * seed file per service and keys.json. Prints a configuration; changes no server.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { makeBusKey } from "@credits/bus"
import { BUS_USERS, type BusUser, renderAuthorization } from "@credits/contracts"

const PUBLIC_KEY = /^U[A-Z2-7]{55}$/

/** Nobody needs them to run: outsiders, operators, and the sandbox's card processor, which production has not. */
const OPTIONAL: ReadonlySet<BusUser> = new Set(["gateway", "ops", "processor"])

/**
 * @throws Error naming what is wrong with the keys: a user without a key could not connect, a seed must not be
 * printed.
 */
export const readKeys = (text: string): Readonly<Partial<Record<BusUser, string>>> => {
  const keys = JSON.parse(text) as Record<string, unknown>
  for (const [user, key] of Object.entries(keys)) {
    if (!(BUS_USERS as ReadonlyArray<string>).includes(user)) throw new Error(`"${user}" is not a bus user`)
    if (typeof key !== "string" || !PUBLIC_KEY.test(key))
      throw new Error(`the key of ${user} is not a public nkey (U…)`)
  }
  const missing = BUS_USERS.filter((user) => keys[user] === undefined && !OPTIONAL.has(user))
  if (missing.length > 0) throw new Error(`no key for ${missing.join(", ")}`)
  return keys as Partial<Record<BusUser, string>>
}

/** Seeds go to files that only this user can read; the public keys to keys.json. Existing files are never replaced. */
export const makeKeys = (folder: string): void => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const keys = Object.fromEntries(
    BUS_USERS.map((user) => {
      const { seed, publicKey } = makeBusKey()
      writeFileSync(join(folder, `${user}.seed`), `${seed}\n`, { mode: 0o600, flag: "wx" })
      return [user, publicKey]
    }),
  )
  writeFileSync(join(folder, "keys.json"), `${JSON.stringify(keys, null, 2)}\n`, { flag: "wx" })
}

const main = (args: ReadonlyArray<string>): void => {
  const [first, second] = args
  if (first === "--new-keys" && second !== undefined) return makeKeys(second)
  if (first === undefined || first.startsWith("-")) {
    throw new Error("usage: node infra/nats/users.ts KEYS.json [production|sandbox|development] | --new-keys FOLDER")
  }
  process.stdout.write(renderAuthorization(second ?? "production", readKeys(readFileSync(first, "utf8"))))
}

if (import.meta.main) {
  try {
    main(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
