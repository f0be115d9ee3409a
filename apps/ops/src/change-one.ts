/**
 * Changing one thing by its id, a charge or a case: shown as it is until `--apply`, then changed with a reason and an
 * audit row before and after. Many accounts at once are `changes.ts`.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Answer, remark } from "./answer.ts"
import { Audit } from "./audit.ts"
import type { CommandFailure } from "./failure.ts"

export interface OneChange<R> {
  /** As typed by a person, for the audit: `charge refund`. */
  readonly command: string
  readonly apply: boolean
  readonly reason: string
  /** The rest of the input, for the audit and the JSON document. */
  readonly input: Readonly<Record<string, unknown>>
  /** What is there now; refuses when the change makes no sense. */
  readonly plan: Effect.Effect<Answer, CommandFailure, R>
  readonly perform: Effect.Effect<Answer, CommandFailure, R>
}

const UNKNOWN = "unavailable: no answer came in time, so it may have been done. Look at it before you repeat it"

export const changeOne = <R>(change: OneChange<R>): Effect.Effect<Answer, CommandFailure, R | Audit | Scope.Scope> =>
  Effect.gen(function* () {
    const { apply, reason, input } = change
    const withInput = ({ json, ...answer }: Answer): Answer => ({
      ...answer,
      json: { applied: apply, reason, ...input, after: json },
    })
    const before = yield* change.plan
    if (!apply) {
      yield* remark(`dry run: nothing was changed; add --apply --reason "…" to do it`)
      return { ...before, json: { applied: false, reason, ...input, before: before.json } }
    }
    const audit = yield* Audit
    const run = yield* audit.began(change.command, reason, input)
    const after = yield* change.perform.pipe(
      Effect.tapError((failure) =>
        Effect.andThen(
          run.ended({ error: failure.code, detail: failure.detail }),
          failure.code === "unavailable" ? remark(UNKNOWN) : Effect.void,
        ),
      ),
    )
    yield* run.ended(after.json)
    yield* remark("done")
    return withInput(after)
  })
