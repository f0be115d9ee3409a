/**
 * `credits projection verify|rebuild NAME`: counted anew beside the live one and compared; rebuilt also puts it in its
 * place. The service that owns the tables does it.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { answering, remark, type Answer } from "../../answer.ts"
import { Audit } from "../../audit.ts"
import { applyFlag, reasonFlag, requireReason } from "../../changes.ts"
import { EXIT, usage } from "../../failure.ts"
import { projectionOf, RATE, rebuildText, runRebuild } from "../../projections.ts"
import { System } from "../../system.ts"

const RATE_MAX = 10_000_000

interface Input {
  readonly name: string
  readonly rate: number
}

const prepare = ({ name, rate }: Input) =>
  Effect.gen(function* () {
    const projection = yield* projectionOf(name)
    if (rate < 1 || rate > RATE_MAX) return yield* usage(`--rate must be from 1 to ${RATE_MAX}`)
    return { projection, bus: yield* (yield* System).connect }
  })

const verify = (input: Input) =>
  Effect.gen(function* () {
    const { projection, bus } = yield* prepare(input)
    const state = yield* runRebuild(bus, projection, false, input.rate)
    const ok = state.comparison?.differing === 0
    if (!ok) yield* remark(`mend it with: credits projection rebuild ${input.name} --apply --reason "…"`)
    return { json: { ok, ...state }, text: rebuildText(state), exit: ok ? EXIT.ok : EXIT.failed } satisfies Answer
  })

const rebuild = (input: Input & { readonly apply: boolean; readonly reason: Option.Option<string> }) =>
  Effect.gen(function* () {
    const reason = yield* requireReason(input.apply, input.reason)
    const { projection, bus } = yield* prepare(input)
    if (!input.apply) {
      const state = yield* runRebuild(bus, projection, false, input.rate)
      yield* remark('dry run: nothing was put in its place; add --apply --reason "…" to do it')
      return { json: { applied: false, ...state }, text: rebuildText(state) } satisfies Answer
    }
    const audit = yield* Audit
    const run = yield* audit.began("projection rebuild", reason, { name: input.name, rate: input.rate })
    const state = yield* runRebuild(bus, projection, true, input.rate).pipe(
      Effect.tapError(({ code, detail }) => run.ended({ error: code, detail })),
    )
    yield* run.ended(state)
    return { json: { applied: true, reason, ...state }, text: rebuildText(state) } satisfies Answer
  })

const nameArgument = Argument.String("name").pipe(Argument.withDescription("As `credits projection list` names it"))
const rateFlag = Flag.Int("rate").pipe(
  Flag.withMetavar("COUNT"),
  Flag.withDescription(`Entries read a second at most (default: ${RATE})`),
  Flag.withDefault(RATE),
)

export const projectionVerify = Command.make("verify", { name: nameArgument, rate: rateFlag }, (input) =>
  answering(verify(input)),
).pipe(
  Command.withDescription(
    "Count a projection anew beside the live one and compare; exit code 1 when something differs",
  ),
  Command.withExamples([{ command: "credits projection verify usage", description: "Are the usage tables right?" }]),
)

export const projectionRebuild = Command.make(
  "rebuild",
  { name: nameArgument, rate: rateFlag, apply: applyFlag, reason: reasonFlag },
  (input) => answering(rebuild(input)),
).pipe(
  Command.withDescription("Count a projection anew beside the live one, compare, and put it in its place"),
  Command.withExamples([
    { command: "credits projection rebuild usage", description: "Dry run: what would change?" },
    {
      command: 'credits projection rebuild usage --apply --reason "ticket 4820: rows lost"',
      description: "Do it; interrupted, the same command goes on where it was",
    },
  ]),
)
