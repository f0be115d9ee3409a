/**
 * Goal: a question at a service's border is understood whole or refused naming what is wrong, and has exactly one
 * answer, whatever fails behind it. Method: a small service on a real nats-server.
 */
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"
import { Schema } from "effect"
import * as fc from "fast-check"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type Answered, ask, Border, type BusHandle, closeBus, connectBus, requestDecoder } from "./index.ts"

interface Add {
  readonly op: "add"
  readonly terms: { readonly left: number; readonly right?: number }
}
interface Show {
  readonly op: "show"
  readonly id: string
}

const decode = requestDecoder<Add | Show>("sums", {
  add: Schema.Struct({
    op: Schema.Literal("add"),
    terms: Schema.Struct({ left: Schema.Int, right: Schema.optionalKey(Schema.Int) }),
  }),
  show: Schema.Struct({ op: Schema.Literal("show"), id: Schema.String }),
})

describe("decoding a request", () => {
  const named = (op: string, body: unknown): string | undefined => {
    const decoded = decode(op, JSON.stringify(body))
    if ("request" in decoded) return "accepted"
    expect(decoded.refused.code).toBe("invalid")
    expect(decoded.refused.detail).not.toBe("")
    return decoded.refused.field
  }

  it("names the field that is wrong, missing or unknown, also within another", () => {
    expect(named("add", { op: "add", terms: { left: 1 } })).toBe("accepted")
    expect(named("add", { op: "add", terms: { left: "1" } })).toBe("terms.left")
    expect(named("add", { op: "add", terms: {} })).toBe("terms.left")
    expect(named("add", { op: "add", terms: { left: 1, third: 3 } })).toBe("terms.third")
    expect(named("add", { op: "add", terms: { left: 1 }, more: 1 })).toBe("more")
    expect(named("add", { op: "add" })).toBe("terms")
    expect(named("show", { op: "add", id: "x" })).toBe("op")
    expect(named("show", [])).toBeUndefined()
  })

  it("knows the operations there are, and no others that a record has", () => {
    for (const op of ["steal", "constructor", "__proto__", ""]) {
      expect(decode(op, "{}")).toEqual({ refused: { code: "unknown_op", detail: `sums knows no request ${op}` } })
    }
    expect(decode("add", "{")).toEqual({ refused: { code: "invalid", detail: "the request is no JSON" } })
  })
})

describe("a border", () => {
  let server: TestNatsServer
  let bus: BusHandle
  let border: Border<Add | Show>
  let handle: (request: Add | Show) => Promise<Answered> | Answered
  const told: Array<string> = []
  const reports: Array<string> = []

  beforeAll(async () => {
    server = await natsServerForTests()
    bus = await connectBus({ servers: server.url, name: "sums" })
  })
  afterAll(async () => {
    await closeBus(bus)
    await server.stop()
  })
  beforeEach(() => {
    handle = (request) => ({ ok: request.op === "add" ? request.terms.left + (request.terms.right ?? 0) : request.id })
    told.length = 0
    reports.length = 0
    border = new Border({
      bus,
      name: "the sums service",
      requestSubject: (op) => `sums.request.${op}`,
      controlSubject: "sums.control",
      decode,
      handle: (request) => handle(request),
      control: async (text) => `told ${text}`,
      onAnswer: (answer, request) =>
        void told.push(`${request?.op ?? "none"} ${"ok" in answer ? "ok" : answer.refused.code}`),
      report: (level, text) => void reports.push(`${level} ${text}`),
    })
    border.start()
  })
  afterEach(() => border.stop())

  const asked = async (op: string, body: unknown): Promise<unknown> =>
    JSON.parse(await ask(bus.connection, `sums.request.${op}`, JSON.stringify(body), 5_000))

  it("answers what was asked, and its control subject", async () => {
    expect(await asked("add", { op: "add", terms: { left: 2, right: 3 } })).toEqual({ ok: 5 })
    expect(await asked("add", {})).toMatchObject({ refused: { code: "invalid" } })
    expect(await ask(bus.connection, "sums.control", "status", 5_000)).toBe("told status")
    expect(told).toEqual(["add ok", "none invalid"])
  })

  it("is never without an answer: a handler that throws, rejects or answers no JSON is unavailable", async () => {
    const unavailable = { refused: { code: "unavailable", detail: "the sums service cannot answer now; ask again" } }
    const failures: ReadonlyArray<typeof handle> = [
      () => {
        throw new Error("thrown")
      },
      () => Promise.reject(new Error("rejected")),
      () => ({ ok: 1n }),
    ]
    for (const failure of failures) {
      handle = failure
      expect(await asked("show", { op: "show", id: "x" })).toEqual(unavailable)
    }
    expect(told).toEqual(["show unavailable", "show unavailable", "show unavailable"])
    expect(reports).toHaveLength(3)
    expect(reports[0]).toBe("warning show: Error: thrown")
    expect(border.open).toBe(0)
  })

  it("a question is open until it is answered", async () => {
    const gate = Promise.withResolvers<Answered>()
    handle = () => gate.promise
    const answers = [1, 2, 3].map((left) => asked("add", { op: "add", terms: { left } }))
    await expect.poll(() => border.open).toBe(3)
    gate.resolve({ ok: "late" })
    expect(await Promise.all(answers)).toEqual([{ ok: "late" }, { ok: "late" }, { ok: "late" }])
    expect(border.open).toBe(0)
  })

  it("any text on any operation has one answer of the two kinds", async () => {
    const text = fc.oneof(fc.string(), fc.json(), fc.constant('{"op":"show","id":"x"}'))
    const ops = fc.constantFrom("add", "show", "steal", "constructor")
    await fc.assert(
      fc.asyncProperty(ops, text, async (op, body) => {
        const answer = JSON.parse(await border.answer(op, body)) as Record<string, unknown>
        expect(Object.keys(answer)).toHaveLength(1)
        expect("ok" in answer || "refused" in answer).toBe(true)
      }),
    )
    expect(border.open).toBe(0)
  })
})
