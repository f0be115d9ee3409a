/**
 * Around everything that is answered, endpoint or not: unknown paths and media types as problems, pages of other
 * origins, headers that keep browsers careful. Owns no meaning.
 */
import { makeProblem, type RateLimited } from "@credits/contracts/http"
import { Effect } from "effect"
import { HttpRouter, HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import { AllowedMethods } from "./allowed-methods.ts"
import { EdgeConfig } from "./config.ts"
import { isForged, isPreflight, isShared, type Origins, PREFLIGHT_HEADERS, sharedHeaders } from "./cross-origin.ts"
import { RateLimits } from "./rate-limits.ts"
import { retryAfterSeconds } from "./refusal.ts"
import { safeHeadersOf } from "./safe-headers.ts"
import { Sessions } from "./sessions.ts"

type Request = HttpServerRequest.HttpServerRequest
type Response = HttpServerResponse.HttpServerResponse

const problemResponse = (problem: { readonly status: number }): Response =>
  HttpServerResponse.jsonUnsafe(problem, { status: problem.status, contentType: "application/problem+json" })

const notFound = problemResponse(makeProblem(404, "not_found", "there is no such endpoint"))
const wrongMedia = problemResponse(makeProblem(415, "unsupported_media_type", "this content type is not taken here"))
const crossOrigin = problemResponse(
  makeProblem(403, "cross_origin", "a page of another origin may not do this with the session of its reader"),
)

const wrongMethod = problemResponse(makeProblem(405, "method_not_allowed", "this address answers other methods"))

/** What never reaches an endpoint is a problem too. `allowed`: the methods of its address. */
const asProblems = <E, R>(next: Effect.Effect<Response, E, R>, allowed: () => ReadonlyArray<string>) =>
  next.pipe(
    Effect.map((response) => (response.status === 415 ? wrongMedia : response)),
    Effect.catch((error) => {
      if (!HttpServerError.isHttpServerError(error) || error.reason._tag !== "RouteNotFound") return Effect.fail(error)
      const methods = allowed()
      return Effect.succeed(
        methods.length === 0 ? notFound : HttpServerResponse.setHeader(wrongMethod, "allow", methods.join(", ")),
      )
    }),
  )

/** Who asks them is counted elsewhere, or is one of ours. */
const UNCOUNTED = /^\/(?:api\/v1\/(?:(?:gateway|webhooks)\/|events$)|healthz$|readyz$|metrics$)/
const SIGN_IN = /^\/api\/(?:auth\/(?:sign-in|callback)|v1\/dev\/sign-in)$/

const tooMany = (problem: RateLimited): Response =>
  HttpServerResponse.setHeader(problemResponse(problem), "retry-after", String(retryAfterSeconds(problem)))

/** Without trusted proxies their one address is everybody's, which an operator should hear once. */
const PROXY_UNTRUSTED =
  "X-Forwarded-For arrives and is not believed: behind a proxy set CREDITS_TRUST_PROXY, or all callers share one budget"

const isStripe = (processor: URL | undefined): boolean => processor?.hostname.endsWith(".stripe.com") ?? false

/** Where the body says what it is and no header does yet. */
const contentTypeOf = ({ body }: Response): string | undefined => ("contentType" in body ? body.contentType : undefined)

/** RFC 9110: a 401 names the scheme. Browsers ask nobody for a bearer, so no page is covered by a dialog. */
const SIGN_IN_BY = { "www-authenticate": "Bearer" }

const pathOf = ({ url }: Request): string => url.split("?", 1)[0]!

export const outerLayer = HttpRouter.middleware(
  Effect.gen(function* () {
    const config = yield* EdgeConfig
    const sessions = yield* Sessions
    const limits = yield* RateLimits
    const methods = yield* AllowedMethods
    const origins: Origins = { own: config.publicUrl?.origin, allowed: new Set(config.allowedOrigins) }
    const isForgedWithCookie = (request: Request): boolean =>
      request.headers["authorization"] === undefined &&
      sessions.cookieOf(request) !== undefined &&
      isForged(request.method, request.headers, origins)

    /** Who only asks what a page may do hears nothing of the address. */
    const allowedFor = ({ method, url }: Request): ReadonlyArray<string> =>
      method === "OPTIONS" ? [] : methods.of(url)

    const safe = safeHeadersOf(config.mode, config.mode === "production" || isStripe(config.processorUrl))
    let isProxyTold = config.trustedProxies > 0 || config.mode !== "production"
    const counted = Effect.fnUntraced(function* (request: Request, path: string) {
      if (!isProxyTold && request.headers["x-forwarded-for"] !== undefined) {
        isProxyTold = true
        yield* Effect.logWarning(PROXY_UNTRUSTED)
      }
      if (UNCOUNTED.test(path)) return
      const address = limits.addressOf(request)
      yield* limits.take("address", address)
      if (SIGN_IN.test(path)) yield* limits.take("signIn", address)
    })

    return (next) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
        const path = pathOf(request)
        const shared = isShared(path) ? sharedHeaders(request.headers, origins) : {}
        if ("vary" in shared && isPreflight(request.method, request.headers)) {
          const allowed = "access-control-allow-origin" in shared ? PREFLIGHT_HEADERS : {}
          return Effect.succeed(HttpServerResponse.empty({ headers: { ...shared, ...allowed } }))
        }
        const answer = Effect.matchEffect(counted(request, path), {
          onFailure: (problem) => Effect.succeed(tooMany(problem)),
          onSuccess: () =>
            isForgedWithCookie(request) ? Effect.succeed(crossOrigin) : asProblems(next, () => allowedFor(request)),
        })
        return Effect.map(answer, (response) =>
          HttpServerResponse.setHeaders(response, {
            ...safe.of(path, { "content-type": contentTypeOf(response), ...response.headers }),
            ...shared,
            ...(response.status === 401 ? SIGN_IN_BY : {}),
          }),
        )
      })
  }),
  { global: true },
)
