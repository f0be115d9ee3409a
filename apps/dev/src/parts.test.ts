/** The supervisor's small parts on their own: what they print and decide. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { BUS_USERS, type ControlAnswer } from "@credits/contracts"
import { logLine } from "@credits/telemetry"
import { afterAll, describe, expect, it } from "vitest"
import { purgeableUpTo } from "./janitor.ts"
import { lockFile, releaseLock, takeLock } from "./lock.ts"
import { jsonLine, lineSplitter, natsLine, prefixed, readableLine } from "./log-line.ts"
import { isVersionEnough, renderNatsConfig } from "./nats-server.ts"
import { known } from "./process-info.ts"
import { busKeys } from "./seed.ts"

const folder = mkdtempSync(join(tmpdir(), "credits-dev-parts-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("log lines", () => {
  it("of a service become time, level, message and fields", () => {
    const line = logLine({
      at: new Date("2026-11-23T03:14:15.926Z"),
      level: "Info",
      service: "ledger",
      told: ["owns", { partitions: 64 }],
      fields: { epoch: 3, why: "start" },
      cause: undefined,
      trace: undefined,
    })
    expect(readableLine(line)).toBe("03:14:15 INFO owns partitions=64 epoch=3 why=start")
  })

  it("become one JSON object each for whatever collects them, also those of programs that are not ours", () => {
    const at = new Date("2026-11-23T03:14:15.926Z")
    const ours = '{"time":"2026-11-23T03:14:15.926Z","level":"info","service":"edge","message":"up"}'
    expect(jsonLine("edge", ours, at)).toBe(ours)
    expect(JSON.parse(jsonLine("nats", "WARN slow consumer", at))).toEqual({
      time: at.toISOString(),
      level: "warn",
      service: "nats",
      message: "WARN slow consumer",
    })
  })

  it("that are no JSON, or JSON of something else, stay as they are", () => {
    for (const line of ["plain", "{not json", '{"a":1}']) expect(readableLine(line)).toBe(line)
  })

  it("carry the name on every line, also of a cause", () => {
    const line = JSON.stringify({ message: "failed", level: "ERROR", cause: "Error: x\n  at y" })
    expect(prefixed("edge", readableLine(line))).toBe("edge    | ERROR failed\nedge    | Error: x\nedge    |   at y")
  })

  it("are put together again from chunks", () => {
    const seen: Array<string> = []
    const split = lineSplitter((line) => seen.push(line))
    for (const chunk of ["on", "e\ntwo\n\nth", "ree\n", "unfinished"]) split(chunk)
    expect(seen).toEqual(["one", "two", "three"])
  })

  it("of nats-server are shown from warning on", () => {
    expect(natsLine("[123] 2026/11/23 03:00:00.000000 [WRN] slow")).toBe("WARN slow")
    expect(natsLine("[123] 2026/11/23 03:00:00.000000 [INF] Server is ready")).toBeUndefined()
  })
})

describe("the version check", () => {
  it("takes 2.15 and newer", () => {
    for (const version of ["2.15.0", "2.15.1", "2.16.0-RC.1", "3.0.0"]) expect(isVersionEnough(version)).toBe(true)
    for (const version of ["2.14.9", "2.9.20", "1.99.0", "unknown", ""]) expect(isVersionEnough(version)).toBe(false)
  })
})

describe("the lock", () => {
  it("left by a process that is gone, or by another one with its pid, is taken over", () => {
    for (const owner of [
      { pid: 2 ** 22 - 1, mark: "gone" },
      { pid: process.ppid, mark: "another start time" },
    ]) {
      writeFileSync(lockFile(folder), JSON.stringify(owner))
      takeLock(folder)
      expect(JSON.parse(readFileSync(lockFile(folder), "utf8"))).toEqual({ ...known(process.pid) })
      releaseLock(folder)
    }
  })

  it("of a living process is respected and not released by others", () => {
    writeFileSync(lockFile(folder), JSON.stringify(known(process.ppid)))
    expect(() => takeLock(folder)).toThrow(`in use by process ${process.ppid}`)
    releaseLock(folder)
    expect(JSON.parse(readFileSync(lockFile(folder), "utf8"))).toMatchObject({ pid: process.ppid })
    rmSync(lockFile(folder))
  })

  it("half written by a crash counts as left behind", () => {
    writeFileSync(lockFile(folder), '{"pid":')
    takeLock(folder)
    releaseLock(folder)
  })
})

describe("the server's configuration", () => {
  it("acknowledges only what is on disk, listens on loopback, and has no user without a key", () => {
    const keys = busKeys(folder)
    const text = renderNatsConfig(folder, { client: 4333, monitor: 8333 }, "development", keys)
    expect(text).toContain("sync_interval: always")
    expect(text).toContain('listen: "127.0.0.1:4333"')
    expect(text).toContain('http: "127.0.0.1:8333"')
    expect(text).not.toContain("no_auth_user")
    expect(text.match(/nkey: U[A-Z0-9]{55}/g)).toHaveLength(BUS_USERS.length)
    for (const { seed } of Object.values(keys)) expect(text).not.toContain(seed)
  })
})

describe("the janitor (decision 2)", () => {
  const answer = (service: string, cursors: Record<string, number>, ready = true): ControlAnswer => ({
    service,
    ready,
    now: 0,
    nextDue: null,
    ran: 0,
    cursors,
    outboxPending: 0,
    openRequests: 0,
    detail: {},
  })
  const stream = { name: "S", readers: ["ledger", "pricing"] }

  it("frees up to the lowest durable cursor of all readers", () => {
    const answers = new Map([
      ["ledger", answer("ledger", { S: 40 })],
      ["pricing", answer("pricing", { S: 7 })],
    ])
    expect(purgeableUpTo(stream, answers)).toBe(7)
  })

  it("frees nothing when a reader is silent, not ready or names no cursor, and nothing without readers", () => {
    const ledger = answer("ledger", { S: 40 })
    expect(purgeableUpTo(stream, new Map([["ledger", ledger]]))).toBeUndefined()
    const notReady = new Map([
      ["ledger", ledger],
      ["pricing", answer("pricing", { S: 40 }, false)],
    ])
    expect(purgeableUpTo(stream, notReady)).toBeUndefined()
    const other = new Map([
      ["ledger", ledger],
      ["pricing", answer("pricing", { T: 40 })],
    ])
    expect(purgeableUpTo(stream, other)).toBeUndefined()
    expect(purgeableUpTo({ name: "S", readers: [] }, other)).toBeUndefined()
  })
})
