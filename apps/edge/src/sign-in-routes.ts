/**
 * Signing in with a browser (production): off to the issuer, back with its answer, a session in exchange. Pages, not an
 * API: answers are redirects, and a few words where it went wrong. Where nobody is signed in here both are 404.
 */
import { makeProblem } from "@credits/contracts/http"
import { Duration, Effect } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Credentials } from "./auth.ts"
import { type Authenticated, IdentityProvider, type SignInFailed } from "./identity-provider.ts"
import { decodeFlow, encodeFlow, returnPathOf, SIGN_IN_LIFE_MS, signInPage, type SignInFlow } from "./sign-in.ts"
import { looksLikeSession } from "./session.ts"
import { Sessions } from "./sessions.ts"
import { accountSignedIn } from "./signed-in.ts"
import { Contacts } from "./notifications.ts"
import { EdgeStore } from "./store.ts"
import { Tokens } from "./tokens.ts"

type Request = HttpServerRequest.HttpServerRequest

const FLOW_COOKIE = "__Host-credits_sign_in"
const FLOW_COOKIE_OPTIONS = { httpOnly: true, secure: true, sameSite: "lax", path: "/" } as const

const page = (status: number, title: string, detail: string) =>
  HttpServerResponse.text(signInPage(title, detail), {
    status,
    contentType: "text/html; charset=utf-8",
    ...(status === 503 ? { headers: { "retry-after": "5" } } : {}),
  })

const later = page(503, "Signing in is not possible right now", "Nothing was changed. Try again in a moment.")
const notSignedIn = page(400, "You are not signed in", "The sign-in was not completed, or it took too long.")
const somebodyElse = page(
  403,
  "That was somebody else",
  "Sign in as the person whose wallet is open, or sign out first.",
)

const absent = HttpServerResponse.jsonUnsafe(
  makeProblem(404, "not_found", "nobody is signed in here; programs use tokens and keys"),
  { status: 404, contentType: "application/problem+json" },
)

const failedPage = ({ reason, detail }: SignInFailed) =>
  Effect.as(Effect.logWarning(`sign-in ${reason}: ${detail}`), reason === "refused" ? notSignedIn : later)

const queryOf = ({ url }: Request): URLSearchParams => new URLSearchParams(url.split("?")[1] ?? "")

const routes = Effect.gen(function* () {
  const provider = yield* IdentityProvider
  const credentials = yield* Credentials
  const sessions = yield* Sessions
  const store = yield* EdgeStore
  const contacts = yield* Contacts
  const tokens = yield* Tokens

  /** The account whose session the browser has now. */
  const accountBefore = Effect.fnUntraced(function* (request: Request) {
    const secret = sessions.cookieOf(request)
    if (secret === undefined || !looksLikeSession(secret)) return null
    return (yield* sessions.find(secret))?.account ?? null
  })

  const welcome = Effect.fnUntraced(function* (request: Request, flow: SignInFlow, who: Authenticated) {
    const accountId = yield* credentials.accountOfSubject(`${tokens.issuer}|${who.subject}`)
    const before = yield* accountBefore(request)
    // A step-up is the same person's: another one would act in the wallet that is open in the browser.
    if (flow.isStepUp && before !== null && before !== accountId) return somebodyElse
    yield* accountSignedIn({ accountId, ...who.person }).pipe(
      Effect.provideService(EdgeStore, store),
      Effect.provideService(Contacts, contacts),
    )
    const secret = yield* sessions.begin(accountId, who.authenticatedAt, sessions.cookieOf(request))
    return sessions.withCookie(HttpServerResponse.redirect(flow.returnTo), secret)
  })

  const leave = Effect.fnUntraced(function* (request: Request) {
    if (provider.signIn === undefined) return absent
    const query = queryOf(request)
    const returnTo = returnPathOf(query.get("returnTo"))
    return yield* provider.signIn.begin(returnTo, query.get("stepUp") === "1", Date.now()).pipe(
      Effect.map(({ url, flow }) =>
        HttpServerResponse.setCookieUnsafe(HttpServerResponse.redirect(url), FLOW_COOKIE, encodeFlow(flow), {
          ...FLOW_COOKIE_OPTIONS,
          maxAge: Duration.millis(SIGN_IN_LIFE_MS),
        }),
      ),
      Effect.catch(failedPage),
    )
  })

  const comeBack = Effect.fnUntraced(function* (request: Request) {
    if (provider.signIn === undefined) return absent
    const flow = decodeFlow(request.cookies[FLOW_COOKIE], Date.now())
    if (flow === null) return notSignedIn
    const answer = yield* provider.signIn.finish(queryOf(request).toString(), flow, Date.now()).pipe(
      Effect.flatMap((who) => welcome(request, flow, who)),
      Effect.catch((error) => ("reason" in error ? failedPage(error) : Effect.succeed(later))),
    )
    return HttpServerResponse.expireCookieUnsafe(answer, FLOW_COOKIE, FLOW_COOKIE_OPTIONS)
  })
  return { leave, comeBack }
})

export const signInRoutes = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { leave, comeBack } = yield* routes
    yield* router.add("GET", "/api/auth/sign-in", Effect.flatMap(HttpServerRequest.HttpServerRequest, leave))
    yield* router.add("GET", "/api/auth/callback", Effect.flatMap(HttpServerRequest.HttpServerRequest, comeBack))
  }),
)
