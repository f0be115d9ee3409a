/**
 * Pricing killed, starved and confused on purpose, as its own process over a real nats-server and a real SQLite file:
 * every accepted event reaches the command stream with the one charge it has, and nothing is ever skipped (I2, I3).
 */
import { spawn, type ChildProcess } from "node:child_process"
import { join } from "node:path"
import { ask, provisionStreams } from "@credits/bus"
import { STREAMS, SUBJECTS, type ChargeTuple, type ControlAnswer } from "@credits/contracts"
import { openSqliteFile } from "@credits/store"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import {
  eventually,
  publishUsage,
  startParts,
  startTestPricing,
  storedCharges,
  usageEvent,
  type TestParts,
} from "./fixture.test-kit.ts"

const NOW = Date.now()
const MAIN = join(import.meta.dirname, "main.ts")
const LONG_MS = 60_000

let parts: TestParts
const children: Array<ChildProcess> = []

const startProcess = (): ChildProcess => {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...process.env,
      CREDITS_NATS_URL: parts.server.url,
      CREDITS_DATA_DIR: parts.dataDir,
      CREDITS_ENV: "sandbox",
    },
    stdio: "ignore",
  })
  children.push(child)
  return child
}
const kill = async (child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): Promise<void> => {
  const ended = new Promise((resolve) => child.once("exit", resolve))
  child.kill(signal)
  await ended
}
const statusNow = async (): Promise<ControlAnswer | undefined> => {
  try {
    return JSON.parse(await ask(parts.bus.connection, SUBJECTS.pricingControl, '{"op":"status"}', 500)) as ControlAnswer
  } catch {
    return undefined
  }
}
const statusWhen = (holds: (status: ControlAnswer) => boolean, what: string): Promise<ControlAnswer> =>
  eventually(async () => {
    const status = await statusNow()
    return status !== undefined && holds(status) ? status : undefined
  }, what)
const usageEnd = async (): Promise<number> => (await parts.bus.jsm.streams.info(STREAMS.usage.name)).state.last_seq
const applied = async (): Promise<ControlAnswer> => {
  const end = await usageEnd()
  return statusWhen((status) => status.cursors[STREAMS.usage.name] === end, `the cursor is at ${end}`)
}

/** One charge per id; a repeat must be the same charge, or the ledger would see another body. */
const distinct = (charges: ReadonlyArray<ChargeTuple>): ReadonlyMap<string, string> => {
  const byId = new Map<string, string>()
  for (const charge of charges) {
    const text = JSON.stringify(charge)
    if ((byId.get(charge[0]) ?? text) !== text) throw new Error(`${charge[0]} was charged in two ways`)
    byId.set(charge[0], text)
  }
  return byId
}
const hosted = (from: number, count: number): ReadonlyArray<unknown> =>
  Array.from({ length: count }, (_, i) => usageEvent(`e${from + i}`, NOW, { subject: `acc_${(from + i) % 7}` }))

