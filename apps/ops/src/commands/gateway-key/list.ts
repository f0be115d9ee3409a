/** `credits gateway-key list`: gateways' API keys that were not revoked, newest first. */
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { answering } from "../../answer.ts"
import { keyJson, keysText } from "../../gateway-keys.ts"
import { askEdge } from "../../paying.ts"
import { System } from "../../system.ts"

const list = Effect.gen(function* () {
  const system = yield* System
  const { items } = yield* askEdge(yield* system.connect, { op: "gateway-key-list" })
  return { json: { items: items.map(keyJson) }, text: keysText(items) }
})

export const gatewayKeyList = Command.make("list", {}, () => answering(list)).pipe(
  Command.withDescription("List gateways' API keys: how they begin, when they expire, when they were used last"),
  Command.withExamples([{ command: "credits gateway-key list", description: "All of them" }]),
)
