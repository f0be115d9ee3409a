/** `credits catalogue publish FILE`: a new plan catalogue, from the instant it names on (R0.1, R0.2). */
import * as Command from "effect/cli/Command"
import { answering } from "../../answer.ts"
import { applyFlag, reasonFlag } from "../../changes.ts"
import { fileArgument, publish } from "../../publishing.ts"

export const cataloguePublish = Command.make(
  "publish",
  { file: fileArgument, apply: applyFlag, reason: reasonFlag },
  (input) => answering(publish({ kind: "catalogue", command: "catalogue publish", ...input })),
).pipe(
  Command.withDescription("Publish a new plan catalogue; running periods keep the one they were bought under"),
  Command.withExamples([
    { command: "credits catalogue publish catalogue.json", description: "Dry run: does it keep the rules (R0.2)?" },
    {
      command: 'credits catalogue publish catalogue.json --apply --reason "ticket 4802: Max is cheaper"',
      description: "Publish it",
    },
  ]),
)
