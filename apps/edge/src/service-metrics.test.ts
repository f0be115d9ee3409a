import type { ControlAnswer } from "@credits/contracts"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge, until } from "./edge.fixture.ts"
import { renderServiceMetrics } from "./service-metrics.ts"

const status = (change: Partial<ControlAnswer> = {}): ControlAnswer => ({
  service: "payments",
  ready: true,
  now: 0,
  nextDue: null,
  ran: 3,
  cursors: { PAYMENTS: 7 },
  outboxPending: 2,
  openRequests: 1,
  detail: {},
  ...change,
})
const render = (metrics: unknown) => renderServiceMetrics(new Map([["payments", status({ detail: { metrics } })]]))
/** Every line of the text format: a comment, or a sample with a number. */
const LABEL = String.raw`[a-z_]\w*="(?:[^"\\\n]|\\["\\n])*"`
const NUMBER = String.raw`-?\d+(\.\d+)?(e[+-]?\d+)?`
const LINE = new RegExp(String.raw`^(# (HELP|TYPE) [a-z_]\w* .+|[a-z_]\w*(\{${LABEL}(,${LABEL})*\})? ${NUMBER})$`)

describe("what services report of themselves, as Prometheus text", () => {
  it("what people watch has its name, labels, help and type", () => {
    const text = render({
      charges: { first: { succeeded: 12, declined: 3 }, topup: { unknown: 1 } },
      oldestUnknownSeconds: 0.5,
      findings: { missing_here: 2 },
    })
    expect(text).toContain(
      "# HELP charges_total Charges by what for and outcome, since payments started\n# TYPE charges_total counter\n" +
        'charges_total{kind="first",outcome="succeeded"} 12\ncharges_total{kind="first",outcome="declined"} 3\n' +
        'charges_total{kind="topup",outcome="unknown"} 1\n',
    )
    expect(text).toContain("# TYPE charges_unknown_oldest_seconds gauge\ncharges_unknown_oldest_seconds 0.5\n")
    expect(text).toContain('recon_findings{kind="missing_here"} 2\n')
    const topup = renderServiceMetrics(new Map([["topup", status({ detail: { metrics: { capRejections: 4 } } })]]))
    expect(topup).toContain("topup_cap_rejections_total 4\n")
  })

  it("due work that waits is a backlog of business time", () => {
    const late = renderServiceMetrics(new Map([["subscriptions", status({ now: 90_000, nextDue: 30_000 })]]))
    expect(late).toContain('cycle_due_backlog_seconds{service="subscriptions"} 60\n')
    const early = renderServiceMetrics(new Map([["subscriptions", status({ now: 90_000, nextDue: 90_001 })]]))
    expect(early).toContain('cycle_due_backlog_seconds{service="subscriptions"} 0\n')
  })

  it("what all sagas report has one name, with the service and the machine as labels, in seconds", () => {
    const text = render({ sagas: { charge: { commitMs: 1_500, phases: { charge: { succeeded: 2 } } } } })
    expect(text).toContain('credits_saga_commit_seconds_total{service="payments",machine="charge"} 1.5\n')
    expect(text).toContain(
      'credits_saga_rows{service="payments",machine="charge",drawing="charge",phase="succeeded"} 2\n',
    )
    const alone = renderServiceMetrics(new Map([["topup", status({ detail: { metrics: { stepRetries: 3 } } })]]))
    expect(alone).toContain("# TYPE credits_saga_step_retries_total counter\n")
    expect(alone).toContain('credits_saga_step_retries_total{service="topup"} 3\n')
  })

  it("a histogram is cumulative, with its sum and count", () => {
    const commitSeconds = { le: [0.001, 0.01], counts: [2, 3, 1], sum: 0.05 }
    const text = renderServiceMetrics(new Map([["ledger", status({ detail: { metrics: { commitSeconds } } })]]))
    expect(text).toContain(
      "# TYPE credits_ledger_commit_seconds histogram\n" +
        'credits_ledger_commit_seconds_bucket{le="0.001"} 2\ncredits_ledger_commit_seconds_bucket{le="0.01"} 5\n' +
        'credits_ledger_commit_seconds_bucket{le="+Inf"} 6\n' +
        "credits_ledger_commit_seconds_sum 0.05\ncredits_ledger_commit_seconds_count 6\n",
    )
  })

  it("a stream that does not fit its cursor counts, also of one of several machines", () => {
    const gapOf = (detail: Record<string, unknown>) => renderServiceMetrics(new Map([["payments", status({ detail })]]))
    const line = (count: number) => `credits_service_cursor_gaps{service="payments"} ${count}\n`
    expect(gapOf({ gap: null })).toContain(line(0))
    expect(gapOf({ gap: "cursor_gap: trimmed" })).toContain(line(1))
    expect(gapOf({ charge: { cursor_gap: [{}, {}] }, method: {} })).toContain(line(2))
  })

  it("other numbers, and records of them, are named by their path", () => {
    const text = render({ newMs: 4, queues: { charge: { waiting: 2, actionRequired: 1 } }, name: "x", none: null })
    expect(text).toContain("credits_payments_new_ms 4\n")
    expect(text).toContain("credits_payments_queues_charge_action_required 1\n")
    expect(text).not.toContain("credits_payments_name")
  })

  it("every service has its readiness, outbox, requests, due work and cursors", () => {
    const text = render(undefined)
    for (const line of [
      'credits_service_up{service="payments"} 1',
      'credits_service_ready{service="payments"} 1',
      'credits_service_outbox_pending{service="payments"} 2',
      'credits_service_open_requests{service="payments"} 1',
      'credits_service_due_work_total{service="payments"} 3',
      'credits_service_cursor{service="payments",stream="PAYMENTS"} 7',
    ]) {
      expect(text).toContain(`${line}\n`)
    }
  })

  it("dead letters are counted by service and reason, wherever a service keeps the count", () => {
    const counted = { deadLettersByReason: { malformed: 2 } }
    const text = renderServiceMetrics(
      new Map([
        ["pricing", status({ detail: { metrics: counted } })],
        ["subscriptions", status({ detail: { metrics: { sagas: counted } } })],
        ["payments", status({ detail: { metrics: { sagas: { charge: counted } } } })],
      ]),
    )
    expect(text).toContain('dead_letters_total{service="pricing",reason="malformed"} 2\n')
    expect(text).toContain('dead_letters_total{service="subscriptions",reason="malformed"} 2\n')
    expect(text).toContain('dead_letters_total{service="payments",machine="charge",reason="malformed"} 2\n')
  })

  it("a service that does not answer is down, and nothing else is said of it", () => {
    const text = renderServiceMetrics(new Map([["topup", null]]))
    expect(text.split("\n").filter((line) => line.startsWith("credits_"))).toEqual([
      'credits_service_up{service="topup"} 0',
    ])
  })

  it("nothing that a service reports breaks the page", () => {
    const text = render({
      'bad{outcome="a\nb"}': 1,
      charges: { 'a"b\\c\nd': { "": 1 } },
      "": 3,
      NaN: Number.NaN,
      infinite: Number.POSITIVE_INFINITY,
      list: [1, 2],
    })
    expect(text.split("\n").filter((line) => line !== "" && !LINE.test(line))).toEqual([])
  })
})

