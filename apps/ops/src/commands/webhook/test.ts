/** `credits webhook test WEBHOOK`: sends a `ping` now and shows what came back. Exit 1 when it did not arrive. */
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { answering } from "../../answer.ts"
import { EXIT } from "../../failure.ts"
import { askNotifications } from "../../paying.ts"
import { System } from "../../system.ts"
import { webhookArgument } from "./show.ts"

const test = (webhookId: string) =>
  Effect.gen(function* () {
    const system = yield* System
    const answer = yield* askNotifications(yield* system.connect, { op: "webhook-test", webhookId })
    const { delivered, detail, tookMs } = answer
    return {
      json: { webhookId, ...answer },
      text: `${delivered ? "delivered" : "not delivered"} in ${tookMs} ms: ${detail}`,
      exit: delivered ? EXIT.ok : EXIT.failed,
    }
  })

export const webhookTest = Command.make("test", { webhook: webhookArgument }, ({ webhook }) =>
  answering(test(webhook)),
).pipe(
  Command.withDescription("Send a ping to a webhook and show its answer"),
  Command.withExamples([{ command: "credits webhook test whk_01k9zq", description: "Does it arrive?" }]),
)
