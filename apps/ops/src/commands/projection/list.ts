/** `credits projection list`: what can be rebuilt from the ledger's entries, and whether it is just being. */
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { answering } from "../../answer.ts"
import { PROJECTIONS } from "../../projections.ts"
import { System } from "../../system.ts"
import { table } from "../../table.ts"

const list = Effect.gen(function* () {
  const bus = yield* (yield* System).connect
  const items = yield* Effect.forEach(PROJECTIONS, ({ name, owner, what, state }) =>
    Effect.map(state(bus), ({ state: rebuild, entries, total, swapped }) => ({
      name,
      owner,
      what,
      rebuild,
      entries,
      total,
      swapped,
    })),
  )
  const rows = items.map(({ name, owner, rebuild, entries, what }) => [name, owner, rebuild, entries, what])
  const columns = ["NAME", "OWNER", "REBUILD", "ENTRIES", "WHAT"].map((title) => ({ title }))
  return { json: { items }, text: table(columns, rows) }
})

export const projectionList = Command.make("list", {}, () => answering(list)).pipe(
  Command.withDescription("List what can be rebuilt from the ledger's entries"),
  Command.withExamples([{ command: "credits projection list", description: "Which, whose, and how far a rebuild is" }]),
)