describe("GET /metrics", () => {
  let edge: EdgeUnderTest
  beforeAll(async () => {
    edge = await startEdge()
  })
  afterAll(() => edge.stop())
  const metrics = async () => {
    const response = await edge.fetch("/metrics")
    expect(response.status).toBe(200)
    return response.text()
  }

  it("shows the services beside the edge's own, a silent one as down, and asks at most once a second", async () => {
    edge.paying.detail.payments["metrics"] = { charges: { first: { succeeded: 1 } } }
    edge.paying.silent.add("topup")
    const began = performance.now()
    const pages = await Promise.all(Array.from({ length: 20 }, metrics))
    expect(performance.now() - began).toBeLessThan(3_000)
    expect(edge.paying.statusesAsked.payments).toBe(1)
    expect(new Set(pages.map((page) => page.includes('charges_total{kind="first",outcome="succeeded"} 1'))).size).toBe(
      1,
    )
    const page = pages[0]!
    expect(page).toContain('charges_total{kind="first",outcome="succeeded"} 1')
    expect(page).toContain('credits_service_up{service="topup"} 0')
    expect(page).toContain('credits_service_up{service="ledger"} 1')
    expect(page).toMatch(/process_resident_memory_bytes \d+/)
    expect(page).toMatch(/^dead_letters_pending 0$/m)
    expect(page).toMatch(/^advisory_without_dlq 0$/m)
    const lines = page.split("\n").filter((line) => line.startsWith("credits_"))
    expect(lines.filter((line) => !LINE.test(line))).toEqual([])
  })

  it("is there while the bus is away", async () => {
    await edge.nats.kill()
    await until(async () => (await metrics()).includes('credits_service_up{service="ledger"} 0'))
    await edge.nats.restart()
  })
})
