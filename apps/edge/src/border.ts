/**
 * Around every endpoint: bodies are bounded, strict UTF-8; schema errors become 400 naming the field; defects become
 * 500 without their text; every answer is counted. Owns the outer shape of HTTP, no meaning.
 */
import {
  type BadRequest,
  BodyBytesMax,
  Border,
  ClockGate,
  type ContentTooLarge,
  makeProblem,
} from "@credits/contracts/http"
import { ByteSize, Cause, Context, Effect, Layer, type Schema, SchemaIssue } from "effect"
import { HttpEffect, HttpIncomingMessage, HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiError } from "effect/http-api"
import { CurrentTrace } from "@credits/telemetry"
import { AdvancingClock } from "./advancing-clock.ts"
import { EdgeMetrics } from "./metrics.ts"
import { retryAfterSeconds, unavailable } from "./refusal.ts"
import { endRequestSpan, requestSpan, type Endpoint } from "./request-span.ts"

const malformed = (detail: string): BadRequest => makeProblem(400, "malformed_body", detail)
const tooLarge = (limitBytes: number): ContentTooLarge =>
  makeProblem(413, "body_too_large", `a body may have at most ${limitBytes} bytes`, { limitBytes })

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** Reads the body once, within its limit; the endpoint's decoder then reads the cached bytes. */
const checkBody = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest, limitBytes: number) {
  if (Number(request.headers["content-length"] ?? 0) > limitBytes) return yield* Effect.fail(tooLarge(limitBytes))
  const bytes = yield* request.arrayBuffer.pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(limitBytes)),
    Effect.mapError(() => tooLarge(limitBytes)),
  )
  const text = yield* Effect.try({
    try: () => utf8.decode(bytes),
    catch: () => malformed("the body is not UTF-8"),
  })
  if (text.includes("\0")) return yield* Effect.fail(malformed("the body contains NUL"))
})

/** For whoever sent it, who knows the API and no schema library. */
const wordsFor: SchemaIssue.LeafHook = (issue) => {
  if (issue._tag === "UnexpectedKey") return "not a field of this request"
  return issue._tag === "MissingKey" ? "missing" : SchemaIssue.defaultLeafHook(issue)
}

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1({ leafHook: wordsFor })

const pathText = (path: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined): string =>
  (path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join(".")

/** Whether the field at the first issue is one the schema does not know. */
const hasUnexpectedKey = (issue: SchemaIssue.Issue): boolean => {
  switch (issue._tag) {
    case "UnexpectedKey":
      return true
    case "InvalidType":
      return issue.ast._tag === "Never"
    case "Pointer":
    case "Encoding":
    case "Filter":
      return hasUnexpectedKey(issue.issue)
    case "Composite":
    case "AnyOf":
      return issue.issues.some(hasUnexpectedKey)
    default:
      return false
  }
}

const NOT_JSON = "Expected a valid JSON body"
/** As many as a person reads; a body may have thousands of wrong fields. */
const ISSUES_MAX = 10

/** 400 of a request that its schema refuses: every field that is wrong, the first one also as `field`. */
export const schemaProblem = (error: Schema.SchemaError): BadRequest => {
  const { issues } = formatIssues(error.issue)
  if (issues.some((issue) => issue.message === NOT_JSON)) return malformed("the body is not JSON")
  const errors = issues.slice(0, ISSUES_MAX).map((issue) => ({ field: pathText(issue.path), detail: issue.message }))
  const first = errors[0] ?? { field: "", detail: "the request is not valid" }
  const code = hasUnexpectedKey(error.issue) ? "unknown_field" : "invalid_request"
  const detail = first.field === "" ? first.detail : `${first.field}: ${first.detail}`
  return makeProblem(400, code, detail, { field: first.field, errors })
}

const internalError = () => makeProblem(500, "internal_error", "something went wrong here; it has been logged")

/** A 503 and a 429 always say when to come back. */
const sayWhenToComeBack = (problem: { readonly retryAfterMs?: number }) =>
  HttpEffect.appendPreResponseHandler((_request, response) =>
    Effect.succeed(HttpServerResponse.setHeader(response, "retry-after", String(retryAfterSeconds(problem)))),
  )

export const borderLayer = Layer.effect(
  Border,
  Effect.gen(function* () {
    const metrics = yield* EdgeMetrics
    return Border.of((next, { endpoint, group }) => {
      const name = `${group.identifier}.${endpoint.identifier}`
      const limitBytes = Context.get(endpoint.annotations, BodyBytesMax)
      const hasBody = endpoint.method === "POST" || endpoint.method === "PUT" || endpoint.method === "PATCH"
      const { method, path } = endpoint
      const told: Endpoint = { method, path, name, isGateway: group.identifier === "gateway" }
      return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
        const started = performance.now()
        const span = requestSpan(told, request.headers["traceparent"])
        const answered = (status: number): void => {
          metrics.requestAnswered(name, status, performance.now() - started)
          if (span !== undefined) endRequestSpan(span, status)
        }
        const checked = hasBody ? checkBody(request, limitBytes) : Effect.void
        const answer = Effect.andThen(checked, next).pipe(
          Effect.catch((error) =>
            HttpApiError.HttpApiSchemaError.is(error)
              ? error.kind === "Body" || error.kind === "ResponseHeaders"
                ? Effect.die(error)
                : Effect.fail(schemaProblem(error.cause))
              : Effect.fail(error),
          ),
          Effect.catchDefect((defect) =>
            Effect.andThen(
              Effect.logError(`${name} failed: ${Cause.pretty(Cause.die(defect))}`),
              Effect.fail(internalError()),
            ),
          ),
          Effect.tap((response) => Effect.sync(() => answered(response.status))),
          Effect.tapError((error) => {
            const problem = error as { readonly status?: number; readonly retryAfterMs?: number }
            answered(problem.status ?? 500)
            return problem.status === 503 || problem.status === 429 ? sayWhenToComeBack(problem) : Effect.void
          }),
        )
        return span === undefined ? answer : Effect.provideService(answer, CurrentTrace, span.context)
      })
    })
  }),
)

/** Decision 16: nothing from outside happens in a moment that is being skipped. */
export const clockGateLayer = Layer.effect(
  ClockGate,
  Effect.gen(function* () {
    const clock = yield* AdvancingClock
    return ClockGate.of((next) =>
      Effect.gen(function* () {
        if (clock.isAdvancing()) {
          return yield* Effect.fail(unavailable("clock_advancing", "the business clock is being advanced; ask again"))
        }
        return yield* next
      }),
    )
  }),
)
