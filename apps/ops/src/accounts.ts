/** Which accounts a command is for: named as arguments, listed in a file, or both; checked before anything is sent. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import { isAccountId } from "@credits/kernel"
import { readFile } from "node:fs/promises"
import { text as readAll } from "node:stream/consumers"
import { sentence, usage, type CommandFailure } from "./failure.ts"

/** Above this a list is more likely a mistake than a campaign. */
const ACCOUNTS_MAX = 10_000

export const accountArgument = Argument.String("account").pipe(Argument.withDescription("Account id (acc_…)"))

export const accountsArgument = Argument.String("account").pipe(
  Argument.withDescription("One or more account ids (acc_…)"),
  Argument.variadic(),
)

export const accountsFile = Flag.String("accounts-file").pipe(
  Flag.withMetavar("FILE"),
  Flag.withDescription("Read account ids from a file, one a line (# starts a comment, - is stdin)"),
  Flag.optional,
)

export const checkAccount = (account: string): Effect.Effect<string, CommandFailure> =>
  isAccountId(account)
    ? Effect.succeed(account)
    : Effect.fail(usage(`${JSON.stringify(account)} is no account id`, "account ids look like acc_01k9…"))

const readList = (path: string): Effect.Effect<ReadonlyArray<string>, CommandFailure> =>
  Effect.tryPromise({
    try: () => (path === "-" ? readAll(process.stdin) : readFile(path, "utf8")),
    catch: (error) => usage(`cannot read --accounts-file ${path}: ${sentence(error)}`),
  }).pipe(
    Effect.map((text) =>
      text
        .split(/\r?\n/)
        .map((line) => line.replace(/#.*/, "").trim())
        .filter((line) => line !== ""),
    ),
  )

/**
 * All accounts of a command; refuses bad ids, none at all, and the same account twice (it would look like twice the
 * money).
 */
export const resolveAccounts = (
  named: ReadonlyArray<string>,
  file: Option.Option<string>,
): Effect.Effect<ReadonlyArray<string>, CommandFailure> =>
  Effect.gen(function* () {
    const listed = Option.isSome(file) ? yield* readList(file.value) : []
    const accounts = [...named, ...listed]
    if (accounts.length === 0) return yield* usage("no account given", "name accounts, or use --accounts-file FILE")
    if (accounts.length > ACCOUNTS_MAX)
      return yield* usage(`${accounts.length} accounts at once; at most ${ACCOUNTS_MAX}`)
    const seen = new Set<string>()
    for (const account of accounts) {
      yield* checkAccount(account)
      if (seen.has(account)) return yield* usage(`${account} is named twice`)
      seen.add(account)
    }
    return accounts
  })
