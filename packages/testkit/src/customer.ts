/**
 * A customer of a running system, over HTTP only: signs in, saves a card, buys, looks. What tests and measurements of
 * the paying life are written in. Owns no expectation; an answer that is not the one asked for is an error with its
 * body.
 */
import type { AutoTopUp, BookedCharge, Charge, Quote, Subscription, Wallet } from "@credits/contracts/http"

export interface HttpAnswer<Body = unknown> {
  readonly status: number
  readonly body: Body
}

export interface CallOptions {
  readonly token?: string | undefined
  readonly method?: string
  readonly json?: unknown
  /** Idempotency-Key. */
  readonly key?: string
}

/** One request; the body parsed, null when there is none. */
export const callHttp = async <Body = unknown>(
  url: string,
  path: string,
  { token, method, json, key }: CallOptions = {},
): Promise<HttpAnswer<Body>> => {
  const response = await fetch(new URL(path, url), {
    method: method ?? (json === undefined ? "GET" : "POST"),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...(key === undefined ? {} : { "idempotency-key": key }),
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  })
  const text = await response.text()
  return { status: response.status, body: (text === "" ? null : JSON.parse(text)) as Body }
}

/** Asks again while the answer is 503: nothing was done, or a repeat finds it. */
export const callUntilServed = async <Body = unknown>(
  url: string,
  path: string,
  options: CallOptions = {},
  deadlineMs = 60_000,
): Promise<HttpAnswer<Body>> => {
  const began = performance.now()
  for (;;) {
    // A server that is being restarted refuses connections; the request is then as good as not sent.
    const answer = await callHttp<Body>(url, path, options).catch(() => null)
    if (answer !== null && answer.status !== 503) return answer
    if (performance.now() - began > deadlineMs) {
      throw new Error(`${path} is not served after ${deadlineMs} ms: ${JSON.stringify(answer)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export class Customer {
  readonly url: string
  readonly account: string
  readonly token: string

  private constructor(url: string, account: string, token: string) {
    this.url = url
    this.account = account
    this.token = token
  }

  static async signIn(url: string, email: string): Promise<Customer> {
    const { body } = await callUntilServed<{ accountId: string; accessToken: string }>(url, "/api/v1/dev/sign-in", {
      json: { email },
    })
    return new Customer(url, body.accountId, body.accessToken)
  }

  /** One request with the customer's token; 503 is asked again. */
  call<Body = unknown>(path: string, options: Omit<CallOptions, "token"> = {}): Promise<HttpAnswer<Body>> {
    return callUntilServed<Body>(this.url, `/api/v1/${path}`, { ...options, token: this.token })
  }

  async #done<Body>(path: string, options: Omit<CallOptions, "token"> = {}): Promise<Body> {
    const answer = await this.call<Body>(path, options)
    if (answer.status >= 200 && answer.status < 300) return answer.body
    throw new Error(`${options.method ?? ""} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  }

  wallet(): Promise<Wallet> {
    return this.#done("wallet")
  }

  subscription(): Promise<Subscription> {
    return this.#done("subscription")
  }

  autoTopUp(): Promise<AutoTopUp> {
    return this.#done("wallet/auto-top-up")
  }

  /** All charges, newest first. */
  async history(): Promise<ReadonlyArray<Charge>> {
    const charges: Array<Charge> = []
    let cursor = ""
    do {
      const page = await this.#done<{ items: ReadonlyArray<Charge>; nextCursor: string | null }>(
        `billing/history?limit=200${cursor}`,
      )
      charges.push(...page.items)
      cursor = page.nextCursor === null ? "" : `&cursor=${page.nextCursor}`
    } while (cursor !== "")
    return charges
  }

  /** The card as the element returned it; `tok_…` of the sandbox says how it behaves. */
  saveCard(setupToken: string): Promise<unknown> {
    return this.#done("payment-method", { json: { setupToken } })
  }

  quote(plan: string, interval: string): Promise<Quote> {
    return this.#done("subscription/quote", { json: { plan, interval } })
  }

  /** The answer as it is: 200, 202, 402, 409. */
  confirm(quoteId: string, key?: string): Promise<HttpAnswer> {
    return this.call("subscription/confirm", { json: { quoteId }, ...(key === undefined ? {} : { key }) })
  }

  /** Quote and confirm, until the money is decided. */
  async buy(plan: string, interval: string): Promise<Subscription> {
    const { quoteId } = await this.quote(plan, interval)
    const answer = await this.confirm(quoteId)
    if (answer.status !== 200 && answer.status !== 202) {
      throw new Error(`${plan}: ${answer.status} ${JSON.stringify(answer.body)}`)
    }
    return this.settled()
  }

  /** The subscription once no payment of it is undecided. */
  async settled(deadlineMs = 60_000): Promise<Subscription> {
    const began = performance.now()
    for (;;) {
      const subscription = await this.subscription()
      if (subscription.pendingPayment === null) return subscription
      if (performance.now() - began > deadlineMs) {
        throw new Error(`still undecided after ${deadlineMs} ms: ${JSON.stringify(subscription.pendingPayment)}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  change(verb: "cancel" | "resume" | "pay"): Promise<HttpAnswer<Subscription>> {
    return this.call<Subscription>(`subscription/${verb}`, { json: {} })
  }

  setAutoTopUp(monthlyCapUsd: string): Promise<AutoTopUp> {
    return this.#done("wallet/auto-top-up", { method: "PUT", json: { monthlyCapUsd, consent: true } })
  }

  /** What the sandbox's processor really charged this account. */
  async book(): Promise<ReadonlyArray<BookedCharge>> {
    const { body } = await callUntilServed<{ items: ReadonlyArray<BookedCharge> }>(this.url, "/__sandbox/charges", {
      token: this.token,
    })
    return body.items
  }
}

/** Moves the business clock; asks again while a move is under way or failed half-way. */
export const advanceClock = async (
  url: string,
  target: { readonly by: string } | { readonly to: string },
  deadlineMs?: number,
): Promise<{ readonly now: string; readonly ran: number }> => {
  const answer = await callUntilServed<{ now: string; ran: number }>(
    url,
    "/api/v1/dev/clock/advance",
    { json: target },
    deadlineMs,
  )
  if (answer.status !== 200) throw new Error(`the clock: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

export const businessNow = async (url: string): Promise<number> => {
  const { body } = await callUntilServed<{ now: string }>(url, "/api/v1/dev/clock")
  return Date.parse(body.now)
}
