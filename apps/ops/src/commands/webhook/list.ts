/** `credits webhook list`: every endpoint there is or was, newest first, also those the system has disabled. */
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { answering } from "../../answer.ts"
import { askNotifications } from "../../paying.ts"
import { System } from "../../system.ts"
import { webhookJson, webhooksText } from "../../webhook.ts"

const list = Effect.gen(function* () {
  const system = yield* System
  const { items } = yield* askNotifications(yield* system.connect, { op: "webhook-list" })
  return { json: { items: items.map(webhookJson) }, text: webhooksText(items) }
})

export const webhookList = Command.make("list", {}, () => answering(list)).pipe(
  Command.withDescription("List webhooks, with what was delivered and why one is disabled"),
  Command.withExamples([{ command: "credits webhook list", description: "All webhooks" }]),
)
