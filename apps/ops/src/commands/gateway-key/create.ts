/**
 * `credits gateway-key create NAME`: a key for a model gateway. It is made here and shown once; the edge is told its
 * hash alone, and the audit neither.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { API_KEY_RANDOM_BYTES, formatInstant, hashApiKey, keyPrefixOf, makeApiKey, makeId } from "@credits/kernel"
import { randomBytes } from "node:crypto"
import { answering } from "../../answer.ts"
import { changeOne } from "../../change-one.ts"
import { applyFlag, reasonFlag, requireReason } from "../../changes.ts"
import { usage } from "../../failure.ts"
import { keyJson, keysText } from "../../gateway-keys.ts"
import { askEdge } from "../../paying.ts"
import { System } from "../../system.ts"

const DAY_MS = 86_400_000
const DAYS_MAX = 3650
const NAME = /^(?!\s)[^\p{C}]{1,60}(?<!\s)$/u

interface Input {
  readonly name: string
  readonly days: Option.Option<number>
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

const create = (input: Input) =>
  Effect.gen(function* () {
    const { name, apply } = input
    const reason = yield* requireReason(apply, input.reason)
    if (!NAME.test(name)) return yield* usage("NAME must be 1 to 60 printable characters")
    const days = Option.getOrNull(input.days)
    if (days !== null && (days < 1 || days > DAYS_MAX)) {
      return yield* usage(`--expires-in-days must be 1 to ${DAYS_MAX}`)
    }
    const now = yield* Clock.currentTimeMillis
    const expiresAt = days === null ? null : now + days * DAY_MS
    const key = makeApiKey(randomBytes(API_KEY_RANDOM_BYTES))
    const id = makeId("key", now, randomBytes(10))
    const system = yield* System
    const bus = yield* system.connect
    const request = { op: "gateway-key-create", id, hash: hashApiKey(key), prefix: keyPrefixOf(key), name } as const
    const planned = { name, expiresAt: expiresAt === null ? null : formatInstant(expiresAt) }
    const answer = yield* changeOne({
      command: "gateway-key create",
      apply,
      reason,
      input: planned,
      plan: Effect.succeed({ json: planned, text: `a gateway key ${name}, expires: ${planned.expiresAt ?? "never"}` }),
      perform: Effect.map(askEdge(bus, { ...request, expiresAt }), (made) => ({
        json: keyJson(made),
        text: keysText([made]),
      })),
    })
    if (!apply) return answer
    // After the audit has its rows: the secret is for this screen alone.
    return { ...answer, json: { ...(answer.json as object), key }, text: `${answer.text}\n\n${key}\n(shown this once)` }
  })

export const gatewayKeyCreate = Command.make(
  "create",
  {
    name: Argument.String("name").pipe(Argument.withDescription("What you call it: the gateway's place, for example")),
    days: Flag.Int("expires-in-days").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("Refused after so many days; without it never"),
      Flag.optional,
    ),
    apply: applyFlag,
    reason: reasonFlag,
  },
  (input) => answering(create(input)),
).pipe(
  Command.withDescription("Make an API key for a model gateway; its secret is shown once"),
  Command.withExamples([
    {
      command: 'credits gateway-key create eu-1 --expires-in-days 365 --apply --reason "new region"',
      description: "A key for a year",
    },
  ]),
)
