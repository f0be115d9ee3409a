import { afterEach, describe, expect, it } from "vitest"
import { logLine, withoutSecrets } from "./log-line.ts"
import { childContext, parseTraceparent, rootContext, sampledContext, traceparentOf } from "./trace-context.ts"
import { tracing } from "./tracing.ts"

const [TRACE, SPAN] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"]

describe("traceparent (W3C trace context)", () => {
  it("is read with its flag, also of a later version, and written the same", () => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual({ traceId: TRACE, spanId: SPAN, isSampled: true })
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-00`)?.isSampled).toBe(false)
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01-more`)?.isSampled).toBe(true)
    expect(traceparentOf(sampledContext(`00-${TRACE}-${SPAN}-01`)!)).toBe(`00-${TRACE}-${SPAN}-01`)
    expect(sampledContext(`00-${TRACE}-${SPAN}-00`)).toBeUndefined()
  })

  it.each([
    undefined,
    7,
    "",
    `ff-${TRACE}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01x`,
    `00-${TRACE}-${SPAN}-01-${"x".repeat(200)}`,
  ])("that is %j is none", (text) => expect(parseTraceparent(text)).toBeUndefined())

  it("of a new span has the trace of its parent, and ids of its own", () => {
    const root = rootContext()
    const child = childContext(root)
    expect(child.traceId).toBe(root.traceId)
    expect(child.spanId).toMatch(/^[0-9a-f]{16}$/)
    expect(child.spanId).not.toBe(root.spanId)
  })
})

describe("tracing that is off", () => {
  it("makes no span, carries nothing and runs what it is given", async () => {
    const about = { name: "x", kind: "server" } as const
    expect(tracing.receive(`00-${TRACE}-${SPAN}-01`, "obeyed", about)).toBeUndefined()
    expect(tracing.child(`00-${TRACE}-${SPAN}-01`, about)).toBeUndefined()
    expect(tracing.outgoing()).toBeUndefined()
    expect(await tracing.measure(about, async (span) => span ?? "run")).toBe("run")
  })
})

describe("a request", () => {
  const about = { name: "x", kind: "server" } as const
  const headers = {}
  afterEach(() => tracing.stop())
  const start = (ratio: number) => tracing.start({ url: "http://127.0.0.1:9/v1/traces", headers, resource: {}, ratio })

  it("goes on with the trace it names, if whoever asks may say so; else our ratio decides", () => {
    start(0)
    const [yes, no] = [`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-00`]
    expect(tracing.receive(yes, "obeyed", about)?.context.traceId).toBe(TRACE)
    expect(tracing.receive(no, "obeyed", about)).toBeUndefined()
    expect(tracing.receive(yes, "heard", about)).toBeUndefined()
    expect(tracing.receive(undefined, "obeyed", about)).toBeUndefined()
    start(1)
    expect(tracing.receive(yes, "heard", about)?.context.traceId).toBe(TRACE)
    expect(tracing.receive("nonsense", "heard", about)?.context.traceId).toMatch(/^[0-9a-f]{32}$/)
    expect(tracing.receive(no, "heard", about)).toBeUndefined()
  })

  it("is what everything it awaits belongs to", async () => {
    start(1)
    const span = tracing.receive(undefined, "heard", about)!
    const inner = await tracing.run(span, async () => {
      await new Promise((resolve) => setImmediate(resolve))
      return tracing.outgoing()
    })
    expect(inner).toBe(traceparentOf(span.context))
    expect(tracing.outgoing()).toBeUndefined()
  })
})

describe("a log line", () => {
  it("is one JSON object: time, level, service, message, then account and trace, then the rest", () => {
    const line = logLine({
      at: new Date(0),
      level: "Warning",
      service: "ledger",
      told: ["a hold", 7n, { partition: 3 }],
      fields: { account: "acc_1" },
      cause: undefined,
      trace: { traceId: TRACE, spanId: SPAN },
    })
    expect(line).toBe(
      '{"time":"1970-01-01T00:00:00.000Z","level":"warning","service":"ledger","message":"a hold 7",' +
        `"account":"acc_1","trace_id":"${TRACE}","span_id":"${SPAN}","partition":3}`,
    )
  })

  it.each([
    ["sk_test_51Habcdefgh", "[secret]"],
    ["wk_live_0123456789abcdefghijklmnopqrstuv123456", "[secret]"],
    ["whsec_dGVzdHNlY3JldA==", "[secret]"],
    ["pi_3Nabc_secret_XyZ123", "[secret]"],
    ["SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4", "[seed]"],
    ["authorization: Bearer abcdefghijkl", "authorization: Bearer [secret]"],
    ["smtps://user:hunter2@mail.example.com:465", "smtps://user:[secret]@mail.example.com:465"],
    ["mail to ada@example.com failed", "mail to [e-mail] failed"],
    ["4242 4242 4242 4242", "[card]"],
  ])("says %j as %j", (text, told) => expect(withoutSecrets(text)).toBe(told))
})
