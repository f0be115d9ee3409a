/** Goal: nobody is told what is another's, and nothing that is in use is replaced. Method: real folders. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { BUS_USERS } from "@credits/contracts"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { environmentOf } from "./containers/files.ts"
import { makeSecrets, writeSecrets } from "./secrets.ts"

let folder = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "credits-secrets-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const textsIn = (path: string): Readonly<Record<string, string>> =>
  Object.fromEntries(readdirSync(path).map((name) => [name, readFileSync(join(path, name), "utf8")]))

const SEED = "CREDITS_NATS_SEED"
const DATABASE = "CREDITS_DATABASE_URL"

describe("a deployment's secrets", () => {
  it("R10.3 are each told to its own service alone", () => {
    const { files } = makeSecrets("sandbox")
    const seeds = BUS_USERS.map((user) => environmentOf(files[`${user}.env`]!)[SEED]!)
    expect(new Set(seeds).size).toBe(BUS_USERS.length)
    for (const [i, user] of BUS_USERS.entries()) {
      const telling = Object.entries(files).flatMap(([name, text]) => (text.includes(seeds[i]!) ? [name] : []))
      expect(telling).toEqual([`${user}.env`])
    }
    const names = (user: string) => Object.keys(environmentOf(files[`${user}.env`]!))
    expect(names("gateway")).toEqual([SEED])
    expect(names("dev")).toEqual([SEED])
    expect(names("ledger")).toEqual([SEED, DATABASE])
    expect(names("edge")).toEqual([SEED, DATABASE])
    const toldKey = BUS_USERS.filter((user) => names(user).includes("CREDITS_STRIPE_SECRET_KEY"))
    expect(toldKey).toEqual(["payments"])
    const toldSecret = BUS_USERS.filter((user) => names(user).includes("CREDITS_STRIPE_WEBHOOK_SECRET"))
    expect(toldSecret).toEqual(["payments", "processor"])
  })

  it("of production invent nothing of a card processor", () => {
    expect(JSON.stringify(makeSecrets("production").files)).not.toMatch(/STRIPE|sk_test|whsec/)
  })

  it("are files that only their owner reads; nats-server reads its users, which are public keys", () => {
    writeSecrets(folder, "sandbox")
    const modes = readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mode & 0o777] as const)
    expect(modes.filter(([, mode]) => mode !== 0o600)).toEqual([["users.conf", 0o644]])
    expect(textsIn(folder)["users.conf"]).not.toMatch(/\bS[UA][A-Z2-7]{56}\b/)
  })

  it("are made once: where one of them is, none is made and none replaced", () => {
    const whole = join(folder, "whole")
    writeSecrets(whole, "sandbox")
    const before = textsIn(whole)
    expect(() => writeSecrets(whole, "sandbox")).toThrow(/already/)
    expect(textsIn(whole)).toEqual(before)
    rmSync(join(whole, "ledger.env"))
    expect(() => writeSecrets(whole, "sandbox")).toThrow(/already/)
    expect(Object.keys(textsIn(whole))).not.toContain("ledger.env")
  })
})
