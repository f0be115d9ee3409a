/**
 * Around everything that is answered, endpoint or not: unknown paths and media types as problems, pages of other
 * origins, headers that keep browsers careful. Owns no meaning.
 */
import { makeProblem } from "@credits/contracts/http"
import { Effect } from "effect"
import { HttpRouter, HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import { EdgeConfig } from "./config.ts"
import { isForged, isPreflight, isShared, type Origins, PREFLIGHT_HEADERS, sharedHeaders } from "./cross-origin.ts"
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

/** What never reaches an endpoint is a problem too. */
const asProblems = <E, R>(next: Effect.Effect<Response, E, R>) =>
  next.pipe(
    Effect.map((response) => (response.status === 415 ? wrongMedia : response)),
    Effect.catch((error) =>
      HttpServerError.isHttpServerError(error) && error.reason._tag === "RouteNotFound"
        ? Effect.succeed(notFound)
        : Effect.fail(error),
    ),
  )

/** Wallets are nobody's to keep, and a body is what its content type says. */
const withSafeHeaders = (response: Response): Response =>
  HttpServerResponse.setHeaders(response, {
    "cache-control": response.headers["cache-control"] ?? "no-store",
    "x-content-type-options": "nosniff",
  })

const pathOf = ({ url }: Request): string => url.split("?", 1)[0]!

export const outerLayer = HttpRouter.middleware(
  Effect.gen(function* () {
    const config = yield* EdgeConfig
    const sessions = yield* Sessions
    const origins: Origins = { own: config.publicUrl?.origin, allowed: new Set(config.allowedOrigins) }
    const isForgedWithCookie = (request: Request): boolean =>
      request.headers["authorization"] === undefined &&
      sessions.cookieOf(request) !== undefined &&
      isForged(request.method, request.headers, origins)

    return (next) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
        const shared = isShared(pathOf(request)) ? sharedHeaders(request.headers, origins) : {}
        if ("vary" in shared && isPreflight(request.method, request.headers)) {
          const allowed = "access-control-allow-origin" in shared ? PREFLIGHT_HEADERS : {}
          return Effect.succeed(HttpServerResponse.empty({ headers: { ...shared, ...allowed } }))
        }
        const answer = isForgedWithCookie(request) ? Effect.succeed(crossOrigin) : asProblems(next)
        return Effect.map(answer, (response) => withSafeHeaders(HttpServerResponse.setHeaders(response, shared)))
      })
  }),
  { global: true },
)
