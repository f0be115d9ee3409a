/** `credits webhook show WEBHOOK`: an endpoint, how it stands, its newest deliveries. Never its secret. */
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { answering } from "../../answer.ts"
import { askNotifications } from "../../paying.ts"
import { System } from "../../system.ts"
import { deliveriesText, deliveryJson, webhookJson, webhookText } from "../../webhook.ts"

export const webhookArgument = Argument.String("webhook").pipe(Argument.withDescription("Webhook id (whk_…)"))

const show = (webhookId: string) =>
  Effect.gen(function* () {
    const system = yield* System
    const { deliveries, ...view } = yield* askNotifications(yield* system.connect, { op: "webhook-show", webhookId })
    return {
      json: { ...webhookJson(view), deliveries: deliveries.map(deliveryJson) },
      text: `${webhookText(view)}\n\n${deliveriesText(deliveries)}`,
    }
  })

export const webhookShow = Command.make("show", { webhook: webhookArgument }, ({ webhook }) =>
  answering(show(webhook)),
).pipe(
  Command.withDescription("Show a webhook: how it stands, and its newest deliveries"),
  Command.withExamples([
    { command: "credits webhook show whk_01k9zq", description: "The endpoint and its deliveries" },
  ]),
)
