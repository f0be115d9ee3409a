/** Control keys of an account (contract section 2): made, listed and revoked by a person, never by a control key. */
import { Api, type BadRequest, CONTROL_KEYS_MAX, KEY_DAYS_MAX, makeProblem } from "@credits/contracts/http"
import {
  API_KEY_PREFIX,
  API_KEY_RANDOM_BYTES,
  formatInstant,
  hashApiKey,
  keyPrefixOf,
  makeApiKey,
  makeId,
  parseInstant,
} from "@credits/kernel"
import { randomBytes } from "node:crypto"
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { personsAccount } from "./auth.ts"
import { unavailable } from "./refusal.ts"
import type { ListedKey } from "./key-table.ts"
import { StepUp } from "./step-up.ts"
import { EdgeStore } from "./store.ts"
import type { EdgeStoreUnavailable } from "./store-answer.ts"

const DAY_MS = 86_400_000
const MANAGE = "manage control keys"
const manager = personsAccount(MANAGE)

const comeBack = (_: EdgeStoreUnavailable) => Effect.fail(unavailable("unavailable", "keys cannot be read right now"))

const momentOf = (at: number | null): string | null => (at === null ? null : formatInstant(at))

const keyView = ({ id, name, prefix, createdAt, expiresAt, lastUsedAt }: ListedKey) => ({
  id,
  name,
  prefix: prefix ?? API_KEY_PREFIX,
  createdAt: formatInstant(createdAt),
  expiresAt: momentOf(expiresAt),
  lastUsedAt: momentOf(lastUsedAt),
})

const wrongExpiry = (detail: string) => {
  const field = "expiresAt"
  return makeProblem(400, "invalid_request", `${field}: ${detail}`, { field, errors: [{ field, detail }] })
}

/** When a new key ends, null for never; or what is wrong with it. */
const expiryOf = (
  { expiresAt, expiresInDays }: { readonly expiresAt?: string; readonly expiresInDays?: number },
  now: number,
): Effect.Effect<number | null, BadRequest> => {
  if (expiresAt === undefined) return Effect.succeed(expiresInDays === undefined ? null : now + expiresInDays * DAY_MS)
  if (expiresInDays !== undefined) return Effect.fail(wrongExpiry("give either expiresAt or expiresInDays, not both"))
  const at = parseInstant(expiresAt)
  if (at === null) return Effect.fail(wrongExpiry("there is no such instant"))
  return at > now && at <= now + KEY_DAYS_MAX * DAY_MS
    ? Effect.succeed(at)
    : Effect.fail(wrongExpiry(`must lie in the future, at most ${KEY_DAYS_MAX} days from now`))
}

export const controlKeyEndpoints = HttpApiBuilder.group(
  Api,
  "controlKeys",
  Effect.fn(function* (handlers) {
    const store = yield* EdgeStore
    const stepUp = yield* StepUp
    return handlers.handleAll({
      list: Effect.fnUntraced(function* () {
        const keys = yield* store.keysOf(yield* manager).pipe(Effect.catch(comeBack))
        return { items: keys.map(keyView), nextCursor: null }
      }),
      create: Effect.fnUntraced(function* ({ payload }) {
        const account = yield* stepUp.account(MANAGE, "/wallet")
        const createdAt = Date.now()
        const expiresAt = yield* expiryOf(payload, createdAt)
        const keys = yield* store.keysOf(account).pipe(Effect.catch(comeBack))
        if (keys.length >= CONTROL_KEYS_MAX) {
          const detail = `an account has at most ${CONTROL_KEYS_MAX} control keys; delete one first`
          return yield* Effect.fail(makeProblem(400, "invalid_request", detail))
        }
        const key = makeApiKey(randomBytes(API_KEY_RANDOM_BYTES))
        const { name } = payload
        const prefix = keyPrefixOf(key)
        const id = makeId("key", createdAt, randomBytes(10))
        yield* store
          .addKey(hashApiKey(key), { id, scope: "control", account, name, prefix, expiresAt }, createdAt)
          .pipe(Effect.catch(comeBack))
        return { ...keyView({ id, name, prefix, createdAt, expiresAt, lastUsedAt: null }), key }
      }),
      revoke: Effect.fnUntraced(function* ({ params: { keyId } }) {
        const account = yield* manager
        const isRevoked = yield* store.revokeKey(account, keyId, Date.now()).pipe(Effect.catch(comeBack))
        if (!isRevoked) return yield* Effect.fail(makeProblem(404, "not_found", "the account has no such control key"))
      }),
    })
  }),
)
