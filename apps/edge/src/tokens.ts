/**
 * Access tokens (JWT). Outside production the edge signs its own with a key kept in the data folder; in production it
 * only checks those of the configured issuer. Always with issuer, audience, algorithm and required claims.
 */
import { randomBytes } from "node:crypto"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import {
  createRemoteJWKSet,
  customFetch,
  type FetchImplementation,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
  SignJWT,
} from "jose"
import { Context, Data, Effect, Layer } from "effect"
import { EdgeConfig, type TokenIssuer } from "./config.ts"
import type { Person } from "./session-table.ts"

export const OWN_ISSUER = "open-design-credits"
export const OWN_AUDIENCE = "open-design-credits"
/** A working day and a half: a demo left open overnight still works. */
export const TOKEN_LIFE_SECONDS = 36 * 3600
/** 256 bits, what HS256 asks for. */
const KEY_BYTES = 32
const OWN_ALGORITHM = "HS256"
/** Public-key algorithms only: with a shared secret anyone who can check a token could make one. */
const ISSUER_ALGORITHMS = ["EdDSA", "ES256", "ES384", "RS256", "PS256"]
const CLOCK_TOLERANCE_SECONDS = 5
/** However far its `exp`: an access token that lives longer than a day is one nobody can take back. */
const ISSUED_AGE_MAX_SECONDS = 24 * 3600
/**
 * An access token by RFC 9068, or a plain one of an issuer that does not know that name; none is a plain one too.
 * Tokens made for something else (logout, security events, proofs) have names of their own.
 */
const TYPES = new Set(["at+jwt", "jwt"])
/** What jose does by itself, written down: an unknown key id fetches at most once in this time, whoever sends it. */
const KEYS_COOLDOWN_MS = 30_000
const KEYS_KEPT_MS = 10 * 60_000
const KEYS_TIMEOUT_MS = 5_000
/** An issuer that does not answer is not asked again at once, by every request that waits for it. */
const KEYS_PAUSE_MS = 2_000

/** The keys of the issuer cannot be fetched: nobody is refused for that, they are asked to come back. */
export class TokenKeysUnavailable extends Data.TaggedError("TokenKeysUnavailable")<{ readonly detail: string }> {}

/** What jose said about a token; stays in this file. */
class TokenRefused extends Data.TaggedError("TokenRefused")<{
  readonly code: string | undefined
  readonly detail: string
}> {}

/** What a good token says. */
export interface Verified {
  readonly subject: string
  /** When the person proved who they are, milliseconds since 1970; null when the token does not say. */
  readonly authenticatedAt: number | null
  /** Null when the token says nothing of them. */
  readonly person: Person | null
}

export interface SignedToken {
  readonly token: string
  /** Milliseconds since 1970, real time (never the business clock: a credential does not age in an advance). */
  readonly expiresAt: number
}

/** Reads the signing key, making it on the first start. Readable by the owner only. */
const ownKey = async (dataDir: string): Promise<Uint8Array> => {
  const file = join(dataDir, "edge", "token.key")
  await mkdir(join(dataDir, "edge"), { recursive: true, mode: 0o700 })
  await writeFile(file, randomBytes(KEY_BYTES), { flag: "wx", mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error
  })
  const key = await readFile(file)
  if (key.length !== KEY_BYTES)
    throw new Error(`${file} is not a key of ${KEY_BYTES} bytes; delete it to make a new one`)
  return key
}

/** Errors of fetching keys; every other error is the token's. */
const KEY_ERRORS = new Set(["ERR_JWKS_TIMEOUT", "ERR_JOSE_GENERIC"])

const SUBJECT_LENGTH_MAX = 256

const verifiedOf = ({ sub, auth_time, email, name }: JWTPayload): Verified | null => {
  if (typeof sub !== "string" || sub.length === 0 || sub.length > SUBJECT_LENGTH_MAX) return null
  const person = typeof email === "string" ? { email, name: typeof name === "string" ? name : "" } : null
  return { subject: sub, authenticatedAt: typeof auth_time === "number" ? auth_time * 1000 : null, person }
}

