/**
 * Property: however inputs share commits, and wherever the process is stopped and started again, every actor is what
 * deciding its inputs one by one in the order they came makes of it, all due work at its own instant in between.
 */
import type { OpenedDatabase } from "@credits/store"
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { errandMachine, type Errand, type ErrandCommand } from "./errand.fixture.ts"
import { startErrands, startParts, testClock, type Errands, type Parts } from "./parts.fixture.ts"

const T0 = 1_000_000
const ACTORS = ["a", "b", "c"]
const SPAN = 1_000

type Input =
  | { readonly t: "command"; readonly id: string; readonly command: ErrandCommand }
  | { readonly t: "notice"; readonly id: string; readonly notice: string }
/** What comes at one moment of a clock that stands still, before it moves on or the process ends. */
interface Burst {
  readonly after: number
  readonly inputs: ReadonlyArray<Input>
  readonly isRestart: boolean
}

const id = fc.constantFrom(...ACTORS)
const command: fc.Arbitrary<ErrandCommand> = fc.oneof(
  fc.integer({ min: -3, max: 3 }).map((by) => ({ op: "count", by }) as const),
  fc
    .array(fc.integer({ min: T0 - SPAN, max: T0 + 5 * SPAN }), { maxLength: 4 })
    .map((at) => ({ op: "meet", at }) as const),
  fc.boolean().map((final) => ({ op: "refuse", final }) as const),
  fc.constantFrom<ErrandCommand>({ op: "throw" }, { op: "jump" }, { op: "look" }, { op: "stay" }),
)
const input: fc.Arbitrary<Input> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ t: fc.constant("command" as const), id, command }) },
  {
    weight: 1,
    arbitrary: fc.record({ t: fc.constant("notice" as const), id, notice: fc.constantFrom("x", "y", "throw") }),
  },
)
const bursts: fc.Arbitrary<ReadonlyArray<Burst>> = fc.array(
  fc.record({
    after: fc.integer({ min: 0, max: SPAN }),
    inputs: fc.array(input, { maxLength: 12 }),
    isRestart: fc.boolean(),
  }),
  { maxLength: 6 },
)

/** One actor after another, one input after another: what the runtime must be equal to. */
class Reference {
  readonly #states = new Map<string, { state: Errand; lastAt: number }>()

  #decide(actor: string, input: Parameters<typeof errandMachine.decide>[1], now: number): void {
    const { state, lastAt } = this.#of(actor)
    const at = Math.max(now, lastAt)
    try {
      const next = errandMachine.decide(state, input, { now: at, newId: () => "", env: { word: "" } }).state
      // No drawing has an arrow for a jump.
      const isJump = input.type === "command" && input.command.op === "jump" && state.phase !== "back"
      if (!isJump && next !== state) this.#states.set(actor, { state: next, lastAt: at })
    } catch {
      // Thrown on purpose: nothing changes.
    }
  }

  #of(actor: string): { state: Errand; lastAt: number } {
    return this.#states.get(actor) ?? { state: errandMachine.initial(actor), lastAt: 0 }
  }

  runDue(actor: string, now: number): void {
    for (;;) {
      const { state, lastAt } = this.#of(actor)
      const due = errandMachine.nextDue(state)
      if (due === null || due > Math.max(now, lastAt)) return
      this.#decide(actor, { type: "due" }, due)
    }
  }

  take(given: Input, now: number): void {
    this.runDue(given.id, now)
    if (given.t === "command") this.#decide(given.id, { type: "command", id: "", command: given.command }, now)
    else this.#decide(given.id, { type: "notice", notice: given.notice }, now)
    this.runDue(given.id, now)
  }

  state(actor: string): Errand {
    return this.#of(actor).state
  }
}

describe("the order of a saga's decisions", () => {
  let parts: Parts
  beforeAll(async () => {
    parts = await startParts()
  })
  afterAll(() => parts.stop())

  const give = (errands: Errands, given: Input): Promise<unknown> =>
    given.t === "command"
      ? errands.ask(given.id, given.command)
      : errands.notify(given.id, given.notice).catch(() => undefined)

  it("is the order of arrival, all due work before, whatever shares a commit and wherever it restarts", async () => {
    await fc.assert(
      fc.asyncProperty(bursts, async (given) => {
        const database: OpenedDatabase<unknown> = await parts.database()
        const clock = testClock(T0)
        const reference = new Reference()
        let errands = await startErrands(parts, database, clock)
        try {
          let now = T0
          for (const { after, inputs, isRestart } of given) {
            now += after
            clock.freeze(now)
            for (const each of inputs) reference.take(each, now)
            await Promise.all(inputs.map((each) => give(errands, each)))
            if (!isRestart) continue
            await errands.stop()
            errands = await startErrands(parts, database, clock)
          }
          await errands.runDue(now)
          for (const actor of ACTORS) {
            reference.runDue(actor, now)
            expect(await errands.state(actor)).toEqual(reference.state(actor))
          }
        } finally {
          await errands.stop()
          await database.close()
        }
      }),
      { numRuns: 60 },
    )
  }, 60_000)
})
