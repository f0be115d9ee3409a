/** The configuration for an external server is one that nats-server accepts, and it never shows a seed. */
import { execFile } from "node:child_process"
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { BUS_USERS } from "@credits/contracts"
import { findNatsServer } from "@credits/testkit"
import { afterAll, describe, expect, it } from "vitest"
import { readKeys } from "./users.ts"

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), "credits-nats-users-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const script = join(import.meta.dirname, "users.ts")

describe("the users of an external nats-server", () => {
  it("are generated from new keys into a configuration that nats-server takes", async () => {
    const keys = join(folder, "keys")
    await run(process.execPath, [script, "--new-keys", keys])
    expect(readdirSync(keys).toSorted()).toEqual([...BUS_USERS.map((user) => `${user}.seed`), "keys.json"].toSorted())
    expect(statSync(join(keys, "ledger.seed")).mode & 0o077).toBe(0)
    const { stdout } = await run(process.execPath, [script, join(keys, "keys.json")])
    for (const user of BUS_USERS) expect(stdout).not.toContain(readFileSync(join(keys, `${user}.seed`), "utf8").trim())
    writeFileSync(join(folder, "users.conf"), stdout)
    copyFileSync(join(import.meta.dirname, "server.conf"), join(folder, "server.conf"))
    const env = {
      ...process.env,
      CREDITS_NATS_NAME: "n1",
      CREDITS_NATS_ROUTES: '["nats://n2:6222", "nats://n3:6222"]',
      CREDITS_NATS_STORE: JSON.stringify(join(folder, "store")),
      CREDITS_NATS_MONITOR: '"127.0.0.1:8222"',
    }
    const tested = await run(findNatsServer(), ["-t", "-c", join(folder, "server.conf")], { env })
    expect(tested.stderr + tested.stdout).toContain("configuration file")
  })

  it("are refused with the reason when a key is missing, unknown or a seed", () => {
    const key = `U${"A".repeat(55)}`
    const all = Object.fromEntries(BUS_USERS.map((user) => [user, key]))
    expect(Object.keys(readKeys(JSON.stringify(all)))).toHaveLength(BUS_USERS.length)
    expect(() => readKeys(JSON.stringify({ ...all, ledger: undefined }))).toThrow("no key for ledger")
    expect(() => readKeys(JSON.stringify({ ...all, mailman: key }))).toThrow('"mailman" is not a bus user')
    expect(() => readKeys(JSON.stringify({ ...all, edge: `S${key}` }))).toThrow("the key of edge is not a public nkey")
  })
})
