/**
 * Whose credential a customer showed a model gateway, on the bus (`edge.caller`) and for the endpoint of gateways that
 * speak HTTP. Owns the question; what a credential is belongs to `auth.ts`. Every edge answers, over one database.
 */
import { Bus, requestDecoder, serveScoped } from "@credits/bus"
import { type CallerQuestion, type CallerReply, CREDENTIAL_LENGTH_MAX, SUBJECTS } from "@credits/contracts"
import { Effect, Layer, Schema } from "effect"
import { Credentials } from "./auth.ts"

const decode = requestDecoder<CallerQuestion>("edge", {
  caller: Schema.Struct({
    op: Schema.Literal("caller"),
    credential: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(CREDENTIAL_LENGTH_MAX)),
  }),
})

const refused = (code: "auth_required" | "unavailable", detail: string): CallerReply => ({ refused: { code, detail } })

/** The account behind a credential, or why there is none. A gateway's own key is nobody's. */
export const callerAnswer = Effect.fnUntraced(function* (credential: string) {
  const credentials = yield* Credentials
  return yield* credentials.callerOfBearer(credential).pipe(
    Effect.map((caller): CallerReply =>
      caller.kind === "customer"
        ? { ok: { accountId: caller.accountId } }
        : refused("auth_required", "a gateway's key has no account; use an access token or a control key"),
    ),
    Effect.catch((problem) =>
      Effect.succeed(refused(problem.status === 401 ? "auth_required" : "unavailable", problem.detail)),
    ),
  )
})

export const callerBorder = Layer.effectDiscard(
  Effect.gen(function* () {
    const { connection } = yield* Bus
    const run = Effect.runPromiseWith(yield* Effect.context<Credentials>())
    yield* serveScoped(connection, SUBJECTS.edgeCaller, (text) => {
      const decoded = decode("caller", text)
      if ("refused" in decoded) return JSON.stringify(decoded)
      return run(Effect.map(callerAnswer(decoded.request.credential), (reply) => JSON.stringify(reply)))
    })
  }),
)
