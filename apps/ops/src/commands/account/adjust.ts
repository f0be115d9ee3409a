/**
 * `credits account adjust ACCOUNT --amount USD`: support gives credit (an adjustment lot) or, with a negative amount,
 * takes it back. Balances only ever change by entries (R1.6); this is the entry a person can ask for.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Clock from "effect/Clock"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { DoneAnswer, LotAnswer } from "@credits/contracts"
import { formatUsd, isCallerId, makeId, NANO_AMOUNT_MAX, parseInstant, parseUsd } from "@credits/kernel"
import { randomBytes } from "node:crypto"
import { accountsArgument, accountsFile, resolveAccounts } from "../../accounts.ts"
import { answering, remark } from "../../answer.ts"
import { applyFlag, changeAccounts, reasonFlag, requireReason } from "../../changes.ts"
import { EXIT, usage } from "../../failure.ts"
import { askLedger, readWallet } from "../../ledger.ts"
import { System } from "../../system.ts"
import { usdOf } from "../../wallet.ts"

interface Input {
  readonly accounts: ReadonlyArray<string>
  readonly file: Option.Option<string>
  readonly amount: string
  readonly expires: Option.Option<string>
  readonly id: Option.Option<string>
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

const checkAmount = (text: string) => {
  const amount = parseUsd(text)
  if (amount === null || amount === 0n) {
    return Effect.fail(
      usage(`--amount ${text} is no amount`, "write USD with at most 9 decimals: 12.50, or -12.50 to take back"),
    )
  }
  if (amount > NANO_AMOUNT_MAX || amount < -NANO_AMOUNT_MAX) {
    return Effect.fail(usage(`--amount ${text} is above the limit of ${formatUsd(NANO_AMOUNT_MAX)} USD`))
  }
  return Effect.succeed(amount)
}

const checkExpiry = (text: Option.Option<string>) => {
  if (Option.isNone(text)) return Effect.succeed(undefined)
  const at = parseInstant(text.value)
  return at === null ? Effect.fail(usage("--expires is no instant", "write 2026-12-31T23:59:59Z")) : Effect.succeed(at)
}

/** The command's id: the ledger does the same id once per account, so a repeat after a failure pays nobody twice. */
const commandId = (given: Option.Option<string>) =>
  Effect.gen(function* () {
    if (Option.isNone(given)) return makeId("cmd", yield* Clock.currentTimeMillis, randomBytes(10))
    if (!isCallerId(given.value)) return yield* usage("--id must be 1–128 printable characters without spaces")
    return given.value
  })

const adjust = (input: Input) =>
  Effect.gen(function* () {
    const amount = yield* checkAmount(input.amount)
    const expiresAt = yield* checkExpiry(input.expires)
    const reason = yield* requireReason(input.apply, input.reason)
    const accounts = yield* resolveAccounts(input.accounts, input.file)
    const id = yield* commandId(input.id)
    const system = yield* System
    const bus = yield* system.connect
    const answer = yield* changeAccounts({
      command: "account adjust",
      apply: input.apply,
      reason,
      accounts,
      input: { amountUsd: formatUsd(amount), id },
      planned: [{ title: "AVAILABLE", align: "right" }, { title: "AFTER", align: "right" }, { title: "NOTE" }],
      performed: [{ title: "AVAILABLE", align: "right" }, { title: "NOTE" }],
      plan: (account) =>
        Effect.map(readWallet(bus, account), (wallet) => {
          const before = BigInt(wallet.available)
          const note =
            wallet.seq === 0 ? "new to the ledger" : wallet.hostedModels ? "" : "no plan: the credit will be frozen"
          return {
            cells: [usdOf(wallet.available), note === "" ? formatUsd(before + amount) : "–", note],
            json: { availableBeforeUsd: usdOf(wallet.available), known: wallet.seq !== 0, note },
          }
        }),
      perform: (account) =>
        Effect.map(
          askLedger<DoneAnswer | LotAnswer>(bus, {
            op: "adjust",
            id,
            account,
            amount: amount.toString(),
            reason,
            ...(expiresAt === undefined ? {} : { expiresAt }),
          }),
          (answer) => ({
            cells: [usdOf(answer.availableAfter), ""],
            json: { availableAfterUsd: usdOf(answer.availableAfter) },
          }),
        ),
    })
    if (input.apply && answer.exit !== EXIT.ok) {
      yield* remark(`repeat it with --id ${id}: whoever was adjusted is not adjusted twice`)
    }
    return answer
  })

export const accountAdjust = Command.make(
  "adjust",
  {
    accounts: accountsArgument,
    file: accountsFile,
    amount: Flag.String("amount").pipe(
      Flag.withMetavar("USD"),
      Flag.withDescription("12.50 gives an adjustment lot; -12.50 takes back"),
    ),
    expires: Flag.String("expires").pipe(
      Flag.withMetavar("INSTANT"),
      Flag.withDescription("When the given credit expires (default: never)"),
      Flag.optional,
    ),
    id: Flag.String("id").pipe(
      Flag.withDescription("Id of this adjustment; the same id is done once per account"),
      Flag.optional,
    ),
    apply: applyFlag,
    reason: reasonFlag,
  },
  (input) => answering(adjust(input)),
).pipe(
  Command.withDescription("Give credit to accounts, or take it back"),
  Command.withExamples([
    { command: "credits account adjust acc_01k9zq --amount 5.00", description: "Dry run: what would happen" },
    {
      command: 'credits account adjust acc_01k9zq --amount 5.00 --apply --reason "ticket 4711: slow answers"',
      description: "Give 5 USD",
    },
    {
      command:
        'credits account adjust --accounts-file list.txt --amount=-1.25 --apply --reason "ticket 4712: given twice"',
      description: "Take 1.25 USD back from every account of a file",
    },
  ]),
)
