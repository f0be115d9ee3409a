/**
 * Leaving without a failed call: asked to stop, the edge first says that it is not ready, and serves on until those who
 * send it requests have noticed. Owns that moment; closing the server is the platform's.
 */
import { Context, Duration, Effect, Layer } from "effect"
import { EdgeConfig } from "./config.ts"

export class Draining extends Context.Service<
  Draining,
  {
    readonly isDraining: () => boolean
    /** Not ready from now on; ends after `CREDITS_DRAIN_SECONDS`. */
    readonly drain: Effect.Effect<void>
  }
>()("edge/Draining") {
  static readonly layer = Layer.effect(
    Draining,
    Effect.map(EdgeConfig, ({ drainSeconds }) => {
      let isDraining = false
      return Draining.of({
        isDraining: () => isDraining,
        drain: Effect.gen(function* () {
          isDraining = true
          if (drainSeconds === 0) return
          yield* Effect.logInfo(`not ready any more; serving on for ${drainSeconds} s`)
          yield* Effect.sleep(Duration.seconds(drainSeconds))
        }),
      })
    }),
  )
}
