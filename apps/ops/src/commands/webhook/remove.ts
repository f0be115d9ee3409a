/** `credits webhook remove WEBHOOK`: nothing more is sent to it; its record stays. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import { answering } from "../../answer.ts"
import { changeOne } from "../../change-one.ts"
import { applyFlag, reasonFlag, requireReason } from "../../changes.ts"
import { askNotifications } from "../../paying.ts"
import { System } from "../../system.ts"
import { webhookJson, webhookText } from "../../webhook.ts"
import { webhookArgument } from "./show.ts"

interface Input {
  readonly webhook: string
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

const remove = ({ webhook: webhookId, apply, reason: given }: Input) =>
  Effect.gen(function* () {
    const reason = yield* requireReason(apply, given)
    const system = yield* System
    const bus = yield* system.connect
    return yield* changeOne({
      command: "webhook remove",
      apply,
      reason,
      input: { webhookId },
      plan: Effect.map(askNotifications(bus, { op: "webhook-show", webhookId }), ({ deliveries: _, ...view }) => ({
        json: webhookJson(view),
        text: webhookText(view),
      })),
      perform: Effect.map(askNotifications(bus, { op: "webhook-remove", webhookId }), (view) => ({
        json: webhookJson(view),
        text: webhookText(view),
      })),
    })
  })

export const webhookRemove = Command.make(
  "remove",
  { webhook: webhookArgument, apply: applyFlag, reason: reasonFlag },
  (input) => answering(remove(input)),
).pipe(
  Command.withDescription("Remove a webhook; what waits for it is given up"),
  Command.withExamples([
    {
      command: 'credits webhook remove whk_01k9zq --apply --reason "the receiver is gone"',
      description: "Remove it",
    },
  ]),
)
