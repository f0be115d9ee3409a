/** `credits topup suspend ACCOUNT`: no further automatic top-up until the customer acts; one in flight completes. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import { makeId } from "@credits/kernel"
import { randomBytes } from "node:crypto"
import { accountsArgument, accountsFile, resolveAccounts } from "../../accounts.ts"
import { answering } from "../../answer.ts"
import { osUser } from "../../audit.ts"
import { applyFlag, changeAccounts, reasonFlag, requireReason } from "../../changes.ts"
import { askTopup } from "../../paying.ts"
import { usdOfCents } from "../../subscription.ts"
import { System } from "../../system.ts"

interface Input {
  readonly accounts: ReadonlyArray<string>
  readonly file: Option.Option<string>
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

const suspend = (input: Input) =>
  Effect.gen(function* () {
    const reason = yield* requireReason(input.apply, input.reason)
    const accounts = yield* resolveAccounts(input.accounts, input.file)
    const id = makeId("cmd", yield* Clock.currentTimeMillis, randomBytes(10))
    const system = yield* System
    const bus = yield* system.connect
    return yield* changeAccounts({
      command: "topup suspend",
      apply: input.apply,
      reason,
      accounts,
      input: {},
      planned: [{ title: "NOW" }, { title: "THIS MONTH", align: "right" }, { title: "NOTE" }],
      performed: [{ title: "NOW" }, { title: "NOTE" }],
      plan: (account) =>
        Effect.map(askTopup(bus, { op: "show", account }), (view) => ({
          cells: [
            view.state,
            usdOfCents(view.spentThisMonthCents),
            view.enabled ? (view.pendingCents > 0 ? "the one in flight completes" : "") : "it is off",
          ],
          json: { before: view.state, enabled: view.enabled },
        })),
      perform: (account) =>
        Effect.map(askTopup(bus, { op: "suspend", id, account, by: osUser(), reason }), (view) => ({
          cells: [view.state, ""],
          json: { after: view.state },
        })),
    })
  })

export const topupSuspend = Command.make(
  "suspend",
  { accounts: accountsArgument, file: accountsFile, apply: applyFlag, reason: reasonFlag },
  (input) => answering(suspend(input)),
).pipe(
  Command.withDescription("Stop auto top-up of accounts until the customer acts"),
  Command.withExamples([
    {
      command: 'credits topup suspend acc_01k9zq --apply --reason "ticket 4716: card reported stolen"',
      description: "Suspend it",
    },
  ]),
)
