/**
 * What the edge tells notifications of people who sign in: where they are written to. A sign-in does not wait for it
 * and does not fail with it: the next one tells it again.
 */
import { Context, Effect, Layer } from "effect"
import { Notifications } from "./asking.ts"

export class Contacts extends Context.Service<
  Contacts,
  {
    /** Returns at once; what goes wrong is in the log. `name`: null when nobody said one. */
    readonly contact: (accountId: string, email: string, name: string | null) => Effect.Effect<void>
  }
>()("edge/Contacts") {
  static readonly layer = Layer.effect(
    Contacts,
    Effect.gen(function* () {
      const notifications = yield* Notifications
      const scope = yield* Effect.scope
      const tell = Effect.fnUntraced(function* (account: string, email: string, name: string | null) {
        const reply = yield* notifications.ask({ op: "contact", account, email, name }, "command")
        if ("refused" in reply) {
          yield* Effect.logWarning(
            `the contact of ${account} was not taken: ${reply.refused.code}, ${reply.refused.detail}`,
          )
        }
      })
      return Contacts.of({
        contact: (accountId, email, name) => Effect.asVoid(Effect.forkIn(tell(accountId, email, name), scope)),
      })
    }),
  )
}
