/**
 * Pages of other origins. Pure. Owns two decisions: which of them may read answers with the browser's cookie (CORS,
 * configured origins only), and which requests that a cookie authorises did not come from a page of ours (CSRF).
 */

export interface Origins {
  /** Origin of the address that browsers know this server by; undefined: whatever host they asked for. */
  readonly own: string | undefined
  readonly allowed: ReadonlySet<string>
}

type Headers = Readonly<Record<string, string | undefined>>

const SAFE = new Set(["GET", "HEAD", "OPTIONS"])

const isOwn = (origin: string, host: string | undefined, own: string | undefined): boolean =>
  own === undefined ? /^https?:\/\//.test(origin) && origin.replace(/^https?:\/\//, "") === host : origin === own

/**
 * Whether a request that a cookie authorises may have been sent by another site's page in its reader's name. Every
 * browser of the last years says where a request comes from in `Sec-Fetch-Site`, older ones name the `Origin` of every
 * unsafe request, and neither can be set by a page. A request with neither is a program's, which chose to send the
 * cookie: it passes, so scripts need no token. SameSite=Lax stays the first fence; this one also stops pages of other
 * hosts of the same site.
 */
export const isForged = (method: string, headers: Headers, { own, allowed }: Origins): boolean => {
  if (SAFE.has(method)) return false
  const { origin, host, "sec-fetch-site": site } = headers
  if (site === "same-origin" || site === "none") return false
  const isKnown = origin !== undefined && (allowed.has(origin) || isOwn(origin, host, own))
  if (site !== undefined) return !(site === "same-site" && isKnown)
  return origin !== undefined && !isKnown
}

/** What customers' pages read. Gateways, the processor and the development tools are no business of a page. */
const SHARED = /^\/api\/(?:auth\/|v1\/(?!dev\/|gateway\/|webhooks\/))/

export const isShared = (path: string): boolean => SHARED.test(path)

/** Of every answer on a shared path: caches must not give one origin's answer to another. */
export const sharedHeaders = (headers: Headers, { allowed }: Origins): Readonly<Record<string, string>> => {
  if (allowed.size === 0) return {}
  const { origin } = headers
  if (origin === undefined || !allowed.has(origin)) return { vary: "Origin" }
  return {
    vary: "Origin",
    "access-control-allow-origin": origin,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "Retry-After, Content-Disposition",
  }
}

export const isPreflight = (method: string, headers: Headers): boolean =>
  method === "OPTIONS" && headers["origin"] !== undefined && headers["access-control-request-method"] !== undefined

/** What an allowed page may send; ten minutes is what browsers remember at most everywhere. */
export const PREFLIGHT_HEADERS = {
  "access-control-allow-methods": "GET, POST, PUT, DELETE",
  "access-control-allow-headers": "Authorization, Content-Type, Idempotency-Key, Last-Event-ID",
  "access-control-max-age": "600",
} as const