describe("pricing as a process", () => {
  beforeEach(async () => {
    parts = await startParts()
  })
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL")
    await parts.stop()
  })

  it(
    "I2 I3 killed between the publish and its cursor it repeats the same charges, which the ledger knows by their ids",
    async () => {
      const first = startProcess()
      await statusWhen((status) => status.ready, "pricing is ready")
      // Another writer holds the file: charges get out, the commit of the cursor has to wait.
      const writer = openSqliteFile(join(parts.dataDir, "pricing.db"))
      writer.exec("begin immediate")
      await publishUsage(parts.bus, [
        ...hosted(0, 50),
        usageEvent("own", NOW, { data: { mode: "byok" } }),
        usageEvent("bad", NOW, { data: { model: "no-such-model" } }),
      ])
      await eventually(
        async () => ((await storedCharges(parts.bus)).length === 50 ? true : undefined),
        "50 charges are out",
      )
      await kill(first)
      writer.exec("rollback")
      expect(writer.prepare("select seq from cursor where stream = 'USAGE'").pluck().get()).toBe(0)
      startProcess()
      await applied()
      const charges = await storedCharges(parts.bus)
      expect(charges).toHaveLength(100)
      expect(distinct(charges).size).toBe(50)
      expect(writer.prepare("select id from byok_call").pluck().all()).toEqual(["own"])
      expect(writer.prepare("select reason from dead_letter").pluck().all()).toEqual(["model_unknown"])
      writer.close()
    },
    LONG_MS,
  )

  it(
    "I2 I3 killed at any moment under load it loses nothing and records each BYOK call once",
    async () => {
      let child = startProcess()
      let sent = 0
      let limit = 0
      const sending = (async () => {
        while (sent < 30_000) {
          // 75 messages a round: enough to be killed in the middle of, few enough to be rated on a busy machine.
          await eventually(() => (sent < limit ? true : undefined), "the next round has begun")
          const own = Array.from({ length: 10 }, (_, i) =>
            usageEvent(`own${sent + i}`, NOW, { data: { mode: "byok" } }),
          )
          await publishUsage(parts.bus, [...hosted(sent, 100), ...own])
          sent += 100
        }
      })()
      for (const share of [0.2, 0.5, 0.9]) {
        limit += 7_500
        const before = (await usageEnd()) + 20
        await eventually(async () => ((await usageEnd()) > before ? true : undefined), "more usage was accepted")
        const status = await statusNow()
        if (status !== undefined) await new Promise((resolve) => setTimeout(resolve, share * 40))
        await kill(child)
        child = startProcess()
        await statusWhen((now) => (now.cursors[STREAMS.usage.name] ?? 0) > 0, "it rates again")
      }
      limit = 30_000
      await sending
      await applied()
      const ids = distinct(await storedCharges(parts.bus))
      expect(ids.size).toBe(sent)
      const reader = openSqliteFile(join(parts.dataDir, "pricing.db"), { readonly: true })
      expect(reader.prepare("select count(*) from byok_call").pluck().get()).toBe(sent / 10)
      expect(reader.prepare("select sum(byok_calls) from usage_rollup").pluck().get()).toBe(sent / 10)
      reader.close()
    },
    LONG_MS,
  )

  it(
    "I3 nats-server killed and started again under load: nothing is lost, nobody restarts pricing",
    async () => {
      const child = startProcess()
      await statusWhen((status) => status.ready, "pricing is ready")
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 20; i++) await publishUsage(parts.bus, hosted(round * 2_000 + i * 100, 100))
        await parts.server.kill()
        await parts.server.restart()
      }
      await publishUsage(parts.bus, hosted(0, 100))
      await applied()
      expect(distinct(await storedCharges(parts.bus)).size).toBe(6_000)
      expect(child.exitCode).toBeNull()
    },
    LONG_MS,
  )

  it(
    "SIGTERM stops it after what it rated is committed: nothing is repeated afterwards",
    async () => {
      const first = startProcess()
      await statusWhen((status) => status.ready, "pricing is ready")
      for (let i = 0; i < 10; i++) await publishUsage(parts.bus, hosted(i * 100, 100))
      await kill(first, "SIGTERM")
      startProcess()
      await applied()
      const charges = await storedCharges(parts.bus)
      expect([charges.length, distinct(charges).size]).toEqual([1_000, 1_000])
    },
    LONG_MS,
  )
})

