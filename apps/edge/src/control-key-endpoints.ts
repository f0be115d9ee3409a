/** Control keys of an account (contract section 2): made, listed and revoked by a person, never by a control key. */
import { Api, CONTROL_KEYS_MAX, makeProblem } from "@credits/contracts/http"
import { formatInstant, makeId } from "@credits/kernel"
import { randomBytes } from "node:crypto"
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { API_KEY_RANDOM_BYTES, hashApiKey, makeApiKey } from "./api-key.ts"
import { personsAccount } from "./auth.ts"
import { unavailable } from "./refusal.ts"
import { EdgeStore, type EdgeStoreUnavailable, type ListedKey } from "./store.ts"

const manager = personsAccount("manage control keys")

const comeBack = (_: EdgeStoreUnavailable) => Effect.fail(unavailable("unavailable", "keys cannot be read right now"))

const keyView = ({ id, name, createdAt }: ListedKey) => ({ id, name, createdAt: formatInstant(createdAt) })

export const controlKeyEndpoints = HttpApiBuilder.group(
  Api,
  "controlKeys",
  Effect.fn(function* (handlers) {
    const store = yield* EdgeStore
    return handlers.handleAll({
      list: Effect.fnUntraced(function* () {
        const keys = yield* store.keysOf(yield* manager).pipe(Effect.catch(comeBack))
        return { items: keys.map(keyView), nextCursor: null }
      }),
      create: Effect.fnUntraced(function* ({ payload: { name } }) {
        const account = yield* manager
        const keys = yield* store.keysOf(account).pipe(Effect.catch(comeBack))
        if (keys.length >= CONTROL_KEYS_MAX) {
          const detail = `an account has at most ${CONTROL_KEYS_MAX} control keys; delete one first`
          return yield* Effect.fail(makeProblem(400, "invalid_request", detail))
        }
        const key = makeApiKey(randomBytes(API_KEY_RANDOM_BYTES))
        const createdAt = Date.now()
        const id = makeId("key", createdAt, randomBytes(10))
        yield* store
          .addKey(hashApiKey(key), { id, scope: "control", account, name }, createdAt)
          .pipe(Effect.catch(comeBack))
        return { ...keyView({ id, name, createdAt }), key }
      }),
      revoke: Effect.fnUntraced(function* ({ params: { keyId } }) {
        const account = yield* manager
        const isRevoked = yield* store.revokeKey(account, keyId, Date.now()).pipe(Effect.catch(comeBack))
        if (!isRevoked) return yield* Effect.fail(makeProblem(404, "not_found", "the account has no such control key"))
      }),
    })
  }),
)
