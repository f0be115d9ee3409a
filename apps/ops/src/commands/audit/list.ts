/** `credits audit list`: what was changed by hand, by whom and why. */
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { answering } from "../../answer.ts"
import { Audit } from "../../audit.ts"
import { usage } from "../../failure.ts"
import { table } from "../../table.ts"

const LIMIT_MAX = 1_000

const list = (limit: number) =>
  Effect.gen(function* () {
    if (limit < 1 || limit > LIMIT_MAX) return yield* usage(`--limit must be 1 to ${LIMIT_MAX}`)
    const audit = yield* Audit
    const rows = yield* audit.list(limit)
    return {
      json: { items: rows.map((row) => ({ ...row, detail: JSON.parse(row.detail) as unknown })) },
      text:
        rows.length === 0
          ? "nothing was changed by hand"
          : table(
              [
                { title: "ID", align: "right" },
                { title: "AT" },
                { title: "BY" },
                { title: "COMMAND" },
                { title: "PHASE" },
                { title: "REASON" },
              ],
              rows.map((row) => [row.id, row.at, row.osUser, row.command, row.phase, row.reason]),
            ),
    }
  })

export const auditList = Command.make(
  "list",
  { limit: Flag.Int("limit").pipe(Flag.withDescription("How many rows, newest first"), Flag.withDefault(50)) },
  ({ limit }) => answering(list(limit)),
).pipe(
  Command.withDescription("List what was changed by hand: who, when, why, and the answer"),
  Command.withExamples([
    { command: "credits audit list --limit 10", description: "The last ten rows" },
    { command: "credits audit list --json", description: "With inputs and answers" },
  ]),
)
