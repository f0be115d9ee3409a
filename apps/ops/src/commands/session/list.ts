/** `credits session list ACCOUNT`: where a customer is signed in, newest first. */
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import type { SessionView } from "@credits/contracts"
import { accountArgument, checkAccount } from "../../accounts.ts"
import { answering } from "../../answer.ts"
import { askEdge } from "../../paying.ts"
import { System } from "../../system.ts"
import { table } from "../../table.ts"
import { instantOf } from "../../wallet.ts"

export const sessionJson = ({ authenticatedAt, endsAt, idleAt }: SessionView) => ({
  authenticatedAt: instantOf(authenticatedAt),
  idleAt: instantOf(idleAt),
  endsAt: instantOf(endsAt),
})

const list = (account: string) =>
  Effect.gen(function* () {
    yield* checkAccount(account)
    const system = yield* System
    const { items } = yield* askEdge(yield* system.connect, { op: "session-list", account })
    const columns = [{ title: "SIGNED IN" }, { title: "ENDS UNUSED" }, { title: "ENDS" }]
    const rows = items.map((each) => Object.values(sessionJson(each)))
    return {
      json: { accountId: account, items: items.map(sessionJson) },
      text: items.length === 0 ? "no sessions" : table(columns, rows),
    }
  })

export const sessionList = Command.make("list", { account: accountArgument }, ({ account }) =>
  answering(list(account)),
).pipe(
  Command.withDescription("List a customer's sessions of browsers"),
  Command.withExamples([
    { command: "credits session list acc_01k9zq", description: "Where is this customer signed in?" },
  ]),
)
