/**
 * `credits prices rerate`: calls of a time range priced again, and what was too much given back, once (R7.4). The
 * ledger reverses; here is what to ask of it, in which order and how fast.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { BusHandle } from "@credits/bus"
import type { DoneAnswer } from "@credits/contracts"
import { formatInstant, formatUsd, isAccountId, parseInstant } from "@credits/kernel"
import { answering, remark, type Answer } from "../../answer.ts"
import { Audit } from "../../audit.ts"
import { applyFlag, reasonFlag, requireReason } from "../../changes.ts"
import { EXIT, usage, type CommandFailure } from "../../failure.ts"
import { ACCOUNTS_AT_ONCE, askLedger } from "../../ledger.ts"
import { Pace } from "../../pace.ts"
import { progressBar, type Progress } from "../../progress.ts"
import { booksFor, findOvercharges } from "../../repricing.ts"
import { dueOf, type Overcharge, type Rerating, type Scope } from "../../rerating.ts"
import { System } from "../../system.ts"
import { facts, table } from "../../table.ts"

const BIGGEST = 10
const REASON_MAX = 500
/** Reversals a second: a tenth of what an owner does beside its traffic. */
const RATE = 200
const RATE_MAX = 10_000

interface Input {
  readonly from: string
  readonly to: string
  readonly model: Option.Option<string>
  readonly account: Option.Option<string>
  readonly book: Option.Option<string>
  readonly rate: number
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

const scopeOf = (input: Input): Effect.Effect<Scope, CommandFailure> =>
  Effect.gen(function* () {
    const [from, to] = [parseInstant(input.from), parseInstant(input.to)]
    if (from === null) return yield* usage("--from is no instant", "write 2026-12-31T00:00:00Z")
    if (to === null) return yield* usage("--to is no instant", "write 2026-12-31T00:00:00Z")
    if (from >= to) return yield* usage("--from must lie before --to")
    if (input.rate < 1 || input.rate > RATE_MAX) return yield* usage(`--rate must be from 1 to ${RATE_MAX}`)
    const account = Option.getOrNull(input.account)
    if (account !== null && !isAccountId(account)) return yield* usage("--account is no account id")
    return { from, to, account, model: Option.getOrNull(input.model) }
  })

const callJson = (each: Overcharge) => ({
  accountId: each.account,
  chargeId: each.chargeId,
  model: each.model,
  usedAt: formatInstant(each.usedAt),
  book: each.bookVersion,
  chargedUsd: formatUsd(each.charged),
  correctedUsd: formatUsd(each.corrected),
  reversedBeforeUsd: formatUsd(each.reversed),
  backUsd: formatUsd(dueOf(each)),
})

const biggestTable = (due: ReadonlyArray<Overcharge>): string =>
  table(
    [
      { title: "ACCOUNT" },
      { title: "CALL" },
      { title: "USED AT" },
      { title: "MODEL" },
      { title: "CHARGED", align: "right" },
      { title: "CORRECT", align: "right" },
      { title: "BACK", align: "right" },
    ],
    due
      .slice(0, BIGGEST)
      .map((each) => [
        each.account,
        each.chargeId,
        formatInstant(each.usedAt),
        each.model,
        formatUsd(each.charged),
        formatUsd(each.corrected),
        formatUsd(dueOf(each)),
      ]),
  )

const sumOf = (due: ReadonlyArray<Overcharge>): bigint => due.reduce((sum, each) => sum + dueOf(each), 0n)

/** Its number among the charge's reversals makes it once: whoever repeats it gets the first answer. */
const reverse = (bus: BusHandle, each: Overcharge, reason: string): Effect.Effect<DoneAnswer, CommandFailure> =>
  askLedger<DoneAnswer>(bus, {
    op: "reverse",
    id: `rerate:${each.bookVersion}`,
    account: each.account,
    chargeId: each.chargeId,
    amount: dueOf(each).toString(),
    nth: each.reversals + 1,
    reason: `price corrected by ${each.bookVersion}: ${reason}`.slice(0, REASON_MAX),
  })

interface Done {
  readonly back: ReadonlyArray<Overcharge>
  readonly failures: ReadonlyArray<{ readonly call: Overcharge; readonly failure: CommandFailure }>
}

/** An account's calls one after the other, the accounts side by side. */
const giveBack = (
  bus: BusHandle,
  due: ReadonlyArray<Overcharge>,
  reason: string,
  rate: number,
  progress: Progress,
): Effect.Effect<Done> =>
  Effect.gen(function* () {
    const back: Array<Overcharge> = []
    const failures: Array<Done["failures"][number]> = []
    const pace = new Pace(rate)
    const one = (call: Overcharge) =>
      Effect.andThen(Effect.promise(pace.turn), reverse(bus, call, reason)).pipe(
        Effect.match({
          onSuccess: () => void back.push(call),
          onFailure: (failure) => void failures.push({ call, failure }),
        }),
        Effect.tap(() => Effect.sync(() => progress.at(back.length + failures.length, due.length))),
      )
    const accounts = Map.groupBy(due, ({ account }) => account)
    yield* Effect.forEach(accounts.values(), (calls) => Effect.forEach(calls, one, { discard: true }), {
      concurrency: ACCOUNTS_AT_ONCE,
      discard: true,
    })
    return { back, failures }
  })

/** What was found, in words and figures. */
const foundIn = ({ due, calls, unpriced }: Rerating) => {
  const accounts = new Set(due.map(({ account }) => account)).size
  const json = { calls, unpriced, tooMuch: due.length, accounts, backUsd: formatUsd(sumOf(due)) }
  const text = facts([
    ["calls of the range", calls],
    ["of them charged too much", due.length],
    ["without a price in the book", unpriced],
    ["accounts", accounts],
    ["to give back", `${json.backUsd} USD`],
  ])
  return { json: { ...json, biggest: due.slice(0, BIGGEST).map(callJson) }, text }
}

const doneText = ({ back, failures }: Done): string => {
  const done = facts([
    ["given back", `${formatUsd(sumOf(back))} USD for ${back.length} calls`],
    ["failed", failures.length],
  ])
  if (failures.length === 0) return done
  const rows = failures.slice(0, BIGGEST).map(({ call, failure }) => [call.account, call.chargeId, failure.message])
  return `${done}\n\n${table([{ title: "ACCOUNT" }, { title: "CALL" }, { title: "ERROR" }], rows)}`
}

const rerate = (input: Input) =>
  Effect.gen(function* () {
    const scope = yield* scopeOf(input)
    const reason = yield* requireReason(input.apply, input.reason)
    const system = yield* System
    const bus = yield* system.connect
    const book = Option.getOrNull(input.book)
    const rerating = yield* findOvercharges(bus, scope, yield* booksFor(bus, scope, book))
    const { from, to, model, account } = scope
    const said = { from: formatInstant(from), to: formatInstant(to), model, accountId: account, book }
    const found = foundIn(rerating)
    const { due } = rerating
    if (!input.apply) {
      yield* remark(`dry run: nothing was changed; add --apply --reason "…" to do it`)
      const text = due.length === 0 ? found.text : `${found.text}\n\n${biggestTable(due)}`
      return { json: { applied: false, ...said, ...found.json }, text } satisfies Answer
    }
    const audit = yield* Audit
    const run = yield* audit.began("prices rerate", reason, { ...said, ...found.json })
    const progress = progressBar("reversals")
    const done = yield* giveBack(bus, due, reason, input.rate, progress)
    progress.end()
    const { back, failures } = done
    const given = { givenBack: back.length, givenBackUsd: formatUsd(sumOf(back)), failed: failures.length }
    yield* run.ended(given)
    if (failures.length > 0)
      yield* remark("repeat the same command: it gives back what is still missing, and nothing twice")
    const failed = failures.map(({ call, failure: { code, detail } }) => ({
      ...callJson(call),
      error: { code, detail },
    }))
    return {
      json: { applied: true, reason, ...said, ...found.json, ...given, failures: failed },
      text: `${found.text}\n\n${doneText(done)}`,
      exit: failures.length === 0 ? EXIT.ok : back.length === 0 ? EXIT.failed : EXIT.partly,
    } satisfies Answer
  })

const instant = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar("INSTANT"), Flag.withDescription(description))

