/**
 * What every command that changes something shares: a dry run until `--apply`, a reason, an audit row before and after,
 * many accounts at once, and one honest exit code for all of them. Owns no knowledge of what is changed.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Flag from "effect/cli/Flag"
import type { Answer } from "./answer.ts"
import { remark } from "./answer.ts"
import { Audit } from "./audit.ts"
import { EXIT, usage, type CommandFailure, type ExitCode } from "./failure.ts"
import { ACCOUNTS_AT_ONCE } from "./ledger.ts"
import { table, type Column } from "./table.ts"

/** Longer reasons belong in the ticket they name. */
const REASON_LENGTH_MAX = 500

export const applyFlag = Flag.Boolean("apply").pipe(
  Flag.withDescription("Really do it; without it nothing is changed"),
  Flag.withDefault(false),
)

export const reasonFlag = Flag.String("reason").pipe(
  Flag.withMetavar("TEXT"),
  Flag.withDescription("Why, for the audit and the customer's statement (required with --apply)"),
  Flag.optional,
)

/** The reason, trimmed; "" only in a dry run. */
export const requireReason = (apply: boolean, reason: Option.Option<string>): Effect.Effect<string, CommandFailure> => {
  const text = Option.getOrElse(reason, () => "").trim()
  if (apply && text === "")
    return Effect.fail(usage("--apply needs --reason", 'for example --reason "ticket 4711: goodwill"'))
  if (text.length > REASON_LENGTH_MAX)
    return Effect.fail(usage(`--reason is longer than ${REASON_LENGTH_MAX} characters`))
  return Effect.succeed(text)
}

/** For services that want a reason with every question, also with one that changes nothing. */
export const reasonOrDryRun = (reason: string): string => (reason === "" ? "dry run" : reason)

/** What happened to one account. */
export interface AccountOutcome {
  readonly account: string
  readonly status: "planned" | "done" | "failed"
  /** Columns of the table after account and status: those of the plan, or those of the result. */
  readonly cells: ReadonlyArray<string>
  /** Fields of the JSON document after accountId and status. */
  readonly json: Readonly<Record<string, unknown>>
  readonly failure: CommandFailure | null
}

export interface AccountChange<R> {
  /** As typed by a person, for the audit: `account adjust`. */
  readonly command: string
  readonly apply: boolean
  readonly reason: string
  readonly accounts: ReadonlyArray<string>
  /** The rest of the input, for the audit and the JSON document. */
  readonly input: Readonly<Record<string, unknown>>
  /** Titles of the cells that `plan` answers; the last one also takes the reason of a failure. */
  readonly planned: ReadonlyArray<Column>
  /** Titles of the cells that `perform` answers, likewise. */
  readonly performed: ReadonlyArray<Column>
  /** Reads what is there and says what would happen. */
  readonly plan: (account: string) => Effect.Effect<Pick<AccountOutcome, "cells" | "json">, CommandFailure, R>
  readonly perform: (account: string) => Effect.Effect<Pick<AccountOutcome, "cells" | "json">, CommandFailure, R>
}

const outcomeOf =
  (account: string, status: "planned" | "done", columns: number) =>
  <R>(work: Effect.Effect<Pick<AccountOutcome, "cells" | "json">, CommandFailure, R>) =>
    Effect.map(
      Effect.result(work),
      Result.match({
        onSuccess: (done): AccountOutcome => ({ account, status, ...done, failure: null }),
        onFailure: (failure): AccountOutcome => ({
          account,
          status: "failed",
          cells: [...Array.from({ length: columns - 1 }, () => "–"), `${failure.code}: ${failure.detail}`],
          json: { error: { code: failure.code, detail: failure.detail } },
          failure,
        }),
      }),
    )

/** None failed: 0. All failed alike: the code of that failure. Otherwise partly. */
export const exitOf = (outcomes: ReadonlyArray<AccountOutcome>): ExitCode => {
  const exits = new Set(outcomes.map((outcome) => outcome.failure?.exit ?? EXIT.ok))
  if (exits.size === 1) return [...exits][0]!
  return exits.has(EXIT.ok) ? EXIT.partly : EXIT.failed
}

const UNKNOWN = "unavailable: no answer came in time, so it may have been done. `credits account statement` tells"

const lastLine = (change: AccountChange<never>, outcomes: ReadonlyArray<AccountOutcome>): string => {
  const bad = outcomes.filter((outcome) => outcome.failure !== null).length
  const good = outcomes.length - bad
  if (!change.apply) return `dry run: nothing was changed; add --apply --reason "…" to do it`
  return bad === 0 ? `done: ${good} of ${outcomes.length}` : `done: ${good} of ${outcomes.length}, failed: ${bad}`
}

/** Runs a change over its accounts, 32 at a time, in the order given. */
export const changeAccounts = <R>(
  change: AccountChange<R>,
): Effect.Effect<Answer, CommandFailure, R | Audit | Scope.Scope> =>
  Effect.gen(function* () {
    const audit = yield* Audit
    const input = { accounts: change.accounts, ...change.input }
    const columns = change.apply ? change.performed : change.planned
    const run = change.apply ? yield* audit.began(change.command, change.reason, input) : null
    const outcomes = yield* Effect.forEach(
      change.accounts,
      (account) =>
        change.apply
          ? outcomeOf(account, "done", columns.length)(change.perform(account))
          : outcomeOf(account, "planned", columns.length)(change.plan(account)),
      { concurrency: ACCOUNTS_AT_ONCE },
    )
    const items = outcomes.map((outcome) => ({ accountId: outcome.account, status: outcome.status, ...outcome.json }))
    if (run !== null) yield* run.ended({ items })
    if (change.apply && outcomes.some((outcome) => outcome.failure?.code === "unavailable")) {
      yield* remark(UNKNOWN)
    }
    yield* remark(lastLine(change as unknown as AccountChange<never>, outcomes))
    return {
      json: { applied: change.apply, reason: change.reason, ...change.input, items },
      text: table(
        [{ title: "ACCOUNT" }, { title: "STATUS" }, ...columns],
        outcomes.map((outcome) => [outcome.account, outcome.status, ...outcome.cells]),
      ),
      exit: exitOf(outcomes),
    }
  })
