/**
 * `credits stream replay STREAM`: messages of a stream once more into the same idempotent handlers, by publishing them
 * again under their own subject (ADR 0021). Dry run until `--apply`; stopped at any point it is gone on with.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { STREAMS } from "@credits/contracts"
import { isAccountId, parseInstant, PARTITIONS, ulid } from "@credits/kernel"
import { randomBytes } from "node:crypto"
import { answering, remark } from "../../answer.ts"
import { Audit } from "../../audit.ts"
import { applyFlag, reasonFlag, requireReason } from "../../changes.ts"
import { matchingLetters } from "../../dead-letters.ts"
import { usage, type CommandFailure } from "../../failure.ts"
import { openOps } from "../../ops-store.ts"
import { awaitReaders, ledgerState } from "../../replay/after.ts"
import type { Selection } from "../../replay/choose.ts"
import { REPLAYABLE } from "../../replay/message.ts"
import { startProgress } from "../../replay/progress.ts"
import { reportOf, surveyOf } from "../../replay/report.ts"
import { askResolver } from "../../replay/resolver.ts"
import { findRun, noCounts, type ReplayRun } from "../../replay/runs.ts"
import { circumstancesOf, readersOf, send, survey } from "../../replay/sending.ts"
import { readStream } from "../../streams.ts"
import { System } from "../../system.ts"

const RATE_MAX = 5_000

interface Input {
  readonly stream: Option.Option<string>
  readonly fromSeq: Option.Option<number>
  readonly toSeq: Option.Option<number>
  readonly fromTime: Option.Option<string>
  readonly toTime: Option.Option<string>
  readonly account: Option.Option<string>
  readonly partition: Option.Option<number>
  readonly rate: number
  readonly into: "handlers" | "shadow"
  readonly resume: Option.Option<string>
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

const instantOf = (name: string, text: Option.Option<string>): Effect.Effect<number | null, CommandFailure> => {
  if (Option.isNone(text)) return Effect.succeed(null)
  const at = parseInstant(text.value)
  return at === null
    ? Effect.fail(usage(`--${name} must be an instant, for example 2026-12-01T00:00:00Z`))
    : Effect.succeed(at)
}

const checkStream = (stream: string): Effect.Effect<void, CommandFailure> => {
  if (REPLAYABLE.includes(stream)) return Effect.void
  return Effect.fail(
    stream === STREAMS.deadLetters.name
      ? usage("dead letters are sent again one by one", "`credits dlq redrive`")
      : usage(`${stream} is not replayed`, `what can be: ${REPLAYABLE.join(", ")}`),
  )
}

const checkInput = ({ rate, into, account, partition }: Input): Effect.Effect<void, CommandFailure> => {
  if (into === "shadow") {
    return Effect.fail(
      usage("a shadow beside the live tables is built by `credits projection rebuild`, not by a replay"),
    )
  }
  if (rate < 1 || rate > RATE_MAX) return Effect.fail(usage(`--rate must be 1 to ${RATE_MAX} messages a second`))
  if (Option.isSome(account) && !isAccountId(account.value))
    return Effect.fail(usage("--account must be an account id"))
  if (Option.isSome(partition) && (partition.value < 0 || partition.value >= PARTITIONS)) {
    return Effect.fail(usage(`--partition must be 0 to ${PARTITIONS - 1}`))
  }
  return Effect.void
}

/** What is selected, its end fixed at the stream's end now. */
const selectionOf = (input: Input, stream: string, end: number) =>
  Effect.gen(function* () {
    return {
      stream,
      fromSeq: Option.getOrElse(input.fromSeq, () => 1),
      toSeq: Math.min(
        end,
        Option.getOrElse(input.toSeq, () => end),
      ),
      fromTime: yield* instantOf("from-time", input.fromTime),
      toTime: yield* instantOf("to-time", input.toTime),
      account: Option.getOrNull(input.account),
      partition: Option.getOrNull(input.partition),
    } satisfies Selection
  })

const begin = (input: Input) =>
  Effect.gen(function* () {
    const system = yield* System
    if (Option.isSome(input.resume)) {
      if (Option.isSome(input.stream)) return yield* usage("--resume goes on with what was selected: name no stream")
      const found: ReplayRun = yield* findRun(yield* openOps(system), input.resume.value)
      if (found.isDone) return yield* usage(`the replay ${found.run} is done`)
      return found
    }
    if (Option.isNone(input.stream))
      return yield* usage("which stream?", `what can be replayed: ${REPLAYABLE.join(", ")}`)
    yield* checkStream(input.stream.value)
    const { last } = yield* readStream(yield* system.connect, input.stream.value)
    const selection = yield* selectionOf(input, input.stream.value, last)
    const run = ulid(Date.now(), randomBytes(10))
    return { run, selection, next: selection.fromSeq, counts: noCounts(), isDone: false } satisfies ReplayRun
  })

