/** `credits subscription show ACCOUNT`: plan, dates, what is pending, as subscriptions knows it. */
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { accountArgument, checkAccount } from "../../accounts.ts"
import { answering } from "../../answer.ts"
import { askSubscriptions } from "../../paying.ts"
import { subscriptionJson, subscriptionText } from "../../subscription.ts"
import { System } from "../../system.ts"

const show = (account: string) =>
  Effect.gen(function* () {
    yield* checkAccount(account)
    const system = yield* System
    const view = yield* askSubscriptions(yield* system.connect, { op: "show", account })
    return { json: subscriptionJson(view), text: subscriptionText(view) }
  })

export const subscriptionShow = Command.make("show", { account: accountArgument }, ({ account }) =>
  answering(show(account)),
).pipe(
  Command.withDescription("Show an account's subscription: plan, period, renewal, what is pending"),
  Command.withExamples([
    { command: "credits subscription show acc_01k9zq", description: "The subscription as a table" },
    { command: "credits subscription show acc_01k9zq --json", description: "The same as JSON" },
  ]),
)
