/**
 * Whether there is room for more usage on the volume of the data folder (decision 21). With an embedded NATS its
 * streams are there too. Owns nothing but the question; authorizations are the ledger's to refuse.
 */
import { FreeSpace } from "@credits/store"
import { Context, Effect, Layer } from "effect"
import { EdgeConfig } from "./config.ts"

export class IntakeRoom extends Context.Service<IntakeRoom, FreeSpace>()("edge/IntakeRoom") {
  static readonly layer = Layer.effect(
    IntakeRoom,
    Effect.gen(function* () {
      const { dataDir: folder, freeSpaceMark: mark } = yield* EdgeConfig
      const fork = Effect.runForkWith(yield* Effect.context<never>())
      return yield* Effect.acquireRelease(
        Effect.promise(() =>
          FreeSpace.watch(
            { folder, mark },
            ({ isLow, sentence }) => void fork(isLow ? Effect.logWarning(sentence) : Effect.logInfo(sentence)),
          ),
        ),
        (space) => Effect.sync(() => space.stop()),
      )
    }),
  )
}
