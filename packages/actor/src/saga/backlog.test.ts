/**
 * Goal: every row that names a step has its turn, whoever looks for rows at the same moment. Method: the steps and
 * their backlog as the runtime joins them, over rows in a list whose pages come in any order and at any moment.
 */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Backlog } from "./backlog.ts"
import type { SagaStep } from "./saga.ts"
import { Steps } from "./steps.ts"
import type { SagaRow } from "./store.ts"

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const nameOf = (i: number): string => String(i).padStart(5, "0")
const stepsOf = (id: string): ReadonlyArray<SagaStep> => [{ id: `${id}:1`, kind: "fetch" }]
const rowOf = (id: string): SagaRow => {
  const numbers = { version: 1, revision: 1, lastAt: 0, dueAt: null }
  return { id, ...numbers, busy: true, phases: "{}", state: "" }
}

interface Asked {
  readonly after: string
  readonly give: () => Promise<void>
}

class Rows {
  readonly left: Set<string>
  readonly reports: Array<string> = []
  /** Pages that were asked for and not given, the oldest first. */
  readonly asked: Array<Asked> = []
  readonly steps: Steps
  readonly backlog: Backlog
  /** How many steps may still be done. */
  #may = 0
  readonly #wanted: Array<() => void> = []

  constructor(count: number) {
    this.left = new Set(Array.from({ length: count }, (_, i) => nameOf(i + 1)))
    this.steps = new Steps({
      concurrency: { fetch: 1 },
      stateOf: async (id) => id,
      steps: (id) => (this.left.has(id as string) ? stepsOf(id as string) : []),
      perform: () => new Promise((done) => (this.#wanted.push(() => done("done")), this.#go())),
      offer: (id, step) => {
        this.left.delete(id)
        this.steps.settle(id, step)
        this.steps.reconcile(id, [])
      },
      onRoom: () => this.backlog.wake(),
      report: (_level, text) => void this.reports.push(text),
    })
    const busyPage = (after: string, limit: number): Promise<ReadonlyArray<SagaRow>> => {
      const page = [...this.left].filter((id) => id > after).slice(0, limit)
      return new Promise((resolve) => {
        const asked: Asked = {
          after,
          give: async () => {
            this.asked.splice(this.asked.indexOf(asked), 1)
            resolve(page.map(rowOf))
            await turn()
          },
        }
        this.asked.push(asked)
      })
    }
    const report = (error: unknown): void => void this.reports.push(String(error))
    this.backlog = new Backlog({ busyPage }, this.steps, ({ id }) => stepsOf(id), report)
  }

  #go(): void {
    for (; this.#may > 0 && this.#wanted.length > 0; this.#may--) this.#wanted.shift()!()
  }

  async done(count: number): Promise<void> {
    this.#may += count
    this.#go()
    for (let before = -1; before !== this.left.size;) {
      before = this.left.size
      for (let i = 0; i < 5; i++) await turn()
    }
  }

  /** The oldest or the newest page that was asked for. */
  async give(which: "oldest" | "newest"): Promise<void> {
    await (which === "oldest" ? this.asked[0] : this.asked.at(-1))?.give()
  }
}

/** At one moment a page comes, of several the one that was asked for first or last, or some steps are done. */
const moments = fc.array(
  fc.oneof(fc.constantFrom("oldest" as const, "newest" as const), fc.integer({ min: 1, max: 900 })),
  { minLength: 30, maxLength: 90 },
)

/** A round that ended while another had just begun: 2,244 of 3,500 rows were looked at by nobody. */
const KNOWN: ReadonlyArray<"oldest" | "newest" | number> = [
  "oldest",
  "oldest",
  "oldest",
  1,
  "oldest",
  1,
  "oldest",
  "oldest",
  1,
  "oldest",
  750,
  "newest",
  "oldest",
  1,
  1,
  "oldest",
  1,
  "oldest",
  "oldest",
  "oldest",
  1,
  "oldest",
  1,
  "oldest",
  1,
  "oldest",
  1,
  "oldest",
  "oldest",
  1,
]

describe("the backlog of steps", () => {
  it("I3 a row that had no room has its turn, whenever pages come and room comes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1_600, max: 4_200 }), moments, async (count, happening) => {
        const rows = new Rows(count)
        const looked = rows.backlog.round()
        for (const moment of happening) {
          if (typeof moment === "number") await rows.done(moment)
          else await rows.give(moment)
        }
        while (rows.asked.length > 0) await rows.give("oldest")
        await looked
        for (let left = count + 1; left > rows.left.size;) {
          left = rows.left.size
          await rows.done(500)
          // As the runtime does when it has nothing else to do.
          rows.backlog.wake()
          await turn()
          while (rows.asked.length > 0) await rows.give("oldest")
        }
        expect(rows.left.size).toBe(0)
        expect(rows.reports).toEqual([])
      }),
      { numRuns: 50, examples: [[3_500, [...KNOWN]]] },
    )
  })
})
