/** W3C trace context: what of an incoming `traceparent` may be passed on. Pure. */

const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** The header when it is one, else undefined: what a customer sends is only ever passed on whole. */
export const traceparentOf = (header: string | ReadonlyArray<string> | undefined): string | undefined =>
  typeof header === "string" && TRACEPARENT.test(header) ? header : undefined
