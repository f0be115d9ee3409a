/**
 * Goal: a database that fails at the worst moment costs time only. Method: a running pricing over real parts, whose
 * database refuses the queries that a test names, as one does whose connection breaks.
 */
import { publish } from "@credits/bus"
import { STREAMS, SUBJECTS } from "@credits/contracts"
import type { KyselyPlugin, RootOperationNode } from "kysely"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import {
  eventually,
  publishUsage,
  startParts,
  startTestPricing,
  storedCharges,
  usageEvent,
  type TestParts,
  type TestPricing,
} from "./fixture.test-kit.ts"

const AT = Date.parse("2026-06-01T12:00:00.000Z")
const journal = (after: number): string => {
  const usage = `openai|gpt-5|b1|100|20|0|0|0|0|0|1|ok|r${after}`
  const entry = { seq: after + 1, account: "acc_a", n: after + 1, at: AT, kind: "charged" }
  return JSON.stringify({
    v: 1,
    partition: 3,
    after,
    entries: [{ ...entry, body: { spent: "1000", usage, usedAt: AT } }],
  })
}

describe("pricing and a database that fails for a moment", () => {
  let parts: TestParts
  let pricing: TestPricing
  let isRefused: (query: RootOperationNode) => boolean
  const moveBack = async (stream: string): Promise<void> => {
    await parts.database.kysely.updateTable("cursor").set({ seq: 0n }).where("stream", "=", stream).execute()
  }
  const refuseFirstReadOfMoved = (): void => {
    let refusals = 0
    const isMoved = (): boolean => pricing.reports.some((report) => report.includes("was moved by another process"))
    isRefused = ({ kind }) => kind === "SelectQueryNode" && isMoved() && refusals++ === 0
  }
  const reported = (text: string) =>
    eventually(() => pricing.reports.find((report) => report.includes(text)), `it is reported: ${text}`)

  beforeEach(async () => {
    isRefused = () => false
    parts = await startParts()
    const plugin: KyselyPlugin = {
      transformQuery: ({ node }) => {
        if (isRefused(node)) throw new Error("the connection broke")
        return node
      },
      transformResult: async ({ result }) => result,
    }
    const database = { ...parts.database, kysely: parts.database.kysely.withPlugin(plugin) }
    pricing = await startTestPricing({ ...parts, database })
  })
  afterEach(() => parts.stop())

  it("decision 2: rating goes on when the cursor that was moved cannot be read at once", async () => {
    await publishUsage(parts.bus, [usageEvent("one", AT)])
    await pricing.settled()
    await moveBack(STREAMS.usage.name)
    refuseFirstReadOfMoved()
    await publishUsage(parts.bus, [usageEvent("two", AT)])
    await reported("reading the cursor: the connection broke")
    await pricing.settled()
    expect((await storedCharges(parts.bus)).at(-1)?.[0]).toBe("two")
    await pricing.stop()
  })

  it("decision 14: counting goes on when the cursor that was moved cannot be read at once", async () => {
    const counted = (seq: number) =>
      eventually(async () => {
        const row = await parts.database.kysely.selectFrom("journal_position").selectAll().executeTakeFirst()
        return Number(row?.seq) === seq || undefined
      }, `${seq} entries are counted`)
    await publish(parts.bus.js, SUBJECTS.ledgerJournal(3), journal(0))
    await counted(1)
    await moveBack(STREAMS.ledgerJournal.name)
    refuseFirstReadOfMoved()
    await publish(parts.bus.js, SUBJECTS.ledgerJournal(3), journal(1))
    await reported("reading what is counted: the connection broke")
    await counted(2)
    await pricing.stop()
  })

  it("decision 14: a stop waits for no rebuild that waits for a count that cannot be committed", async () => {
    isRefused = ({ kind }) => kind === "UpdateQueryNode"
    await publish(parts.bus.js, SUBJECTS.ledgerJournal(3), journal(0))
    await reported("counting usage: the connection broke")
    const request = JSON.stringify({ op: "projection-rebuild", apply: false, rate: 1_000_000 })
    await parts.bus.connection.request(SUBJECTS.pricingRequest("projection-rebuild"), request)
    const isBegun = async () => {
      const rows = await parts.database.kysely.selectFrom("projection_rebuild").selectAll().execute()
      return rows.length > 0 || undefined
    }
    await eventually(isBegun, "the rebuild has begun")
    await pricing.stop()
  })
})
