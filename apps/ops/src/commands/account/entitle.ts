/**
 * `credits account entitle ACCOUNT --plan P`: a complimentary plan: access to hosted models, no credits, no card;
 * `--plan free` ends it (R1.8). Subscriptions gives it, because it alone keeps the ledger's entitlement: a plan that
 * was paid for is not replaced. The plans there are come from pricing's catalogue.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { CatalogueAnswer } from "@credits/contracts"
import { makeId, parseInstant } from "@credits/kernel"
import type { PlanData } from "@credits/pricebook"
import { randomBytes } from "node:crypto"
import { accountsArgument, accountsFile, resolveAccounts } from "../../accounts.ts"
import { answering } from "../../answer.ts"
import { applyFlag, changeAccounts, reasonFlag, requireReason } from "../../changes.ts"
import { notFound, usage } from "../../failure.ts"
import { osUser } from "../../audit.ts"
import { readWallet } from "../../ledger.ts"
import { askSubscriptions } from "../../paying.ts"
import { askPricing } from "../../pricing.ts"
import { System } from "../../system.ts"

interface Input {
  readonly accounts: ReadonlyArray<string>
  readonly file: Option.Option<string>
  readonly plan: string
  readonly until: Option.Option<string>
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

const findPlan = (catalogue: CatalogueAnswer, id: string) => {
  const plan = catalogue.data.plans.find((each) => each.id === id)
  return plan === undefined
    ? Effect.fail(
        notFound(
          `catalogue ${catalogue.version} has no plan ${id}`,
          `its plans: ${catalogue.data.plans.map((each) => each.id).join(", ")}`,
        ),
      )
    : Effect.succeed(plan)
}

const access = (plan: Pick<PlanData, "id" | "hostedModels">): string =>
  `${plan.id}${plan.hostedModels ? "" : " (no hosted models)"}`

const entitle = (input: Input) =>
  Effect.gen(function* () {
    const until = Option.isSome(input.until) ? parseInstant(input.until.value) : undefined
    if (until === null) return yield* usage("--until is no instant", "write 2026-12-31T23:59:59Z")
    const reason = yield* requireReason(input.apply, input.reason)
    const accounts = yield* resolveAccounts(input.accounts, input.file)
    const system = yield* System
    const bus = yield* system.connect
    const plan = yield* findPlan(yield* askPricing<CatalogueAnswer>(bus, { op: "catalogue-show" }), input.plan)
    const id = makeId("cmd", yield* Clock.currentTimeMillis, randomBytes(10))
    return yield* changeAccounts({
      command: "account entitle",
      apply: input.apply,
      reason,
      accounts,
      input: { plan: plan.id, hostedModels: plan.hostedModels },
      planned: [{ title: "PLAN" }, { title: "AFTER" }, { title: "NOTE" }],
      performed: [{ title: "PLAN" }, { title: "NOTE" }],
      plan: (account) =>
        Effect.map(readWallet(bus, account), (wallet) => ({
          cells: [
            access({ id: wallet.plan, hostedModels: wallet.hostedModels }),
            access(plan),
            wallet.seq === 0 ? "new to the ledger" : "",
          ],
          json: { before: wallet.plan, after: plan.id, known: wallet.seq !== 0 },
        })),
      perform: (account) =>
        Effect.map(
          askSubscriptions(bus, {
            op: "complimentary",
            id,
            account,
            plan: plan.id,
            by: osUser(),
            reason,
            ...(until === undefined ? {} : { until }),
          }),
          () => ({ cells: [access(plan), ""], json: { after: plan.id } }),
        ),
    })
  })

export const accountEntitle = Command.make(
  "entitle",
  {
    accounts: accountsArgument,
    file: accountsFile,
    plan: Flag.String("plan").pipe(Flag.withDescription("A plan of the catalogue (plus, pro, max); free ends it")),
    until: Flag.String("until").pipe(
      Flag.withMetavar("INSTANT"),
      Flag.withDescription("When it ends by itself (default: never)"),
      Flag.optional,
    ),
    apply: applyFlag,
    reason: reasonFlag,
  },
  (input) => answering(entitle(input)),
).pipe(
  Command.withDescription("Give accounts a complimentary plan: access, no credits, no card"),
  Command.withExamples([
    { command: "credits account entitle acc_01k9zq --plan pro", description: "Dry run: what would change" },
    {
      command: 'credits account entitle acc_01k9zq --plan pro --apply --reason "partner programme"',
      description: "Give Pro",
    },
    {
      command: 'credits account entitle --accounts-file partners.txt --plan free --apply --reason "programme ended"',
      description: "End it for every account of a file",
    },
  ]),
)
