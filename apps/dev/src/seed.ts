/**
 * The nkey seeds of the bus users: made once per data folder, one file each, readable by this user only. The server
 * gets the public keys, each service its own seed and no other.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type BusKey, busKeyOf, makeBusKey } from "@credits/bus"
import { BUS_USERS, type BusUser } from "@credits/contracts"

export type BusKeys = Readonly<Record<BusUser, BusKey>>

export const seedFile = (dataDir: string, user: BusUser): string => join(dataDir, "nats", `${user}.seed`)

const readOrMake = (file: string): BusKey => {
  if (!existsSync(file)) writeFileSync(file, `${makeBusKey().seed}\n`, { mode: 0o600, flag: "wx" })
  return busKeyOf(readFileSync(file, "utf8").trim())
}

export const busKeys = (dataDir: string): BusKeys => {
  mkdirSync(join(dataDir, "nats"), { recursive: true, mode: 0o700 })
  return Object.fromEntries(BUS_USERS.map((user) => [user, readOrMake(seedFile(dataDir, user))])) as Record<
    BusUser,
    BusKey
  >
}

/** For an external server: the user's own file when there is one, else the common seed, else none. */
export const externalSeed = (dataDir: string, user: BusUser, common: string | undefined): string | undefined => {
  const file = seedFile(dataDir, user)
  return existsSync(file) ? readFileSync(file, "utf8").trim() : common
}
