/** `credits account freeze|unfreeze ACCOUNT`: no new authorizations until a person looked (R6.2 `account_frozen`). */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import type { DoneAnswer } from "@credits/contracts"
import { makeId } from "@credits/kernel"
import { randomBytes } from "node:crypto"
import { accountsArgument, accountsFile, resolveAccounts } from "../../accounts.ts"
import { answering } from "../../answer.ts"
import { applyFlag, changeAccounts, reasonFlag, requireReason } from "../../changes.ts"
import { askLedger, readWallet } from "../../ledger.ts"
import { System } from "../../system.ts"

interface Input {
  readonly accounts: ReadonlyArray<string>
  readonly file: Option.Option<string>
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

const change = (op: "freeze" | "unfreeze", input: Input) =>
  Effect.gen(function* () {
    const reason = yield* requireReason(input.apply, input.reason)
    const accounts = yield* resolveAccounts(input.accounts, input.file)
    const id = makeId("cmd", yield* Clock.currentTimeMillis, randomBytes(10))
    const system = yield* System
    const bus = yield* system.connect
    const after = op === "freeze" ? "frozen" : "open"
    return yield* changeAccounts({
      command: `account ${op}`,
      apply: input.apply,
      reason,
      accounts,
      input: {},
      planned: [{ title: "NOW" }, { title: "AFTER" }, { title: "NOTE" }],
      performed: [{ title: "NOW" }, { title: "NOTE" }],
      plan: (account) =>
        Effect.map(readWallet(bus, account), (wallet) => {
          const before = wallet.freeze === null ? "open" : "frozen"
          const note = wallet.seq === 0 ? "new to the ledger" : wallet.freeze === null ? "" : wallet.freeze.reason
          return { cells: [before, after, note], json: { before, after, known: wallet.seq !== 0 } }
        }),
      perform: (account) =>
        Effect.map(askLedger<DoneAnswer>(bus, { op, id, account, reason }), () => ({
          cells: [after, ""],
          json: { after },
        })),
    })
  })

const flags = { accounts: accountsArgument, file: accountsFile, apply: applyFlag, reason: reasonFlag }

export const accountFreeze = Command.make("freeze", flags, (input) => answering(change("freeze", input))).pipe(
  Command.withDescription("Refuse new authorizations of accounts; running calls still settle"),
  Command.withExamples([
    {
      command: 'credits account freeze acc_01k9zq --apply --reason "ticket 4713: stolen card"',
      description: "Freeze one account",
    },
  ]),
)

export const accountUnfreeze = Command.make("unfreeze", flags, (input) => answering(change("unfreeze", input))).pipe(
  Command.withDescription("Allow authorizations again"),
  Command.withExamples([
    {
      command: 'credits account unfreeze acc_01k9zq --apply --reason "ticket 4713: cleared"',
      description: "Open one account again",
    },
  ]),
)
