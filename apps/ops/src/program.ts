/** The command tree, and how its outcome becomes an exit code. What a command does is in `commands/`. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { Json } from "./answer.ts"
import { accountAdjust } from "./commands/account/adjust.ts"
import { accountEntitle } from "./commands/account/entitle.ts"
import { accountFreeze, accountUnfreeze } from "./commands/account/freeze.ts"
import { accountShow } from "./commands/account/show.ts"
import { accountStatement } from "./commands/account/statement.ts"
import { auditList } from "./commands/audit/list.ts"
import { backupCreate } from "./commands/backup/create.ts"
import { backupRestore } from "./commands/backup/restore.ts"
import { backupVerify } from "./commands/backup/verify.ts"
import { cataloguePublish } from "./commands/catalogue/publish.ts"
import { catalogueList, catalogueShow } from "./commands/catalogue/show.ts"
import { chargeList } from "./commands/charge/list.ts"
import { chargeLookUp } from "./commands/charge/look-up.ts"
import { chargeRefund } from "./commands/charge/refund.ts"
import { chargeResolve } from "./commands/charge/resolve.ts"
import { chargeShow } from "./commands/charge/show.ts"
import { dlqDiscard } from "./commands/dlq/discard.ts"
import { dlqList } from "./commands/dlq/list.ts"
import { dlqRedrive } from "./commands/dlq/redrive.ts"
import { dlqShow } from "./commands/dlq/show.ts"
import { doctor } from "./commands/doctor.ts"
import { gatewayKeyCreate } from "./commands/gateway-key/create.ts"
import { gatewayKeyList } from "./commands/gateway-key/list.ts"
import { gatewayKeyRevoke } from "./commands/gateway-key/revoke.ts"
import { ledgerVerify } from "./commands/ledger/verify.ts"
import { pricesImport } from "./commands/prices/import.ts"
import { pricesRerate } from "./commands/prices/rerate.ts"
import { pricesPublish } from "./commands/prices/publish.ts"
import { pricesList, pricesShow } from "./commands/prices/show.ts"
import { projectionList } from "./commands/projection/list.ts"
import { projectionRebuild, projectionVerify } from "./commands/projection/rebuild.ts"
import { reconRun } from "./commands/recon/run.ts"
import { reviewAnswer } from "./commands/review/answer.ts"
import { reviewList } from "./commands/review/list.ts"
import { reviewShow } from "./commands/review/show.ts"
import { sessionEnd } from "./commands/session/end.ts"
import { sessionList } from "./commands/session/list.ts"
import { streamList } from "./commands/stream/list.ts"
import { streamReplay } from "./commands/stream/replay.ts"
import { streamShow } from "./commands/stream/show.ts"
import { subscriptionCancel } from "./commands/subscription/cancel.ts"
import { subscriptionDowngrade } from "./commands/subscription/downgrade.ts"
import { subscriptionShow } from "./commands/subscription/show.ts"
import { topCommand } from "./commands/top.ts"
import { topupShow } from "./commands/topup/show.ts"
import { topupSuspend } from "./commands/topup/suspend.ts"
import { webhookAdd } from "./commands/webhook/add.ts"
import { webhookList } from "./commands/webhook/list.ts"
import { webhookRemove } from "./commands/webhook/remove.ts"
import { webhookShow } from "./commands/webhook/show.ts"
import { webhookTest } from "./commands/webhook/test.ts"
import { Ended, EXIT } from "./failure.ts"

const account = Command.make("account").pipe(
  Command.withDescription("One account, or many: wallet, statement, plan, credit, freeze"),
  Command.withSubcommands([
    accountShow,
    accountStatement,
    accountEntitle,
    accountAdjust,
    accountFreeze,
    accountUnfreeze,
  ]),
)
const subscription = Command.make("subscription").pipe(
  Command.withDescription("Subscriptions: what support sees and can do"),
  Command.withSubcommands([subscriptionShow, subscriptionDowngrade, subscriptionCancel]),
)
const charge = Command.make("charge").pipe(
  Command.withDescription("Charges of cards: outcomes, look-ups, refunds of proven errors"),
  Command.withSubcommands([chargeList, chargeShow, chargeLookUp, chargeResolve, chargeRefund]),
)
const review = Command.make("review").pipe(
  Command.withDescription("Billing cases that customers opened"),
  Command.withSubcommands([reviewList, reviewShow, reviewAnswer]),
)
const topup = Command.make("topup").pipe(
  Command.withDescription("Auto top-up: state, cap, consents"),
  Command.withSubcommands([topupShow, topupSuspend]),
)
const webhook = Command.make("webhook").pipe(
  Command.withDescription("Outgoing webhooks: endpoints that are told what customers are told"),
  Command.withSubcommands([webhookAdd, webhookList, webhookShow, webhookTest, webhookRemove]),
)
const recon = Command.make("recon").pipe(
  Command.withDescription("Our books against the card processor's"),
  Command.withSubcommands([reconRun]),
)
const ledger = Command.make("ledger").pipe(
  Command.withDescription("The system of record for credits"),
  Command.withSubcommands([ledgerVerify]),
)
const projection = Command.make("projection").pipe(
  Command.withDescription("What is counted from the ledger's entries: proven, and counted anew"),
  Command.withSubcommands([projectionList, projectionVerify, projectionRebuild]),
)
const prices = Command.make("prices").pipe(
  Command.withDescription("Price books: what a call costs"),
  Command.withSubcommands([pricesShow, pricesList, pricesImport, pricesPublish, pricesRerate]),
)
const catalogue = Command.make("catalogue").pipe(
  Command.withDescription("Plan catalogues: what a plan costs and gives"),
  Command.withSubcommands([catalogueShow, catalogueList, cataloguePublish]),
)
const stream = Command.make("stream").pipe(
  Command.withDescription("The streams between the services"),
  Command.withSubcommands([streamList, streamShow, streamReplay]),
)
const dlq = Command.make("dlq").pipe(
  Command.withDescription("Dead letters: what nobody could use"),
  Command.withSubcommands([dlqList, dlqShow, dlqRedrive, dlqDiscard]),
)
const backup = Command.make("backup").pipe(
  Command.withDescription("Databases and streams into a folder, and back"),
  Command.withSubcommands([backupCreate, backupVerify, backupRestore]),
)
const gatewayKey = Command.make("gateway-key").pipe(
  Command.withDescription("API keys of model gateways"),
  Command.withSubcommands([gatewayKeyCreate, gatewayKeyList, gatewayKeyRevoke]),
)
const session = Command.make("session").pipe(
  Command.withDescription("Customers' sessions of browsers"),
  Command.withSubcommands([sessionList, sessionEnd]),
)
const audit = Command.make("audit").pipe(
  Command.withDescription("What was changed by hand"),
  Command.withSubcommands([auditList]),
)

export const credits = Command.make("credits").pipe(
  Command.withDescription(
    "Operate Open Design Credits: accounts, payments, prices, streams, and the ledger's own proof",
  ),
  Command.withSubcommands([
    account,
    subscription,
    charge,
    review,
    topup,
    webhook,
    recon,
    ledger,
    projection,
    prices,
    catalogue,
    stream,
    dlq,
    gatewayKey,
    backup,
    session,
    audit,
    doctor,
    topCommand,
  ]),
  Command.withGlobalFlags([Json]),
)

/** Help that was asked for is a result (stdout). Help after a mistake is a remark (stderr), after what was wrong. */
const presenter: CliOutput.Presenter = {
  present: Effect.fnUntraced(function* (event) {
    if (event._tag !== "InvalidInvocation") return yield* CliOutput.defaultPresenter.present(event)
    const formatter = yield* CliOutput.Formatter
    yield* Console.error(formatter.formatErrors(event.errors))
    yield* Console.error(formatter.formatHelpDoc(event.helpDoc))
  }),
}

const VERSION = "0.1.0"

/** No wizard and no log level: a command that moves money is typed, and nothing here writes a log. */
const BUILT_INS = [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions]

/** Runs the command line; fails with `Ended` carrying the exit code when it is not 0. */
export const runCredits = (args: ReadonlyArray<string>) =>
  Command.runWith(credits, { version: VERSION })(args).pipe(
    Effect.provideService(CliOutput.Presenter, presenter),
    Effect.provideService(CliConfig.CliConfig, CliConfig.make({ builtIns: BUILT_INS })),
    // A wrong invocation, and a noun without its verb.
    Effect.catchTag("ShowHelp", () => Effect.fail(new Ended({ exit: EXIT.usage }))),
  )
