/**
 * Posting one event to its endpoint over kept connections. Owns the connections and the patience; what is sent again,
 * and when, is `webhook.ts`. `node:http` and not `fetch`: a delivery costs a third of the processor time.
 */
import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from "node:http"
import { Agent as HttpsAgent, request as httpsRequest } from "node:https"

const ANSWER_MS = 10_000
const SUCCESS = 200
const NO_SUCCESS = 300

export class WebhookPost {
  readonly #url: URL
  readonly #agent: HttpAgent | HttpsAgent
  readonly #request: typeof httpRequest

  constructor(url: string) {
    this.#url = new URL(url)
    const isTls = this.#url.protocol === "https:"
    this.#agent = isTls ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
    this.#request = isTls ? httpsRequest : httpRequest
  }

  /** Whether the endpoint took it; an answer that does not come is a no. */
  send(body: string, signature: string): Promise<boolean> {
    const headers = {
      "content-type": "application/json; charset=utf-8",
      "content-length": Buffer.byteLength(body),
      "stripe-signature": signature,
      "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
    const options: RequestOptions = { method: "POST", agent: this.#agent, headers, timeout: ANSWER_MS }
    return new Promise((resolve) => {
      const request = this.#request(this.#url, options, (response) => {
        const status = response.statusCode ?? 0
        response.on("close", () => resolve(response.complete && status >= SUCCESS && status < NO_SUCCESS))
        response.resume()
      })
      request.on("timeout", () => request.destroy())
      request.on("error", () => resolve(false))
      request.end(body)
    })
  }

  /** What is under way is given up. */
  close(): void {
    this.#agent.destroy()
  }
}
