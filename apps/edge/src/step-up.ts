/**
 * Proving anew who one is before what a stolen session would be used for (D1 #5): another card, more automatic charges,
 * keys. Asks for nothing in development and sandbox, where anybody signs in as anybody: there is nothing to prove.
 */
import { Customer, makeProblem, type StepUpRequired, type WrongScope } from "@credits/contracts/http"
import { Context, Effect, Layer } from "effect"
import { personsAccount } from "./auth.ts"
import { EdgeConfig } from "./config.ts"

/** Long enough to finish what one began, short enough that a browser left open is worth little. */
export const STEP_UP_AGE_MS = 10 * 60_000

/** Whether a proof of `authenticatedAt` still counts. A credential that does not say when proves nothing. */
export const isRecent = (authenticatedAt: number | null, now: number): boolean =>
  authenticatedAt !== null && now - authenticatedAt <= STEP_UP_AGE_MS

export class StepUp extends Context.Service<
  StepUp,
  {
    readonly isNeeded: Effect.Effect<boolean, never, Customer>
    /** Fails unless the person proved who they are lately. `returnTo`: where they go on after that. */
    readonly require: (what: string, returnTo: string) => Effect.Effect<void, StepUpRequired, Customer>
    /** The account of a person who did. */
    readonly account: (what: string, returnTo: string) => Effect.Effect<string, StepUpRequired | WrongScope, Customer>
  }
>()("edge/StepUp") {
  static readonly layer = Layer.effect(
    StepUp,
    Effect.gen(function* () {
      const config = yield* EdgeConfig
      const isNeeded = Effect.map(
        Customer,
        ({ authenticatedAt }) => config.mode === "production" && !isRecent(authenticatedAt, Date.now()),
      )
      const problemOf = (what: string, returnTo: string): StepUpRequired =>
        makeProblem(403, "step_up_required", `sign in again to ${what}`, {
          signInUrl:
            config.oidc === undefined ? null : `/api/auth/sign-in?stepUp=1&returnTo=${encodeURIComponent(returnTo)}`,
        })
      const require = (what: string, returnTo: string) =>
        Effect.flatMap(isNeeded, (needed) => (needed ? Effect.fail(problemOf(what, returnTo)) : Effect.void))
      return StepUp.of({
        isNeeded,
        require,
        account: (what, returnTo) => Effect.tap(personsAccount(what), () => require(what, returnTo)),
      })
    }),
  )
}
