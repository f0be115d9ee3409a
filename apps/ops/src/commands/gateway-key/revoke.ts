/** `credits gateway-key revoke ID`: the key is refused from then on. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { answering } from "../../answer.ts"
import { changeOne } from "../../change-one.ts"
import { applyFlag, reasonFlag, requireReason } from "../../changes.ts"
import { findKey, keyJson, keysText } from "../../gateway-keys.ts"
import { askEdge } from "../../paying.ts"
import { System } from "../../system.ts"

interface Input {
  readonly id: string
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

const revoke = ({ id, apply, reason: given }: Input) =>
  Effect.gen(function* () {
    const reason = yield* requireReason(apply, given)
    const system = yield* System
    const bus = yield* system.connect
    const shown = (key: Parameters<typeof keyJson>[0]) => ({ json: keyJson(key), text: keysText([key]) })
    return yield* changeOne({
      command: "gateway-key revoke",
      apply,
      reason,
      input: { id },
      plan: Effect.map(findKey(bus, id), shown),
      perform: Effect.map(askEdge(bus, { op: "gateway-key-revoke", id }), shown),
    })
  })

export const gatewayKeyRevoke = Command.make(
  "revoke",
  {
    id: Argument.String("id").pipe(Argument.withDescription("The key's id, as `gateway-key list` shows it")),
    apply: applyFlag,
    reason: reasonFlag,
  },
  (input) => answering(revoke(input)),
).pipe(
  Command.withDescription("Revoke a gateway's API key at once"),
  Command.withExamples([
    { command: 'credits gateway-key revoke key_01k9zq --apply --reason "leaked"', description: "Revoke it" },
  ]),
)
