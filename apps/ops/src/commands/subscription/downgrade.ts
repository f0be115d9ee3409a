/** `credits subscription downgrade ACCOUNT --plan P`: only support can: a lower plan from the period's end (R5.3). */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
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
  readonly plan: string
  readonly interval: "monthly" | "yearly"
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

const downgrade = (input: Input) =>
  Effect.gen(function* () {
    const { plan, interval } = input
    const reason = yield* requireReason(input.apply, input.reason)
    const accounts = yield* resolveAccounts(input.accounts, input.file)
    const id = makeId("cmd", yield* Clock.currentTimeMillis, randomBytes(10))
    const system = yield* System
    const bus = yield* system.connect
    return yield* changeAccounts({
      command: "subscription downgrade",
      apply: input.apply,
      reason,
      accounts,
      input: { plan, interval },
      planned: [{ title: "NOW" }, { title: "THEN" }, { title: "FROM" }],
      performed: [{ title: "NOW" }, { title: "THEN" }, { title: "FROM" }],
      plan: (account) =>
        Effect.map(askSubscriptions(bus, { op: "show", account }), (view) => ({
          cells: [planText(view), `${plan}, ${interval}`, instantOf(view.currentPeriodEnd) ?? "–"],
          json: { before: view.plan, after: plan, from: instantOf(view.currentPeriodEnd) },
        })),
      perform: (account) =>
        Effect.map(
          askSubscriptions(bus, { op: "downgrade", id, account, plan, interval, by: osUser(), reason }),
          (view) => {
            const from = instantOf(view.pendingChange?.effectiveAt ?? null)
            return {
              cells: [planText(view), `${plan}, ${interval}`, from ?? "–"],
              json: { before: view.plan, after: plan, from },
            }
          },
        ),
    })
  })

export const subscriptionDowngrade = Command.make(
  "downgrade",
  {
    accounts: accountsArgument,
    file: accountsFile,
    plan: Flag.String("plan").pipe(Flag.withDescription("The lower plan, or the same one by the month")),
    interval: Flag.Literals("interval", ["monthly", "yearly"]).pipe(
      Flag.withDescription("How it is paid then"),
      Flag.withDefault("monthly" as const),
    ),
    apply: applyFlag,
    reason: reasonFlag,
  },
  (input) => answering(downgrade(input)),
).pipe(
  Command.withDescription("Schedule a lower plan for the end of the paid period"),
  Command.withExamples([
    {
      command: "credits subscription downgrade acc_01k9zq --plan plus",
      description: "Dry run: from when it would hold",
    },
    {
      command: 'credits subscription downgrade acc_01k9zq --plan plus --apply --reason "ticket 4715: too large"',
      description: "Schedule it; the customer sees it as pending",
    },
  ]),
)
