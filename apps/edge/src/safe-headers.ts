/**
 * Headers that keep browsers careful, on every answer. Pure. Owns what a page of ours may load and do; a page that
 * needs something else says so itself (receipts) or has its own line here (`/docs`).
 */
import type { Mode } from "./config.ts"

const STRIPE = { script: "https://js.stripe.com", frames: "https://js.stripe.com https://hooks.stripe.com" }

/** Of everything that is no page: nothing in it is ever to be run or framed. */
const NO_PAGE = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
const NOWHERE = "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

/** Styles come from files alone: our pages have no style attributes, and Stripe's live in its own frame. */
const pagePolicy = (withStripe: boolean): string =>
  [
    "default-src 'self'",
    `script-src 'self'${withStripe ? ` ${STRIPE.script}` : ""}`,
    `frame-src ${withStripe ? STRIPE.frames : "'none'"}`,
    `connect-src 'self'${withStripe ? " https://api.stripe.com" : ""}`,
    "style-src 'self'",
    "img-src 'self' data:",
    NOWHERE,
  ].join("; ")

/** The API's reference page carries its program and styles in itself; it shows nothing that anybody else wrote. */
const DOCS = `default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; ${NOWHERE}`

/** Two years; whether other hosts of the domain speak HTTPS is not ours to say. */
const HSTS = "max-age=63072000"

export interface SafeHeaders {
  /** Of an answer on `path` with this content type and these headers of its own. */
  readonly of: (path: string, headers: Readonly<Record<string, string | undefined>>) => Record<string, string>
}

export const safeHeadersOf = (mode: Mode, withStripe: boolean): SafeHeaders => {
  const page = pagePolicy(withStripe)
  const payment = `payment=(self${withStripe ? ` "${STRIPE.script}"` : ""})`
  const always = {
    "x-content-type-options": "nosniff",
    // Same origin, not none: with none, browsers call the origin of our own forms "null".
    "referrer-policy": "same-origin",
    "permissions-policy": `camera=(), microphone=(), geolocation=(), ${payment}`,
    ...(mode === "production" ? { "strict-transport-security": HSTS } : {}),
  }
  return {
    of: (path, headers) => ({
      ...always,
      // Wallets are nobody's to keep.
      "cache-control": headers["cache-control"] ?? "no-store",
      "content-security-policy":
        headers["content-security-policy"] ??
        (headers["content-type"]?.startsWith("text/html") ? (path === "/docs" ? DOCS : page) : NO_PAGE),
    }),
  }
}