const isAccessToken = (typ: unknown): boolean =>
  typ === undefined || (typeof typ === "string" && TYPES.has(typ.toLowerCase().replace(/^application\//, "")))

interface Checked {
  readonly issuer: string
  readonly audience: string
  readonly algorithms: ReadonlyArray<string>
  readonly ageMaxSeconds: number
}

const check = (
  key: Uint8Array | JWTVerifyGetKey,
  { issuer, audience, algorithms, ageMaxSeconds }: Checked,
  token: string,
): Effect.Effect<Verified | null, TokenKeysUnavailable> =>
  Effect.tryPromise({
    try: async () => {
      const options = {
        issuer,
        audience,
        algorithms: [...algorithms],
        requiredClaims: ["sub", "exp", "iat"],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        maxTokenAge: ageMaxSeconds,
      }
      const { payload, protectedHeader } = await (typeof key === "function"
        ? jwtVerify(token, key, options)
        : jwtVerify(token, key, options))
      return isAccessToken(protectedHeader.typ) ? verifiedOf(payload) : null
    },
    catch: (cause) => new TokenRefused({ code: (cause as { readonly code?: string }).code, detail: String(cause) }),
  }).pipe(
    Effect.catch(({ code, detail }) =>
      code === undefined || KEY_ERRORS.has(code)
        ? Effect.fail(new TokenKeysUnavailable({ detail }))
        : Effect.succeed(null),
    ),
  )

export class Tokens extends Context.Service<
  Tokens,
  {
    /** What a good token says, null for any other text. */
    readonly verify: (token: string) => Effect.Effect<Verified | null, TokenKeysUnavailable>
    /** Issuer of the subjects that `verify` gives. */
    readonly issuer: string
    /** Undefined in production. */
    readonly sign: ((subject: string) => Effect.Effect<SignedToken>) | undefined
  }
>()("edge/Tokens") {
  static readonly layer = Layer.effect(
    Tokens,
    Effect.gen(function* () {
      const config = yield* EdgeConfig
      return config.tokenIssuer === undefined ? yield* ownTokens(config.dataDir) : issuedTokens(config.tokenIssuer)
    }),
  )
}

const OWN: Checked = {
  issuer: OWN_ISSUER,
  audience: OWN_AUDIENCE,
  algorithms: [OWN_ALGORITHM],
  ageMaxSeconds: TOKEN_LIFE_SECONDS,
}

const ownTokens = (dataDir: string) =>
  Effect.map(
    Effect.promise(() => ownKey(dataDir)),
    (key) =>
      Tokens.of({
        issuer: OWN_ISSUER,
        verify: (token) => check(key, OWN, token),
        sign: (subject) =>
          Effect.promise(async () => {
            const issuedAt = Math.floor(Date.now() / 1000)
            const token = await new SignJWT({})
              .setProtectedHeader({ alg: OWN_ALGORITHM, typ: "JWT" })
              .setIssuer(OWN_ISSUER)
              .setAudience(OWN_AUDIENCE)
              .setSubject(subject)
              .setIssuedAt(issuedAt)
              .setExpirationTime(issuedAt + TOKEN_LIFE_SECONDS)
              .sign(key)
            return { token, expiresAt: (issuedAt + TOKEN_LIFE_SECONDS) * 1000 }
          }),
      }),
  )

/** Fetching keys, with a pause after a failure: requests that come meanwhile get the same failure. */
const pausingFetch = (): FetchImplementation => {
  let failed: { readonly until: number; readonly error: unknown } | null = null
  return async (url, options) => {
    if (failed !== null && Date.now() < failed.until) throw failed.error
    try {
      const response = await fetch(url, options)
      if (!response.ok) throw new Error(`the issuer's keys: HTTP ${response.status}`)
      failed = null
      return response
    } catch (error) {
      failed = { until: Date.now() + KEYS_PAUSE_MS, error }
      throw error
    }
  }
}

const issuedTokens = ({ issuer, audience, jwksUrl }: TokenIssuer) => {
  const keys = createRemoteJWKSet(jwksUrl, {
    cooldownDuration: KEYS_COOLDOWN_MS,
    cacheMaxAge: KEYS_KEPT_MS,
    timeoutDuration: KEYS_TIMEOUT_MS,
    [customFetch]: pausingFetch(),
  })
  const checked: Checked = {
    issuer,
    audience,
    algorithms: ISSUER_ALGORITHMS,
    ageMaxSeconds: ISSUED_AGE_MAX_SECONDS,
  }
  return Tokens.of({
    issuer,
    verify: (token) => check(keys, checked, token),
    sign: undefined,
  })
}
