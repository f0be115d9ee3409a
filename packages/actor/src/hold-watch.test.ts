/**
 * Goal: the figures of open holds are those of all actors in memory, whatever happened to them, though only the changed
 * ones are looked at. Method: random lives of a few slots against a count over all of them.
 */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import type { AnyMachine } from "./batch.ts"
import { HoldWatch } from "./hold-watch.ts"
import type { OpenHolds } from "./machine.ts"
import type { ActorStore, NewSnapshot } from "./rows.ts"
import { Slots, type Slot } from "./slots.ts"

interface Held {
  expiries: Array<number>
}

const holdsOf = ({ expiries }: Held): OpenHolds | null =>
  expiries.length === 0 ? null : { count: expiries.length, firstExpiry: Math.min(...expiries) }

const machine = {
  empty: () => ({ expiries: [] }),
  decodeSnapshot: (_account: string, text: string) => JSON.parse(text) as Held,
  encodeSnapshot: (state: Held) => JSON.stringify(state),
  nextDue: () => Number.POSITIVE_INFINITY,
} as unknown as AnyMachine<Held>

const ACCOUNTS = ["a", "b", "c", "d", "e"]
const partitionOf = (account: string): number => account.charCodeAt(0) % 2

/** What is committed is in its rows. */
class World {
  readonly rows = new Map<string, NewSnapshot>()
  readonly slots = new Slots<Held>(machine)
  readonly watch = new HoldWatch<Held>(holdsOf)
  readonly #store = {
    snapshotsOf: async (accounts: ReadonlyArray<string>) => accounts.flatMap((account) => this.rows.get(account) ?? []),
  } as unknown as ActorStore

  async slot(account: string): Promise<Slot<Held>> {
    if (this.slots.get(account) === undefined)
      await this.slots.load(new Map([[account, partitionOf(account)]]), this.#store)
    return this.slots.get(account)!
  }

  /** Opens a hold or closes the first, and commits it or not. */
  async change(account: string, expiry: number | null, isCommitted: boolean): Promise<void> {
    const slot = await this.slot(account)
    const { state } = slot
    if (expiry === null) state.expiries.shift()
    else state.expiries.push(expiry)
    this.slots.touched(slot, slot.head + 512, 1)
    if (!isCommitted) return this.slots.restore([slot], this.#store)
    slot.committed = slot.head
    const row = this.slots.snapshot(slot)
    this.rows.set(account, row)
    slot.reset(row.state)
  }

  truth(): { readonly holds: number; readonly firstHoldExpiry?: number } {
    const expiries = [...this.slots.all()].flatMap((slot) => slot.state.expiries)
    const holds = expiries.length
    return holds === 0 ? { holds } : { holds, firstHoldExpiry: Math.min(...expiries) }
  }
}

type Step =
  | { readonly kind: "change"; readonly account: string; readonly expiry: number | null; readonly isCommitted: boolean }
  | { readonly kind: "drop"; readonly partition: number }
  | { readonly kind: "evict"; readonly max: number }
  | { readonly kind: "look" }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("change" as const),
      account: fc.constantFrom(...ACCOUNTS),
      expiry: fc.option(fc.integer({ min: 1, max: 1_000 })),
      isCommitted: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constant("drop" as const), partition: fc.integer({ min: 0, max: 1 }) }),
  fc.record({ kind: fc.constant("evict" as const), max: fc.integer({ min: 0, max: 4 }) }),
  fc.record({ kind: fc.constant("look" as const) }),
)

describe("the watch over open holds", () => {
  it("counts what a pass over every actor in memory would, after changes, failed commits, drops, evictions", () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const world = new World()
        for (const each of steps) {
          if (each.kind === "change") await world.change(each.account, each.expiry, each.isCommitted)
          else if (each.kind === "drop") world.slots.drop(new Set([each.partition]))
          else if (each.kind === "evict") world.slots.evict(each.max)
          else assert.deepEqual(world.watch.look(world.slots), world.truth())
        }
        assert.deepEqual(world.watch.look(world.slots), world.truth())
      }),
    ))

  it("leaves an actor that rests at rest: looking keeps no objects of it alive", async () => {
    const world = new World()
    let decoded = 0
    const counting = new Slots<Held>({
      ...machine,
      decodeSnapshot: (account, text) => {
        decoded += 1
        return machine.decodeSnapshot(account, text)
      },
    })
    await world.change("a", 7, true)
    const store = { snapshotsOf: async () => [...world.rows.values()] } as unknown as ActorStore
    await counting.load(new Map([["a", 1]]), store)
    for (let i = 0; i < 5; i++) {
      assert.deepEqual(world.watch.look(counting), { holds: 1, firstHoldExpiry: 7 })
    }
    assert.equal(decoded, 1)
  })
})
