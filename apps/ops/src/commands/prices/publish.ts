/** `credits prices publish FILE`: a new price book, from the instant it names on (R7.1). */
import * as Command from "effect/cli/Command"
import { answering } from "../../answer.ts"
import { applyFlag, reasonFlag } from "../../changes.ts"
import { fileArgument, publish } from "../../publishing.ts"

export const pricesPublish = Command.make(
  "publish",
  { file: fileArgument, apply: applyFlag, reason: reasonFlag },
  (input) => answering(publish({ kind: "book", command: "prices publish", ...input })),
).pipe(
  Command.withDescription("Publish a new price book; usage before its instant keeps the old prices"),
  Command.withExamples([
    { command: "credits prices publish book.json", description: "Dry run: is the data valid?" },
    {
      command: 'credits prices publish book.json --apply --reason "ticket 4801: new models"',
      description: "Publish it",
    },
  ]),
)
