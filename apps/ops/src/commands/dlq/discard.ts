/** `credits dlq discard SEQ…`: letters nothing is to come of leave the stream; the audit keeps them whole. */
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { answering } from "../../answer.ts"
import { takeAway } from "../../dead-letters.ts"
import { decideLetters, selectionFlags } from "./selection.ts"

const AUDITED = "the audit keeps the whole letter"

export const dlqDiscard = Command.make("discard", selectionFlags, (selection) =>
  answering(
    decideLetters(
      {
        command: "dlq discard",
        plan: (_bus, stored) => Effect.succeed({ stored, status: "planned", note: AUDITED }),
        perform: (bus, stored) => Effect.as(takeAway(bus, stored.seq), { stored, status: "done", note: AUDITED }),
      },
      selection,
    ),
  ),
).pipe(
  Command.withDescription(
    "Decide that nothing is to come of dead letters: they leave the stream, the audit keeps them",
  ),
  Command.withExamples([
    { command: "credits dlq discard 17 18", description: "Dry run: which letters that would be" },
    {
      command: 'credits dlq discard --reason-code wrong_sum --apply --reason "gateway mended, calls sent again"',
      description: "All letters with this reason",
    },
  ]),
)
