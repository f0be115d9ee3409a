/**
 * Webhooks leave here, signed by the Standard Webhooks convention. Owns the request (15 s, no redirect, in production
 * only https to public addresses, looked at when the name is resolved) and what its answer means; when it is tried
 * again is `attempt.ts`. The same message again has the same `webhook-id`.
 */
import { lookup, type LookupAddress, type LookupAllOptions } from "node:dns"
import { request as plainRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from "node:http"
import { request as tlsRequest } from "node:https"
import type { LookupFunction } from "node:net"
import { Webhook } from "standardwebhooks"
import type { SendOutcome } from "./attempt.ts"
import { isPublicAddress, urlRefusal } from "./webhook-address.ts"

export interface WebhookMessage {
  /** `webhook-id`: stable over all attempts, what receivers tell repeats by. */
  readonly id: string
  readonly type: string
  /** When it happened. */
  readonly timestamp: string
  readonly data: Readonly<Record<string, unknown>>
}

export interface WebhookTarget {
  readonly url: string
  readonly secret: string
}

export interface WebhookSent {
  readonly outcome: SendOutcome
  readonly status: number | null
}

export interface WebhookChannel {
  /** Never rejects. `at`: real time, signed with the message. */
  readonly send: (message: WebhookMessage, target: WebhookTarget, at: number, stop: AbortSignal) => Promise<WebhookSent>
}

export const WEBHOOK_TIMEOUT_MS = 15_000
/** For people who look at what an endpoint answered. */
const ANSWER_BYTES_MAX = 300
const GONE = 410

/** As `dns.lookup`. */
export type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  done: (error: Error | null, addresses: Array<LookupAddress>) => void,
) => void

/** Connects to none but public addresses: all that a name has are looked at, and one of those is used. */
const publicOnly =
  (resolve: Resolve): LookupFunction =>
  (hostname, options, done) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, "", 0)
      const first = addresses[0]
      if (first === undefined || !addresses.every(({ address }) => isPublicAddress(address))) {
        return done(new Error(`${hostname} resolves to an address that is not public`), "", 0)
      }
      if (options.all === true) return done(null, addresses)
      done(null, first.address, first.family)
    })
  }

const answerText = async (answer: IncomingMessage): Promise<string> => {
  const parts: Array<Buffer> = []
  let bytes = 0
  for await (const part of answer) {
    parts.push(part as Buffer)
    bytes += (part as Buffer).length
    if (bytes >= ANSWER_BYTES_MAX) break
  }
  const text = Buffer.concat(parts).subarray(0, ANSWER_BYTES_MAX).toString()
  return text.replaceAll(/[\p{C}\s]+/gu, " ").trim()
}

const outcomeOf = (status: number, text: string): SendOutcome => {
  const detail = text === "" ? `HTTP ${status}` : `HTTP ${status}: ${text}`
  if (status >= 200 && status < 300) return { kind: "sent", detail }
  return status === GONE ? { kind: "refused", gone: true, detail } : { kind: "failed", detail }
}

const post = (url: URL, body: string, options: RequestOptions): Promise<IncomingMessage> =>
  new Promise((done, failed) => {
    const send = url.protocol === "https:" ? tlsRequest : plainRequest
    const request: ClientRequest = send(url, { ...options, method: "POST" }, done)
    request.on("error", failed)
    request.end(body)
  })

export interface WebhookChannelOptions {
  readonly isProduction: boolean
  readonly timeoutMs?: number
  readonly resolve?: Resolve
}

export const webhookChannel = ({
  isProduction,
  timeoutMs = WEBHOOK_TIMEOUT_MS,
  resolve = lookup,
}: WebhookChannelOptions): WebhookChannel => ({
  send: async ({ id, type, timestamp, data }, { url, secret }, at, stop) => {
    const failed = (detail: string): WebhookSent => ({ outcome: { kind: "failed", detail }, status: null })
    const refusal = urlRefusal(url, isProduction)
    if (refusal !== null) return failed(`the URL ${refusal}`)
    const body = JSON.stringify({ type, timestamp, data })
    // The convention counts whole seconds; the header and what is signed are the same ones.
    const signedAt = new Date(Math.floor(at / 1_000) * 1_000)
    try {
      const headers = {
        "content-type": "application/json",
        "content-length": String(Buffer.byteLength(body)),
        "user-agent": "open-design-credits",
        "webhook-id": id,
        "webhook-timestamp": String(signedAt.getTime() / 1_000),
        "webhook-signature": new Webhook(secret).sign(id, signedAt, body),
      }
      const signal = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)])
      const answer = await post(new URL(url), body, {
        headers,
        signal,
        agent: false,
        ...(isProduction ? { lookup: publicOnly(resolve) } : {}),
      })
      const status = answer.statusCode ?? 0
      // The status is the answer: a body that breaks off changes nothing of it.
      const text = await answerText(answer).catch(() => "")
      answer.destroy()
      return { outcome: outcomeOf(status, text), status }
    } catch (error) {
      const { name, message } = error as Error
      return failed(name === "TimeoutError" ? `no answer within ${timeoutMs / 1_000} s` : message)
    }
  },
})
