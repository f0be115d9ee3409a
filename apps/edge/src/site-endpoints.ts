/** The endpoint that tells the web pages what kind of server this is. */
import { Api } from "@credits/contracts/http"
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { EdgeConfig } from "./config.ts"

export const siteEndpoints = HttpApiBuilder.group(
  Api,
  "site",
  Effect.fnUntraced(function* (handlers) {
    const config = yield* EdgeConfig
    const isProduction = config.mode === "production"
    return handlers.handle("site", () =>
      Effect.succeed({
        mode: config.mode,
        signIn: !isProduction ? ("open" as const) : config.oidc === undefined ? ("none" as const) : ("oidc" as const),
        cardForm: isProduction ? ("stripe" as const) : ("sandbox" as const),
        supportUrl: config.supportUrl ?? null,
      }),
    )
  }),
)
