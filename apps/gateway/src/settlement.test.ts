/** Goal: every call is settled once, also of a process that was killed. Method: real journals, a client that fails. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Answer, Released } from "@credits/client"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { CallJournal } from "./journal.ts"
import { Settlement } from "./settlement.ts"
import type { CallRecord } from "./usage.ts"

let folder = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "settlement-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const call = (number: number): CallRecord & { readonly mode: "byok" } => ({
  requestId: `req_${number}`,
  account: "acc_1",
  mode: "byok",
  provider: "p",
  model: "m",
  startedAt: 1_767_225_600_000,
  holdId: `hold_${number}`,
  inputTokensFair: 5,
})

class Client {
  readonly told: Array<{ readonly id: string }> = []
  readonly released: Array<string> = []
  failures = 0

  readonly usage = async (event: unknown): Promise<void> => {
    if (this.failures-- > 0) throw new Error("the spool is full")
    this.told.push(event as { id: string })
  }

  readonly release = async (holdId: string): Promise<Answer<Released>> => {
    this.released.push(holdId)
    return this.released.length === 1
      ? { refused: { code: "unavailable", detail: "no answer" } }
      : { refused: { code: "hold_not_open", detail: "it expired" } }
  }
}

const open = (client: Client): Settlement => new Settlement(client, new CallJournal(folder), () => {})
const closed = (settlement: Settlement) => expect.poll(() => settlement.open, { timeout: 20_000 }).toBe(0)

describe("settlement", () => {
  it("R6.3 I3 after a death settles what was produced, releases the rest, repeats an event it made", async () => {
    const dying = open(new Client())
    for (const number of [1, 2, 3]) dying.begun(call(number))
    for (let tokens = 1; tokens <= 70; tokens++) dying.produced("req_1", tokens)
    // Its event was made, and the process died before the spool had it.
    const silent = new Client()
    silent.failures = Number.POSITIVE_INFINITY
    const other = new Settlement(silent, new CallJournal(folder), () => {})
    other.ended(call(3), { status: "ok", usage: null, produced: 9 })
    appendFileSync(join(folder, "calls.journal"), '{"id":"req_2","prod')

    const client = new Client()
    const next = open(client)
    expect(next.recover()).toBe(3)
    await closed(next)
    expect(client.told).toMatchObject([
      { id: "usage:req_1", data: { status: "cancelled", tokens: { input: 5, output: 64 } } },
      { id: "usage:req_3", data: { status: "ok", tokens: { output: 9 } } },
    ])
    expect(client.released).toEqual(["hold_2", "hold_2"])
    await next.stop()
    await other.stop()
    expect(open(new Client()).recover()).toBe(0)
  })

  it("I3 hands in again what a full spool did not take, and forgets a call only then", async () => {
    const client = new Client()
    client.failures = 1
    const settlement = open(client)
    settlement.begun(call(1))
    settlement.ended(call(1), { status: "ok", usage: null, produced: 3 })
    expect(settlement.open).toBe(1)
    await closed(settlement)
    expect(client.told).toHaveLength(1)
    await settlement.stop()
  })

  it("keeps a journal that does not grow with the calls that are over", () => {
    const journal = new CallJournal(folder)
    const padded = { ...call(0), model: "m".repeat(100) }
    for (let i = 0; i < 15_000; i++) {
      journal.begun({ ...padded, requestId: `req_${i}` })
      journal.closed(`req_${i}`)
    }
    expect(readFileSync(join(folder, "calls.journal")).length).toBeLessThan(5_000_000)
    journal.close()
  })
})