describe("pricing's cursor and back-pressure", () => {
  afterEach(() => parts.stop())

  const gapOf = (status: ControlAnswer): unknown => status.detail["cursor_gap"]

  it("decision 2: a usage stream trimmed beyond the cursor is cursor_gap: not ready, nothing skipped", async () => {
    parts = await startParts()
    const first = await startTestPricing(parts)
    await publishUsage(parts.bus, hosted(0, 3))
    await first.settled()
    await first.stop()
    await publishUsage(parts.bus, hosted(3, 3))
    await publishUsage(parts.bus, hosted(6, 3))
    await parts.bus.jsm.streams.purge(STREAMS.usage.name, { seq: 3 })
    const second = await startTestPricing(parts)
    const status = await eventually(async () => {
      const now = await second.status()
      return gapOf(now) === undefined ? undefined : now
    }, "the gap shows")
    expect(status).toMatchObject({ ready: false, cursors: { USAGE: 1 } })
    expect(gapOf(status)).toMatchObject([{ stream: "USAGE", reason: "trimmed", cursor: 1, first: 3, last: 3 }])
    expect(second.reports.some((text) => text.startsWith("error cursor_gap"))).toBe(true)
    expect(await storedCharges(parts.bus)).toHaveLength(3)
    await second.stop()
  })

  it("decision 2: a usage stream wiped and made again is cursor_gap, also before anything was applied", async () => {
    parts = await startParts()
    const first = await startTestPricing(parts)
    await eventually(
      () => parts.database.kysely.selectFrom("cursor").selectAll().where("stream", "=", "USAGE").executeTakeFirst(),
      "the stream is remembered",
    )
    await first.stop()
    await parts.bus.jsm.streams.delete(STREAMS.usage.name)
    await provisionStreams(parts.bus)
    await publishUsage(parts.bus, hosted(0, 3))
    const second = await startTestPricing(parts)
    const status = await eventually(async () => {
      const now = await second.status()
      return gapOf(now) === undefined ? undefined : now
    }, "the gap shows")
    expect(gapOf(status)).toMatchObject([{ stream: "USAGE", reason: "other_incarnation" }])
    expect(await storedCharges(parts.bus)).toEqual([])
    await second.stop()
  })

  it("decision 2: a full command stream is back-pressure: shown, waited for, nothing lost", async () => {
    parts = await startParts()
    await parts.bus.jsm.streams.update(STREAMS.ledgerCommands.name, { max_bytes: 64 * 1024 })
    const pricing = await startTestPricing(parts)
    const accepted = 1_000
    // In one go, so that a single batch is larger than the whole stream.
    await Promise.all(Array.from({ length: 20 }, (_, i) => publishUsage(parts.bus, hosted(i * 50, 50))))
    const status = await eventually(async () => {
      const now = await pricing.status()
      return String(now.detail["trouble"]).startsWith("stream_full") ? now : undefined
    }, "the full stream shows")
    expect(status.detail["cursor_gap"]).toBeUndefined()
    const seen = new Map<string, string>()
    // The ledger's part: take what is there and make room behind it, until everything has come.
    let taken = 0
    while (seen.size < accepted) {
      taken = await eventually(async () => {
        const { state } = await parts.bus.jsm.streams.info(STREAMS.ledgerCommands.name)
        return state.last_seq > taken ? state.last_seq : undefined
      }, `more charges after ${seen.size} of ${accepted}`)
      for (const [id, text] of distinct(await storedCharges(parts.bus, taken))) seen.set(id, text)
      await parts.bus.jsm.streams.purge(STREAMS.ledgerCommands.name, { seq: taken + 1 })
    }
    expect(seen.size).toBe(accepted)
    expect((await pricing.settled()).detail["trouble"]).toBeNull()
    await pricing.stop()
  })

  it("I2 two pricings on one database repeat charges, but share one cursor and record everything once", async () => {
    parts = await startParts()
    const [one, two] = [await startTestPricing(parts), await startTestPricing(parts)]
    for (let i = 0; i < 30; i++) {
      const own = usageEvent(`own${i}`, NOW, { data: { mode: "byok" } })
      await publishUsage(parts.bus, [
        ...hosted(i * 10, 10),
        own,
        usageEvent(`bad${i}`, NOW, { data: { model: "none" } }),
      ])
    }
    const end = await usageEnd()
    await eventually(async () => {
      const row = await parts.database.kysely
        .selectFrom("cursor")
        .select("seq")
        .where("stream", "=", "USAGE")
        .executeTakeFirst()
      return row?.seq === BigInt(end) ? true : undefined
    }, "the shared cursor is at the end")
    expect(distinct(await storedCharges(parts.bus)).size).toBe(300)
    const count = async (table: "byok_call" | "dead_letter"): Promise<number> =>
      (await parts.database.kysely.selectFrom(table).selectAll().execute()).length
    expect([await count("byok_call"), await count("dead_letter")]).toEqual([30, 30])
    await one.stop()
    await two.stop()
  })
})
