/** `credits account show ACCOUNT`: the wallet as its ledger knows it, at this moment. */
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { accountArgument, checkAccount } from "../../accounts.ts"
import { answering } from "../../answer.ts"
import { notFound } from "../../failure.ts"
import { readWallet } from "../../ledger.ts"
import { System } from "../../system.ts"
import { walletJson, walletText } from "../../wallet.ts"

const show = (account: string) =>
  Effect.gen(function* () {
    yield* checkAccount(account)
    const system = yield* System
    const wallet = yield* readWallet(yield* system.connect, account)
    if (wallet.seq === 0) {
      return yield* notFound(
        `the ledger has never seen ${account}`,
        "an account appears with its first plan, credit or call; check the id",
      )
    }
    return { json: walletJson(wallet), text: walletText(wallet) }
  })

export const accountShow = Command.make("show", { account: accountArgument }, ({ account }) =>
  answering(show(account)),
).pipe(
  Command.withDescription("Show an account's wallet: plan, balance, holds, debt, lots"),
  Command.withExamples([
    { command: "credits account show acc_01k9zq", description: "The wallet as a table" },
    { command: "credits account show acc_01k9zq --json", description: "The same as JSON, amounts in USD" },
  ]),
)
