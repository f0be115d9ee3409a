/** `credits account statement ACCOUNT`: the account's entries, newest first, one page at a time. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { parseInstant } from "@credits/kernel"
import { accountArgument, checkAccount } from "../../accounts.ts"
import { answering } from "../../answer.ts"
import { usage } from "../../failure.ts"
import { readStatement } from "../../ledger.ts"
import { System } from "../../system.ts"
import { itemJson, statementText } from "../../wallet.ts"

/** The ledger's own limit of a page. */
const LIMIT_MAX = 500

interface Input {
  readonly account: string
  readonly limit: number
  readonly cursor: Option.Option<string>
  readonly from: Option.Option<string>
  readonly to: Option.Option<string>
  readonly kind: Option.Option<string>
}

const instantFlag = (name: string, text: Option.Option<string>) => {
  if (Option.isNone(text)) return Effect.succeed({})
  const at = parseInstant(text.value.length === 10 ? `${text.value}T00:00:00Z` : text.value)
  return at === null
    ? Effect.fail(usage(`--${name} is no instant`, "write 2026-11-23 or 2026-11-23T10:00:00Z"))
    : Effect.succeed({ [name]: at })
}

const statement = (input: Input) =>
  Effect.gen(function* () {
    const account = yield* checkAccount(input.account)
    if (input.limit < 1 || input.limit > LIMIT_MAX) return yield* usage(`--limit must be 1 to ${LIMIT_MAX}`)
    const from = yield* instantFlag("from", input.from)
    const to = yield* instantFlag("to", input.to)
    const system = yield* System
    const page = yield* readStatement(yield* system.connect, {
      op: "statement",
      account,
      limit: input.limit,
      ...(Option.isSome(input.cursor) ? { cursor: input.cursor.value } : {}),
      ...(Option.isSome(input.kind) ? { kind: input.kind.value } : {}),
      ...from,
      ...to,
    })
    const more = page.nextCursor === null ? "" : `\n\nmore: --cursor ${page.nextCursor}`
    return {
      json: { items: page.items.map(itemJson), nextCursor: page.nextCursor },
      text: page.items.length === 0 ? "no entries" : statementText(page.items) + more,
    }
  })

const optionalText = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

export const accountStatement = Command.make(
  "statement",
  {
    account: accountArgument,
    limit: Flag.Int("limit").pipe(Flag.withDescription("Lines of a page, 1 to 500"), Flag.withDefault(50)),
    cursor: optionalText("cursor", "TEXT", "Continue after the page that printed it"),
    from: optionalText("from", "INSTANT", "Only entries at or after it (UTC)"),
    to: optionalText("to", "INSTANT", "Only entries before it (UTC)"),
    kind: optionalText("kind", "KIND", "Only entries of a kind: charged, granted, adjusted, …"),
  },
  (input) => answering(statement(input)),
).pipe(
  Command.withDescription("List an account's entries, newest first"),
  Command.withExamples([
    { command: "credits account statement acc_01k9zq --limit 20", description: "The last 20 entries" },
    {
      command: "credits account statement acc_01k9zq --kind charged --from 2026-11-01 --json",
      description: "Charges since the first",
    },
  ]),
)
