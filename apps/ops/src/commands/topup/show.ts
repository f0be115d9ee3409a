/** `credits topup show ACCOUNT`: auto top-up, what the month used of its cap, and every consent (R9.1). */
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { accountArgument, checkAccount } from "../../accounts.ts"
import { answering } from "../../answer.ts"
import { askTopup } from "../../paying.ts"
import { topupJson, topupText } from "../../subscription.ts"
import { System } from "../../system.ts"

const show = (account: string) =>
  Effect.gen(function* () {
    yield* checkAccount(account)
    const system = yield* System
    const bus = yield* system.connect
    const view = yield* askTopup(bus, { op: "show", account })
    const { items } = yield* askTopup(bus, { op: "consents", account })
    return { json: topupJson(view, items), text: topupText(view, items) }
  })

export const topupShow = Command.make("show", { account: accountArgument }, ({ account }) =>
  answering(show(account)),
).pipe(
  Command.withDescription("Show an account's auto top-up: state, cap, this month, consents"),
  Command.withExamples([
    { command: "credits topup show acc_01k9zq", description: "State, cap and consents" },
    { command: "credits topup show acc_01k9zq --json", description: "The same as JSON" },
  ]),
)
