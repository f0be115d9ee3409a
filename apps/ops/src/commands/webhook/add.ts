/** `credits webhook add URL`: a new endpoint for outgoing webhooks. Its secret is printed once, and never audited. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { makeId } from "@credits/kernel"
import { WEBHOOK_EVENTS } from "@credits/contracts"
import { randomBytes } from "node:crypto"
import { answering, type Answer } from "../../answer.ts"
import { changeOne } from "../../change-one.ts"
import { applyFlag, reasonFlag, requireReason } from "../../changes.ts"
import { usage } from "../../failure.ts"
import { askNotifications } from "../../paying.ts"
import { System } from "../../system.ts"
import { webhookJson, webhookText } from "../../webhook.ts"

interface Input {
  readonly url: string
  readonly events: Option.Option<string>
  readonly description: string
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

const KINDS: ReadonlySet<string> = new Set(WEBHOOK_EVENTS.filter((event) => event !== "ping"))

/** null: all. */
const eventsOf = (text: Option.Option<string>) => {
  if (Option.isNone(text)) return Effect.succeed(null)
  const events = text.value.split(",").map((event) => event.trim())
  const unknown = events.find((event) => !KINDS.has(event))
  if (unknown === undefined) return Effect.succeed(events)
  return Effect.fail(usage(`--events: there is no ${JSON.stringify(unknown)}`, `There are: ${[...KINDS].join(", ")}`))
}

const add = (input: Input) =>
  Effect.gen(function* () {
    const { url, description, apply } = input
    const reason = yield* requireReason(apply, input.reason)
    const events = yield* eventsOf(input.events)
    if (!URL.canParse(url)) return yield* usage(`${JSON.stringify(url)} is no URL`)
    const webhookId = makeId("whk", yield* Clock.currentTimeMillis, randomBytes(10))
    const system = yield* System
    const bus = yield* system.connect
    const wanted = { url, description, events }
    let secret = ""
    const answer: Answer = yield* changeOne({
      command: "webhook add",
      apply,
      reason,
      input: wanted,
      plan: Effect.succeed({ json: null, text: `${url} would be told ${events?.join(", ") ?? "everything"}` }),
      perform: askNotifications(bus, {
        op: "webhook-add",
        id: webhookId,
        url,
        description,
        ...(events === null ? {} : { events }),
      }).pipe(
        Effect.map(({ secret: made, ...view }) => {
          secret = made
          return { json: webhookJson(view), text: webhookText(view) }
        }),
      ),
    })
    // After the audit row: that keeps what was done, not what signs.
    if (secret === "") return answer
    return {
      ...answer,
      json: { ...(answer.json as object), secret },
      text: `${answer.text}\n\nsecret, shown this once: ${secret}`,
    }
  })

export const webhookAdd = Command.make(
  "add",
  {
    url: Argument.String("url").pipe(
      Argument.withDescription("Where it is sent: https, in production a public address"),
    ),
    events: Flag.String("events").pipe(
      Flag.withMetavar("KINDS"),
      Flag.withDescription("Only these kinds, comma-separated; without it all"),
      Flag.optional,
    ),
    description: Flag.String("description").pipe(
      Flag.withMetavar("TEXT"),
      Flag.withDescription("Whose it is"),
      Flag.withDefault(""),
    ),
    apply: applyFlag,
    reason: reasonFlag,
  },
  (input) => answering(add(input)),
).pipe(
  Command.withDescription("Add a webhook: signed by the Standard Webhooks convention; the secret is shown once"),
  Command.withExamples([
    {
      command: 'credits webhook add https://example.com/hooks --events payment.failed --apply --reason "dunning desk"',
      description: "Tell it of failed payments",
    },
  ]),
)
