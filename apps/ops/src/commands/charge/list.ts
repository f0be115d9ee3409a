/** `credits charge list`: charges of one account or of all, newest first. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { ChargeStatus } from "@credits/contracts"
import { checkAccount } from "../../accounts.ts"
import { answering } from "../../answer.ts"
import { chargeJson, chargesText } from "../../billing.ts"
import { usage } from "../../failure.ts"
import { askPayments } from "../../paying.ts"
import { System } from "../../system.ts"

const LIMIT_MAX = 200
const STATUSES = [
  "planned",
  "submitting",
  "succeeded",
  "declined",
  "action_required",
  "not_executed",
  "unknown",
  "review",
  "canceled",
] as const satisfies ReadonlyArray<ChargeStatus>

interface Input {
  readonly account: Option.Option<string>
  readonly status: Option.Option<ChargeStatus>
  readonly limit: number
  readonly cursor: Option.Option<string>
}

const list = (input: Input) =>
  Effect.gen(function* () {
    if (input.limit < 1 || input.limit > LIMIT_MAX) return yield* usage(`--limit must be 1 to ${LIMIT_MAX}`)
    const account = Option.isSome(input.account) ? yield* checkAccount(input.account.value) : undefined
    const system = yield* System
    const page = yield* askPayments(yield* system.connect, {
      op: "charge-list",
      limit: input.limit,
      ...(account === undefined ? {} : { account }),
      ...(Option.isSome(input.status) ? { status: input.status.value } : {}),
      ...(Option.isSome(input.cursor) ? { cursor: input.cursor.value } : {}),
    })
    const more = page.nextCursor === null ? "" : `\n\nmore: --cursor ${page.nextCursor}`
    return {
      json: { items: page.items.map(chargeJson), nextCursor: page.nextCursor },
      text: `${chargesText(page.items)}${more}`,
    }
  })

export const chargeList = Command.make(
  "list",
  {
    account: Flag.String("account").pipe(Flag.withDescription("Only charges of this account"), Flag.optional),
    status: Flag.Literals("status", STATUSES).pipe(
      Flag.withDescription("Only charges in this state; `review` needs a person"),
      Flag.optional,
    ),
    limit: Flag.Int("limit").pipe(Flag.withDescription("How many to show, newest first"), Flag.withDefault(50)),
    cursor: Flag.String("cursor").pipe(Flag.withDescription("Go on where a page ended"), Flag.optional),
  },
  (input) => answering(list(input)),
).pipe(
  Command.withDescription("List charges, newest first"),
  Command.withExamples([
    { command: "credits charge list --account acc_01k9zq", description: "What an account was charged" },
    { command: "credits charge list --status review", description: "Outcomes that only a person can find out (R10.2)" },
  ]),
)
