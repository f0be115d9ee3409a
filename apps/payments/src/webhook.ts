/**
 * A webhook's own proof (field notes A7): the signature over the raw bytes, with the secret in use or the one before it
 * during a rotation, not too old and not from the future. What it says is not believed, only that something happened.
 * Real time: the processor signs with its own. Owns the check alone.
 */
import { Stripe } from "stripe"

export const WEBHOOK_BYTES_MAX = 256 * 1024
/** Either way: a late delivery is redelivered, a clock that is off by more is mended. */
const TOLERANCE_SECONDS = 300

export type CheckedWebhook =
  | { readonly event: Stripe.Event }
  | { readonly refused: "invalid" | "signature_invalid"; readonly detail: string }

const forged = (detail: string): CheckedWebhook => ({ refused: "signature_invalid", detail })

/** `t=…` of the header. The SDK takes any future one (field notes A1, trap 4). */
const timestampOf = (signature: string): number =>
  Number(/(?:^|,)t=(\d{1,12})(?:,|$)/.exec(signature)?.[1] ?? Number.NaN)

/** @param secrets the one in use first @param realNow milliseconds */
export const checkWebhook = (
  body: Uint8Array,
  signature: string,
  secrets: ReadonlyArray<string>,
  realNow: number,
): CheckedWebhook => {
  if (body.byteLength > WEBHOOK_BYTES_MAX) {
    return { refused: "invalid", detail: `a webhook has at most ${WEBHOOK_BYTES_MAX} bytes` }
  }
  const timestamp = timestampOf(signature)
  if (!(timestamp - realNow / 1_000 <= TOLERANCE_SECONDS)) return forged("the signature has no timestamp of now")
  const isGenuine = secrets.some((secret) => verifies(body, signature, secret, realNow))
  return isGenuine ? readEvent(body) : forged("no secret of ours made this signature for this body now")
}

const verifies = (body: Uint8Array, signature: string, secret: string, realNow: number): boolean => {
  try {
    const { signature: verifier } = Stripe.webhooks
    return verifier?.verifyHeader(body, signature, secret, TOLERANCE_SECONDS, undefined, realNow) ?? false
  } catch {
    // A header that it stumbles over is no better than a wrong one.
    return false
  }
}

const readEvent = (body: Uint8Array): CheckedWebhook => {
  const notAnEvent: CheckedWebhook = { refused: "invalid", detail: "the body is no event" }
  try {
    const event = JSON.parse(Buffer.from(body).toString("utf8")) as Partial<Stripe.Event> | null
    const isEvent = typeof event?.id === "string" && typeof event.type === "string" && event.object === "event"
    return isEvent && typeof event.data?.object === "object" ? { event: event as Stripe.Event } : notAnEvent
  } catch {
    return notAnEvent
  }
}
