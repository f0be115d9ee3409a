/**
 * Operators' questions about gateways' keys and customers' sessions, on the bus (`edge.request.<op>`). Decodes, calls
 * the store, encodes. Every edge answers, over one database: making a key again and revoking it again change nothing.
 */
import { Bus, requestDecoder, serveScoped } from "@credits/bus"
import { type EdgeOperation, type GatewayKeyView, type SessionView, SUBJECTS } from "@credits/contracts"
import { Effect, Layer, Schema } from "effect"
import { EdgeStore } from "./store.ts"

const KeyId = Schema.String.check(Schema.isPattern(/^key_[0-9A-Za-z]{1,40}$/))
const Account = Schema.String.check(Schema.isPattern(/^acc_[0-9A-Za-z]{1,40}$/))
const Instant = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 253_402_300_799_999 }))

const decode = requestDecoder<EdgeOperation>("edge", {
  "gateway-key-create": Schema.Struct({
    op: Schema.Literal("gateway-key-create"),
    id: KeyId,
    hash: Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/)),
    prefix: Schema.String.check(Schema.isPattern(/^wk_live_[0-9a-z]{4}$/)),
    name: Schema.String.check(Schema.isPattern(/^(?!\s)[^\p{C}]{1,60}(?<!\s)$/u)),
    expiresAt: Schema.NullOr(Instant),
  }),
  "gateway-key-list": Schema.Struct({ op: Schema.Literal("gateway-key-list") }),
  "gateway-key-revoke": Schema.Struct({ op: Schema.Literal("gateway-key-revoke"), id: KeyId }),
  "session-list": Schema.Struct({ op: Schema.Literal("session-list"), account: Account }),
  "session-end": Schema.Struct({ op: Schema.Literal("session-end"), account: Account }),
})

const ok = (value: unknown) => ({ ok: value })
const unknownKey = { refused: { code: "not_found", detail: "there is no such gateway key" } } as const
const away = { refused: { code: "unavailable", detail: "the edge's database does not answer" } } as const

export const gatewayKeyBorder = Layer.effectDiscard(
  Effect.gen(function* () {
    const { connection } = yield* Bus
    const store = yield* EdgeStore
    const context = yield* Effect.context()

    const keyOf = (id: string) =>
      Effect.map(store.gatewayKeys, (keys): GatewayKeyView | undefined => keys.find((key) => key.id === id))

    const answerTo = Effect.fnUntraced(function* (request: EdgeOperation) {
      if (request.op === "gateway-key-list") return ok({ items: yield* store.gatewayKeys })
      if (request.op === "gateway-key-create") {
        const { hash, op: _, ...key } = request
        yield* store.addKey(hash, { ...key, scope: "gateway", account: null }, Date.now())
        return ok(yield* keyOf(key.id))
      }
      if (request.op === "session-list" || request.op === "session-end") {
        const sessions = yield* store.sessionsOf(request.account, Date.now())
        if (request.op === "session-end") yield* store.endSessionsOf(request.account)
        return ok({ items: sessions.map(({ account: _, ...session }): SessionView => session) })
      }
      const key = yield* keyOf(request.id)
      if (key === undefined) return unknownKey
      yield* store.revokeGatewayKey(request.id, Date.now())
      return ok(key)
    })
    const run = Effect.runPromiseWith(context)
    const answer = (op: string, text: string): Promise<string> => {
      const decoded = decode(op, text)
      if ("refused" in decoded) return Promise.resolve(JSON.stringify(decoded))
      return run(
        answerTo(decoded.request).pipe(
          Effect.catch(() => Effect.succeed(away)),
          Effect.map((reply) => JSON.stringify(reply)),
        ),
      )
    }
    const subject = SUBJECTS.edgeRequest("*")
    const opOf = (from: string) => from.slice(SUBJECTS.edgeRequest("").length)
    yield* serveScoped(connection, subject, (text, message) => answer(opOf(message.subject), text))
  }),
)
