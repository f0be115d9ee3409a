/** `credits review list`: billing cases that customers opened, newest first (R5.2). */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { checkAccount } from "../../accounts.ts"
import { answering } from "../../answer.ts"
import { reviewJson, reviewsText } from "../../billing.ts"
import { askSubscriptions } from "../../paying.ts"
import { System } from "../../system.ts"

interface Input {
  readonly account: Option.Option<string>
  readonly status: Option.Option<"open" | "answered">
}

const list = (input: Input) =>
  Effect.gen(function* () {
    const account = Option.isSome(input.account) ? yield* checkAccount(input.account.value) : undefined
    const system = yield* System
    const { items } = yield* askSubscriptions(yield* system.connect, {
      op: "review-list",
      ...(account === undefined ? {} : { account }),
      ...(Option.isSome(input.status) ? { status: input.status.value } : {}),
    })
    return { json: { items: items.map(reviewJson) }, text: reviewsText(items) }
  })

export const reviewList = Command.make(
  "list",
  {
    account: Flag.String("account").pipe(Flag.withDescription("Only cases of this account"), Flag.optional),
    status: Flag.Literals("status", ["open", "answered"]).pipe(
      Flag.withDescription("Only cases in this state"),
      Flag.optional,
    ),
  },
  (input) => answering(list(input)),
).pipe(
  Command.withDescription("List billing cases, newest first"),
  Command.withExamples([
    { command: "credits review list --status open", description: "What waits for an answer" },
    { command: "credits review list --account acc_01k9zq", description: "The cases of one account" },
  ]),
)