export const pricesRerate = Command.make(
  "rerate",
  {
    from: instant("from", "First instant, by when the calls happened"),
    to: instant("to", "The end, not included"),
    model: Flag.String("model").pipe(Flag.withDescription("Only calls of this model, as they name it"), Flag.optional),
    account: Flag.String("account").pipe(Flag.withDescription("Only this account"), Flag.optional),
    book: Flag.String("book").pipe(
      Flag.withMetavar("VERSION"),
      Flag.withDescription("Price all of them by this book (default: by what is in force for their time now)"),
      Flag.optional,
    ),
    rate: Flag.Int("rate").pipe(
      Flag.withMetavar("COUNT"),
      Flag.withDescription(`Reversals a second at most (default: ${RATE})`),
      Flag.withDefault(RATE),
    ),
    apply: applyFlag,
    reason: reasonFlag,
  },
  (input) => answering(rerate(input)),
).pipe(
  Command.withDescription("Price the calls of a time range again and give back what was too much; never charges more"),
  Command.withExamples([
    {
      command: "credits prices rerate --from 2026-11-03T08:00:00Z --to 2026-11-03T14:00:00Z",
      description: "Dry run: how many calls, how much would come back, the ten biggest",
    },
    {
      command:
        'credits prices rerate --from 2026-11-03T08:00:00Z --to 2026-11-03T14:00:00Z --apply --reason "ticket 4811"',
      description: "Give it back; a repeat changes nothing",
    },
  ]),
)
