/** `credits session end ACCOUNT…`: every browser of the account has to sign in again. Control keys go on. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import { accountsArgument, accountsFile, resolveAccounts } from "../../accounts.ts"
import { answering } from "../../answer.ts"
import { applyFlag, changeAccounts, reasonFlag, requireReason } from "../../changes.ts"
import { askEdge } from "../../paying.ts"
import { System } from "../../system.ts"

interface Input {
  readonly accounts: ReadonlyArray<string>
  readonly file: Option.Option<string>
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

const end = (input: Input) =>
  Effect.gen(function* () {
    const reason = yield* requireReason(input.apply, input.reason)
    const accounts = yield* resolveAccounts(input.accounts, input.file)
    const system = yield* System
    const bus = yield* system.connect
    const count = (op: "session-list" | "session-end", account: string) =>
      Effect.map(askEdge(bus, { op, account }), ({ items }) => items.length)
    const told = (sessions: number) => ({ cells: [String(sessions), ""], json: { sessions } })
    const planned = (account: string) => count("session-list", account)
    // Every edge ends them, and the text may arrive twice: whoever comes second finds none, so they are counted before.
    const ended = (account: string) =>
      Effect.zipWith(planned(account), count("session-end", account), (before, now) => Math.max(before, now))
    return yield* changeAccounts({
      command: "session end",
      apply: input.apply,
      reason,
      accounts,
      input: {},
      planned: [{ title: "SESSIONS", align: "right" }, { title: "NOTE" }],
      performed: [{ title: "ENDED", align: "right" }, { title: "NOTE" }],
      plan: (account) => Effect.map(planned(account), told),
      perform: (account) => Effect.map(ended(account), told),
    })
  })

export const sessionEnd = Command.make(
  "end",
  { accounts: accountsArgument, file: accountsFile, apply: applyFlag, reason: reasonFlag },
  (input) => answering(end(input)),
).pipe(
  Command.withDescription("End all sessions of customers: every browser has to sign in again"),
  Command.withExamples([
    {
      command: 'credits session end acc_01k9zq --apply --reason "ticket 4720: laptop stolen"',
      description: "Sign this customer out everywhere",
    },
  ]),
)
