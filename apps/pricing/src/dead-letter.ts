/**
 * What pricing could not use, as rows and messages. Owns their ids and that they are safe to store everywhere.
 * A dead letter's id is its place in the stream, so making it again after a crash changes nothing.
 */
import { STREAMS, type DeadLetter } from "@credits/contracts"

/** Longest payload kept: a whole usage message in base64 must fit into one message again. */
const PAYLOAD_MAX = 640 * 1024
const DETAIL_MAX = 300

/** Postgres stores no NUL, logs show no control characters: neither may come from a caller into `detail`. */
const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, "?").slice(0, DETAIL_MAX)

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** A message as text, or null when it is not UTF-8. */
export const textOf = (body: Uint8Array): string | null => {
  try {
    return utf8.decode(body)
  } catch {
    return null
  }
}

/** The original as text; base64 when it is not UTF-8 or holds a NUL; cut when it could not be published again. */
const payloadText = (body: string | Uint8Array): string => {
  const plain = typeof body === "string" && !body.includes("\0")
  const text = plain ? body : `base64:${Buffer.from(body).toString("base64")}`
  return text.length <= PAYLOAD_MAX ? text : text.slice(0, PAYLOAD_MAX)
}

/** `body`: the event itself, or the message when no event could be told apart. */
export const deadLetterOf = (
  seq: number,
  index: number,
  reason: string,
  detail: string,
  account: string | null,
  at: number,
  body: string | Uint8Array,
  stream: string = STREAMS.usage.name,
): DeadLetter => ({
  v: 1,
  id: `pricing.${stream}.${seq}.${index}`,
  service: "pricing",
  reason,
  detail: printable(detail),
  origin: { stream, seq, index },
  account,
  at,
  payload: payloadText(body),
})
