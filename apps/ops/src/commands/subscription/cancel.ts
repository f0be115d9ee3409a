/** `credits subscription cancel ACCOUNT`: stops the renewal for a customer who asked; what was paid for stays. */
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
import { askSubscriptions } from "../../paying.ts"
import { planText } from "../../subscription.ts"
import { System } from "../../system.ts"
import { instantOf } from "../../wallet.ts"

interface Input {
  readonly accounts: ReadonlyArray<string>
  readonly file: Option.Option<string>
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

const cancel = (input: Input) =>
  Effect.gen(function* () {
    const reason = yield* requireReason(input.apply, input.reason)
    const accounts = yield* resolveAccounts(input.accounts, input.file)
    const id = makeId("cmd", yield* Clock.currentTimeMillis, randomBytes(10))
    const system = yield* System
    const bus = yield* system.connect
    return yield* changeAccounts({
      command: "subscription cancel",
      apply: input.apply,
      reason,
      accounts,
      input: {},
      planned: [{ title: "PLAN" }, { title: "NOW" }, { title: "ENDS" }],
      performed: [{ title: "PLAN" }, { title: "NOW" }, { title: "ENDS" }],
      plan: (account) =>
        Effect.map(askSubscriptions(bus, { op: "show", account }), (view) => {
          const ends = view.status === "past_due" ? "at once" : (instantOf(view.currentPeriodEnd) ?? "–")
          return {
            cells: [planText(view), view.status, ends],
            json: { plan: view.plan, before: view.status, endsAt: instantOf(view.currentPeriodEnd) },
          }
        }),
      perform: (account) =>
        Effect.map(askSubscriptions(bus, { op: "cancel", id, account, by: osUser(), reason }), (view) => ({
          cells: [planText(view), view.status, instantOf(view.currentPeriodEnd) ?? "–"],
          json: { plan: view.plan, after: view.status, endsAt: instantOf(view.currentPeriodEnd) },
        })),
    })
  })

export const subscriptionCancel = Command.make(
  "cancel",
  { accounts: accountsArgument, file: accountsFile, apply: applyFlag, reason: reasonFlag },
  (input) => answering(cancel(input)),
).pipe(
  Command.withDescription("Stop the renewal of subscriptions; what was paid for stays to its end"),
  Command.withExamples([
    { command: "credits subscription cancel acc_01k9zq", description: "Dry run: until when it would run" },
    {
      command: 'credits subscription cancel acc_01k9zq --apply --reason "ticket 4714: asked by mail"',
      description: "Cancel it",
    },
  ]),
)
