/**
 * `credits top`: the running system, live. On a terminal it redraws each second until `q`; elsewhere, with `--once` or
 * `--json`, it prints one picture; `--json --every N` prints one line of JSON every N seconds. Reads only.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { BusHandle } from "@credits/bus"
import { answering, Json, type Answer } from "../answer.ts"
import { usage } from "../failure.ts"
import { System } from "../system.ts"
import { pictureOf, type Picture } from "../top/picture.ts"
import { sample, type Sample } from "../top/sample.ts"
import { openScreen } from "../top/screen.ts"
import { pictureText } from "../top/text.ts"

const EVERY_MS = 1_000
const EVERY_SECONDS_MAX = 3_600

interface Input {
  readonly once: boolean
  readonly every: Option.Option<number>
}

const answerOf = (picture: Picture): Answer => ({ json: picture, text: pictureText(picture) })

/** Each picture has the rates since the one before; the first needs a moment to have any. */
const pictures = <R>(
  bus: BusHandle,
  dataDir: string,
  everyMs: number,
  show: (picture: Picture) => Effect.Effect<void, never, R>,
): Effect.Effect<never, never, R> =>
  Effect.gen(function* () {
    let before: Sample = yield* sample(bus, dataDir)
    yield* show(pictureOf(null, before))
    for (;;) {
      yield* Effect.sleep(everyMs)
      const now = yield* sample(bus, dataDir)
      yield* show(pictureOf(before, now))
      before = now
    }
  })

const one = (bus: BusHandle, dataDir: string) =>
  Effect.gen(function* () {
    const before = yield* sample(bus, dataDir)
    yield* Effect.sleep(EVERY_MS)
    return answerOf(pictureOf(before, yield* sample(bus, dataDir)))
  })

const live = (bus: BusHandle, dataDir: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const screen = yield* openScreen
      const isColoured = (process.env["NO_COLOR"] ?? "") === ""
      let last: Picture | null = null
      yield* Effect.raceFirst(
        screen.quit,
        pictures(bus, dataDir, EVERY_MS, (picture) => {
          last = picture
          return screen.draw(`${pictureText(picture, isColoured)}\n\nq ends`)
        }),
      )
      return last as Picture | null
    }),
  )

const top = ({ once, every }: Input) =>
  Effect.gen(function* () {
    const json = yield* Json
    if (Option.isSome(every) && (!json || once)) return yield* usage("--every goes with --json, and without --once")
    if (Option.isSome(every) && (every.value < 1 || every.value > EVERY_SECONDS_MAX)) {
      return yield* usage(`--every must be 1 to ${EVERY_SECONDS_MAX} seconds`)
    }
    const system = yield* System
    const { dataDir } = yield* system.config
    const bus = yield* system.connect
    if (Option.isSome(every)) {
      return yield* pictures(bus, dataDir, every.value * 1000, (picture) => Console.log(JSON.stringify(picture)))
    }
    if (json || once || process.stdout.isTTY !== true) return yield* one(bus, dataDir)
    const last = yield* live(bus, dataDir)
    return last === null ? yield* one(bus, dataDir) : answerOf(last)
  })

export const topCommand = Command.make(
  "top",
  {
    once: Flag.Boolean("once").pipe(Flag.withDescription("One picture, also on a terminal"), Flag.withDefault(false)),
    every: Flag.Int("every").pipe(
      Flag.withMetavar("SECONDS"),
      Flag.withDescription("With --json: one line of JSON each, until Ctrl-C"),
      Flag.optional,
    ),
  },
  (input) => answering(top(input)),
).pipe(
  Command.withDescription("Watch the system live: owners, lags, rates, holds, charges in doubt, streams, disk"),
  Command.withExamples([
    { command: "credits top", description: "Live on a terminal; q ends it" },
    { command: "credits top --once", description: "One picture" },
    { command: "credits top --json --every 10", description: "A line of JSON every ten seconds, for a file" },
  ]),
)
