/**
 * Which dead letters a command is about, and what those that decide about letters share: the flags, the audit of whole
 * letters, one line a letter, one exit code for all.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import type { BusHandle } from "@credits/bus"
import type { Answer } from "../../answer.ts"
import { remark } from "../../answer.ts"
import { Audit } from "../../audit.ts"
import { applyFlag, reasonFlag, requireReason } from "../../changes.ts"
import { matchingLetters, type StoredLetter } from "../../dead-letters.ts"
import { EXIT, notFound, usage, type CommandFailure, type ExitCode } from "../../failure.ts"
import { System } from "../../system.ts"
import { table } from "../../table.ts"

export const selectionFlags = {
  seqs: Argument.Int("seq").pipe(
    Argument.withDescription("SEQ of `dlq list`; several are done in the stream's order"),
    Argument.variadic({ min: 0 }),
  ),
  reasonCode: Flag.String("reason-code").pipe(
    Flag.withMetavar("CODE"),
    Flag.withDescription("All letters with this reason: model_unknown, …"),
    Flag.optional,
  ),
  service: Flag.String("service").pipe(Flag.withDescription("Of those, only this service's"), Flag.optional),
  all: Flag.Boolean("all").pipe(Flag.withDescription("All letters there are"), Flag.withDefault(false)),
  apply: applyFlag,
  reason: reasonFlag,
} as const

export interface Selection {
  readonly seqs: ReadonlyArray<number>
  readonly reasonCode: Option.Option<string>
  readonly service: Option.Option<string>
  readonly all: boolean
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

/** Whole letters in one row of the audit: a letter is at most a message. */
const LETTERS_PER_AUDIT_ROW = 20

const isSelected =
  ({ seqs, reasonCode, service }: Selection) =>
  ({ seq, letter }: StoredLetter): boolean =>
    (seqs.length === 0 || seqs.includes(seq)) &&
    (Option.isNone(reasonCode) || letter.reason === reasonCode.value) &&
    (Option.isNone(service) || letter.service === service.value)

const selected = (bus: BusHandle, selection: Selection) =>
  Effect.gen(function* () {
    const { seqs, reasonCode, all, service } = selection
    const ways = [seqs.length > 0, Option.isSome(reasonCode), all].filter(Boolean).length
    if (ways !== 1 || (seqs.length > 0 && Option.isSome(service))) {
      return yield* usage("say which letters: SEQ…, or --reason-code CODE, or --all", "`credits dlq list` shows them")
    }
    const found = yield* matchingLetters(bus, isSelected(selection))
    const missing = seqs.filter((seq) => !found.some((each) => each.seq === seq))
    if (missing.length > 0) return yield* notFound(`no dead letter ${missing.join(", ")}`, "`credits dlq list`")
    return found
  })

/** What is to become of one letter. */
export interface Verdict {
  readonly stored: StoredLetter
  /** `planned`: would be done; `kept`: is left where it is, and why. */
  readonly status: "planned" | "done" | "kept" | "failed"
  readonly note: string
  /** More for the JSON document. */
  readonly more?: Readonly<Record<string, unknown>>
}

export interface Deciding<R> {
  /** As typed by a person: `dlq redrive`. */
  readonly command: string
  /** `kept` ones are not performed. */
  readonly plan: (bus: BusHandle, stored: StoredLetter) => Effect.Effect<Verdict, CommandFailure, R>
  readonly perform: (bus: BusHandle, stored: StoredLetter) => Effect.Effect<Verdict, CommandFailure, R>
}

const exitOf = (verdicts: ReadonlyArray<Verdict>): ExitCode => {
  const bad = verdicts.filter(({ status }) => status === "failed" || status === "kept").length
  if (bad === 0) return EXIT.ok
  return bad < verdicts.length ? EXIT.partly : EXIT.failed
}

const jsonOf = ({ stored: { seq, letter }, status, note, more }: Verdict) => ({
  seq,
  id: letter.id,
  service: letter.service,
  reason: letter.reason,
  account: letter.account,
  status,
  note,
  ...more,
})

const answerOf = (selection: Selection, reason: string, verdicts: ReadonlyArray<Verdict>): Answer => ({
  json: { applied: selection.apply, reason, items: verdicts.map(jsonOf) },
  text:
    verdicts.length === 0
      ? "no such dead letters"
      : table(
          [
            { title: "SEQ", align: "right" },
            { title: "STATUS" },
            { title: "SERVICE" },
            { title: "REASON" },
            { title: "NOTE" },
          ],
          verdicts.map(({ stored: { seq, letter }, status, note }) => [
            seq,
            status,
            letter.service,
            letter.reason,
            note,
          ]),
        ),
  exit: exitOf(verdicts),
})

const failedOf = (stored: StoredLetter) => (failure: CommandFailure) =>
  Effect.succeed<Verdict>({ stored, status: "failed", note: `${failure.code}: ${failure.detail}` })

/** A letter after the other, in the order of the stream; the audit has each of them whole before it is touched. */
export const decideLetters = <R>({ command, plan, perform }: Deciding<R>, selection: Selection) =>
  Effect.gen(function* () {
    const reason = yield* requireReason(selection.apply, selection.reason)
    const system = yield* System
    const audit = yield* Audit
    const bus = yield* system.connect
    const letters = yield* selected(bus, selection)
    const verdicts: Array<Verdict> = []
    for (let from = 0; from < letters.length; from += LETTERS_PER_AUDIT_ROW) {
      const some = letters.slice(from, from + LETTERS_PER_AUDIT_ROW)
      const planned = yield* Effect.forEach(some, (stored) => plan(bus, stored).pipe(Effect.catch(failedOf(stored))))
      const doable = planned.filter(({ status }) => status === "planned").map(({ stored }) => stored)
      if (!selection.apply || doable.length === 0) {
        verdicts.push(...planned)
        continue
      }
      const run = yield* audit.began(command, reason, { letters: doable })
      const done = yield* Effect.forEach(doable, (stored) => perform(bus, stored).pipe(Effect.catch(failedOf(stored))))
      yield* run.ended({ items: done.map(jsonOf) })
      verdicts.push(...planned.map((each) => done.find(({ stored }) => stored === each.stored) ?? each))
    }
    const count = (status: Verdict["status"]): number => verdicts.filter((each) => each.status === status).length
    const kept = count("kept") === 0 ? "" : `, kept: ${count("kept")}`
    const failures = count("failed") === 0 ? "" : `, failed: ${count("failed")}`
    yield* remark(
      selection.apply
        ? `done: ${count("done")} of ${verdicts.length}${kept}${failures}`
        : `dry run: nothing was changed; add --apply --reason "…" to do it`,
    )
    return answerOf(selection, reason, verdicts)
  })
