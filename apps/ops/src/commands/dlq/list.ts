/** `credits dlq list`: dead letters, newest first, with a count by reason. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { Advisory } from "@credits/bus"
import { answering } from "../../answer.ts"
import { listLetters, readAdvisories } from "../../dead-letters.ts"
import { usage } from "../../failure.ts"
import { System } from "../../system.ts"
import { table } from "../../table.ts"
import { instantOf } from "../../wallet.ts"

const LIMIT_MAX = 1_000

interface Input {
  readonly service: Option.Option<string>
  readonly reason: Option.Option<string>
  readonly account: Option.Option<string>
  readonly limit: number
}

/** The second net: a consumer gave up and no service of ours says so. */
const givenUpText = (advisories: ReadonlyArray<Advisory>): string =>
  [
    `${advisories.length} messages were given up by a consumer without a dead letter:`,
    ...advisories.map(
      ({ origin, consumer, deliveries, kind, at }) =>
        `  ${instantOf(at)}  ${origin.stream} message ${origin.seq}, consumer ${consumer}, ` +
        (kind === "terminated" ? "terminated" : `after ${deliveries} deliveries`),
    ),
  ].join("\n")

const list = (input: Input) =>
  Effect.gen(function* () {
    if (input.limit < 1 || input.limit > LIMIT_MAX) return yield* usage(`--limit must be 1 to ${LIMIT_MAX}`)
    const system = yield* System
    const filter = {
      ...(Option.isSome(input.service) ? { service: input.service.value } : {}),
      ...(Option.isSome(input.reason) ? { reason: input.reason.value } : {}),
      ...(Option.isSome(input.account) ? { account: input.account.value } : {}),
    }
    const bus = yield* system.connect
    const found = yield* listLetters(bus, filter, input.limit)
    const advisories = yield* readAdvisories(bus)
    const reasons = Object.entries(found.byReason).map(([reason, count]) => `${count} ${reason}`)
    const rows = found.items.map(({ seq, letter }) => [
      seq,
      instantOf(letter.at),
      letter.service,
      letter.reason,
      letter.account,
      letter.detail,
    ])
    const columns = [
      { title: "SEQ", align: "right" },
      { title: "AT" },
      { title: "SERVICE" },
      { title: "REASON" },
      { title: "ACCOUNT" },
      { title: "DETAIL" },
    ] as const
    return {
      json: {
        matching: found.matching,
        byReason: found.byReason,
        items: found.items.map(({ seq, letter }) => ({ seq, ...letter, at: instantOf(letter.at) })),
        advisoriesWithoutLetter: advisories.map((each) => ({ ...each, at: instantOf(each.at) })),
      },
      text: [
        found.matching === 0
          ? "no dead letters"
          : `${table(columns, rows)}\n\n${found.matching} dead letters: ${reasons.join(", ")}`,
        ...(advisories.length === 0 ? [] : [givenUpText(advisories)]),
      ].join("\n\n"),
    }
  })

const filter = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.optional)

export const dlqList = Command.make(
  "list",
  {
    service: filter("service", "Only letters written by this service"),
    reason: filter("reason", "Only this reason: malformed, model_unknown, id_conflict, …"),
    account: filter("account", "Only letters about this account"),
    limit: Flag.Int("limit").pipe(Flag.withDescription("How many to show, newest first"), Flag.withDefault(50)),
  },
  (input) => answering(list(input)),
).pipe(
  Command.withDescription("List dead letters: usage and commands nobody could use, with the reason"),
  Command.withExamples([
    { command: "credits dlq list", description: "The newest 50, and a count by reason" },
    { command: "credits dlq list --reason model_unknown --limit 10", description: "Calls of models without a price" },
  ]),
)