const lettersNow = Effect.gen(function* () {
  const system = yield* System
  return (yield* matchingLetters(yield* system.connect, () => true)).length
})

const replay = (input: Input) =>
  Effect.gen(function* () {
    const reason = yield* requireReason(input.apply, input.reason)
    yield* checkInput(input)
    const system = yield* System
    const bus = yield* system.connect
    const run = yield* begin(input)
    const { stream } = run.selection
    const circumstances = yield* circumstancesOf(bus, stream)
    const ahead = yield* survey(bus, { ...run, counts: noCounts() }, circumstances)
    if (!input.apply) {
      yield* remark(`dry run: nothing was sent; add --apply --reason "…" to do it`)
      return surveyOf(ahead, yield* askResolver(bus, ahead.run.counts.charges))
    }
    const config = yield* system.config
    const [before, lettersBefore] = [yield* ledgerState(config), yield* lettersNow]
    const audit = yield* Audit
    const audited = yield* audit.began("stream replay", reason, {
      replay: run.run,
      selection: run.selection,
      from: run.next,
    })
    const progress = yield* startProgress(run.counts.messages + ahead.run.counts.messages)
    const goOn = `go on with: credits stream replay --resume ${run.run} --apply --reason "…"`
    yield* send(run, { bus, database: yield* openOps(system), circumstances, rate: input.rate, progress }).pipe(
      Effect.onInterrupt(() => remark(`stopped after ${run.counts.messages} messages; ${goOn}`)),
      Effect.tapError(() => remark(goOn)),
    )
    const readers = yield* awaitReaders(bus, stream, readersOf(stream), run.counts.lastCopy)
    const answer = reportOf(run, {
      readers,
      before,
      after: yield* ledgerState(config),
      letters: { before: lettersBefore, after: yield* lettersNow },
      resolved: yield* askResolver(bus, run.counts.charges),
    })
    yield* audited.ended(answer.json)
    return answer
  })

const instant = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar("INSTANT"), Flag.withDescription(description), Flag.optional)

export const streamReplay = Command.make(
  "replay",
  {
    stream: Argument.String("stream").pipe(
      Argument.withDescription("USAGE, LEDGER_COMMANDS, LEDGER_JOURNAL, …: `stream list`"),
      Argument.optional,
    ),
    fromSeq: Flag.Int("from-seq").pipe(Flag.withDescription("First message (default: the oldest)"), Flag.optional),
    toSeq: Flag.Int("to-seq").pipe(Flag.withDescription("Last message (default: the newest now)"), Flag.optional),
    fromTime: instant("from-time", "Only what was stored at this instant or later"),
    toTime: instant("to-time", "Only what was stored at this instant or earlier"),
    account: Flag.String("account").pipe(Flag.withDescription("Only what is about this account"), Flag.optional),
    partition: Flag.Int("partition").pipe(Flag.withDescription("Only this partition of the ledger"), Flag.optional),
    rate: Flag.Int("rate").pipe(Flag.withDescription("Messages a second"), Flag.withDefault(200)),
    into: Flag.Literals("into", ["handlers", "shadow"]).pipe(
      Flag.withDescription("The services that read it (a shadow is `projection rebuild`)"),
      Flag.withDefault("handlers" as const),
    ),
    resume: Flag.String("resume").pipe(
      Flag.withMetavar("RUN"),
      Flag.withDescription("Go on with a replay that was stopped"),
      Flag.optional,
    ),
    apply: applyFlag,
    reason: reasonFlag,
  },
  (input) => answering(replay(input)),
).pipe(
  Command.withDescription("Send messages of a stream once more to the services that read it"),
  Command.withExamples([
    { command: "credits stream replay USAGE", description: "Dry run: how much, how old, who would see it" },
    {
      command: 'credits stream replay LEDGER_COMMANDS --from-seq 1000 --to-seq 2000 --apply --reason "ledger restored"',
      description: "A range again: what was applied changes nothing",
    },
    {
      command: "credits stream replay USAGE --account acc_01k9zq --from-time 2026-12-01T00:00:00Z",
      description: "One account's usage of December",
    },
    {
      command: 'credits stream replay --resume 01K9ZQ0000000000000000000 --apply --reason "stopped for the night"',
      description: "Go on where it was stopped",
    },
  ]),
)
