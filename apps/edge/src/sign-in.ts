/**
 * A sign-in on its way: what the browser keeps between leaving for the issuer and coming back. Pure. It holds nothing
 * that the browser may not know or change: who signed in and when is only what the issuer's answer says, and that
 * answer must fit `state`, `nonce` and the proof of the code exchange (PKCE).
 */

export interface SignInFlow {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly returnTo: string
  /** The person has to prove anew who they are, whatever the issuer remembers of them. */
  readonly isStepUp: boolean
  /** Milliseconds since 1970. */
  readonly startedAt: number
}

/** Long enough for a forgotten password. */
export const SIGN_IN_LIFE_MS = 20 * 60_000
/** Clocks of issuer and edge. */
const TOLERANCE_MS = 60_000

export const encodeFlow = (flow: SignInFlow): string => Buffer.from(JSON.stringify(flow)).toString("base64url")

/** Null for anything that is no flow, or one that began too long ago. */
export const decodeFlow = (text: string | undefined, now: number): SignInFlow | null => {
  if (text === undefined || text.length > 4096) return null
  try {
    const flow = JSON.parse(Buffer.from(text, "base64url").toString()) as Partial<SignInFlow>
    const { state, nonce, verifier, returnTo, isStepUp, startedAt } = flow
    const texts = [state, nonce, verifier, returnTo]
    if (!texts.every((value) => typeof value === "string" && value !== "")) return null
    if (typeof isStepUp !== "boolean" || typeof startedAt !== "number") return null
    return startedAt <= now && now < startedAt + SIGN_IN_LIFE_MS ? (flow as SignInFlow) : null
  } catch {
    return null
  }
}

/** Seconds that may have passed since the person proved who they are, for a step-up that began at `startedAt`. */
export const proofAgeMaxSeconds = ({ startedAt }: SignInFlow, now: number): number =>
  Math.ceil((now - startedAt + TOLERANCE_MS) / 1000)

export const HOME = "/wallet"
/** A path of this server and nothing that a browser could read as another one: no host, no scheme, no backslash. */
const OWN_PATH = /^\/(?![/\\])[^\\\p{C}\s]{0,500}$/u

/** Where a person goes after signing in; anything that is not a path of ours is the wallet. */
export const returnPathOf = (asked: string | null | undefined): string => {
  if (asked === null || asked === undefined || !OWN_PATH.test(asked)) return HOME
  const url = URL.parse(asked, "https://own.invalid")
  return url === null || url.origin !== "https://own.invalid" || url.pathname.startsWith("/api/")
    ? HOME
    : url.pathname + url.search + url.hash
}

/** A page of a few words: what went wrong, and the way to try again. */
export const signInPage = (title: string, detail: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width"></head>
<body><main><h1>${title}</h1><p>${detail}</p><p><a href="/api/auth/sign-in">Sign in</a></p></main></body></html>
`
