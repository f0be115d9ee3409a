/**
 * Goal: a backup of a system at work, restored into a fresh one, is that system: the same state, and it goes on; and
 * nothing is restored that does not fit. Method: the whole system, the command line as an operator runs it, calls going
 * on while the copy is made.
 */
import { readFileSync } from "node:fs"
import { cp, mkdtemp, rm, truncate } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { UsageRow } from "@credits/contracts/http"
import { commandLine, Customer, Spender, startSystem, type SystemUnderTest } from "@credits/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const REASON = ["--apply", "--reason", "rehearsal"]

let folder = ""
const running: Array<SystemUnderTest> = []

const start = async (dataDir: string): Promise<SystemUnderTest> => {
  const system = await startSystem({ dataDir })
  running.push(system)
  return system
}
const stop = async (system: SystemUnderTest): Promise<void> => {
  running.splice(running.indexOf(system), 1)
  await system.stop()
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "credits-backup-"))
})
afterAll(async () => {
  for (const each of running.splice(0)) await each.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Spends a cent at a time until it is told to stop; answers how many. */
const spending = (spender: Spender, customer: Customer): (() => Promise<number>) => {
  let isOver = false
  let spent = 0
  const loop = (async () => {
    for (; !isOver; spent++) await spender.spend(customer, 1)
  })()
  return async () => {
    isOver = true
    await loop
    return spent
  }
}

const cents = (usd: string): number => Math.round(Number(usd) * 100)

/** What the usage tables add up to: counted from the journal, which the restored ledger must agree with. */
const countedCents = async (customer: Customer): Promise<number> => {
  const { body } = await customer.call<{ items: ReadonlyArray<UsageRow> }>("wallet/usage?by=model")
  return body.items.reduce((sum, row) => sum + cents(row.costUsd), 0)
}

describe("a backup", () => {
  const home = () => join(folder, "home")
  const busy = () => join(folder, "busy")
  const quiet = () => join(folder, "quiet")
  let customer: Customer
  let stateThen = ""

  it("is made while customers buy and spend", async () => {
    const system = await start(home())
    const credits = commandLine(home())
    customer = await Customer.signIn(system.url, "backed-up@example.com")
    await customer.saveCard("tok_ok")
    await customer.buy("plus", "monthly")
    const spender = await Spender.open(system.url)
    await spender.spend(customer, 300)

    const ended = spending(spender, customer)
    const made = await credits("backup", "create", busy(), "--json")
    expect(await ended()).toBeGreaterThan(0)
    expect(made).toMatchObject({ exit: 0 })
    expect(made.stderr).toContain("copying ledger")

    // Never over another, and never half: a folder without its manifest is no backup.
    expect((await credits("backup", "create", busy())).exit).toBe(1)
    await stop(system)
  })

  it("I1, I8: of a busy system is one that closes, counts what it charged once, and goes on", async () => {
    const fresh = join(folder, "goes-on")
    const credits = commandLine(fresh)
    expect(await credits("backup", "restore", busy(), ...REASON)).toMatchObject({ exit: 0 })
    const system = await start(fresh)
    const restored = await Customer.signIn(system.url, "backed-up@example.com")
    expect(restored.account).toBe(customer.account)
    await (await Spender.open(system.url, "after")).spend(restored, 7)
    expect((await credits("ledger", "verify")).exit).toBe(0)
    const wallet = await restored.wallet()
    expect(await restored.subscription()).toMatchObject({ plan: "plus", status: "active" })
    await expect.poll(() => countedCents(restored), { timeout: 20_000 }).toBe(2_000 - cents(wallet.availableUsd))
    // Bought once, and the book of the sandbox's processor came along.
    expect(await restored.book()).toHaveLength(1)

    expect((await credits("backup", "create", quiet())).exit).toBe(0)
    stateThen = (await credits("ledger", "verify", "--json")).stdout
    await stop(system)
  })

  it("I10: of a quiet system, restored into a fresh folder, has the same state to the byte", async () => {
    const fresh = join(folder, "fresh")
    const credits = commandLine(fresh)
    const verified = await credits("backup", "verify", quiet(), "--json")
    expect(verified.json()).toMatchObject({ ok: true, faults: [], ledger: { ok: true } })

    const dry = await credits("backup", "restore", quiet())
    expect(dry.exit).toBe(0)
    expect(dry.stderr).toContain("dry run")
    expect(await credits("backup", "restore", quiet(), ...REASON)).toMatchObject({ exit: 0 })
    const system = await start(fresh)
    expect((await credits("ledger", "verify", "--json")).stdout).toBe(stateThen)
    const doctor = await credits("doctor")
    expect(doctor).toMatchObject({ exit: 0 })
    const audit = await credits("audit", "list", "--json")
    expect(audit.stdout).toContain("backup restore")
    await stop(system)
    // What is there is never written over.
    expect((await credits("backup", "restore", quiet(), ...REASON)).exit).toBe(4)
  })

  it("decision 2: databases without their streams do not start, and the doctor says how to mend it", async () => {
    const fresh = join(folder, "no-streams")
    const credits = commandLine(fresh)
    expect(await credits("backup", "restore", quiet(), ...REASON)).toMatchObject({ exit: 0 })
    await rm(join(fresh, "nats", "restore"), { recursive: true })
    let doctor: Promise<string> | undefined
    const started = startSystem({
      dataDir: fresh,
      onLog: (line) => {
        if (!line.includes("cursor_gap")) return
        doctor ??= credits("doctor").then(({ stdout }) => {
          // It would wait for its ledger for ever.
          const { pid } = JSON.parse(readFileSync(join(fresh, "run.json"), "utf8")) as { readonly pid: number }
          process.kill(pid, "SIGTERM")
          return stdout
        })
      },
    })
    await expect(started).rejects.toThrow(/cursor_gap/)
    expect(await doctor).toMatch(/cursor_gap[\s\S]*docs\/operations\/cursor-gap\.md/)
  })

  it("that was damaged is refused with the file's name", async () => {
    const damaged = join(folder, "damaged")
    await cp(quiet(), damaged, { recursive: true })
    await truncate(join(damaged, "ledger.db"), 8_192)
    const credits = commandLine(join(folder, "never"))
    expect((await credits("backup", "verify", damaged)).stdout).toContain("ledger.db has 8192 bytes")
    const refused = await credits("backup", "restore", damaged, "--json", ...REASON)
    expect(refused.exit).toBe(1)
    expect(refused.json()).toMatchObject({ error: { code: "backup_damaged" } })
    expect((await credits("backup", "verify", join(folder, "nothing"))).exit).toBe(3)
  })
})
