/**
 * A gateway that spends a customer's credit to the cent, over HTTP: authorizes an amount, then reports usage that costs
 * exactly that under the price list shipped with the project.
 */
import { businessNow, callUntilServed, type Customer, type HttpAnswer } from "./customer.ts"

/** Without tiers and at 2.50 USD per million input tokens: a cent is 4,000 tokens. */
const MODEL = "gpt-4o"
const PROVIDER = "openai"
const TOKENS_PER_CENT = 4_000

export class Spender {
  readonly #url: string
  readonly #key: string
  #calls = 0

  readonly #name: string

  private constructor(url: string, key: string, name: string) {
    this.#url = url
    this.#key = key
    this.#name = name
  }

  /** @param name begins the ids of its calls: two that spend of one account need two */
  static async open(url: string, name = "spend"): Promise<Spender> {
    const { body } = await callUntilServed<{ key: string }>(url, "/api/v1/dev/gateway-key", { json: {} })
    return new Spender(url, body.key, name)
  }

  /** The answer as it is: 201 with the hold, 402, 403. */
  authorize(customer: Customer, cents: number): Promise<HttpAnswer<{ readonly holdId: string }>> {
    const requestId = `${this.#name}-${customer.account}-${++this.#calls}`
    const amountUsd = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`
    return callUntilServed(this.#url, "/api/v1/gateway/authorizations", {
      token: this.#key,
      json: { accountId: customer.account, requestId, model: MODEL, amountUsd },
    })
  }

  /** Spends this much and waits until the wallet shows it. */
  async spend(customer: Customer, cents: number): Promise<void> {
    const hold = await this.authorize(customer, cents)
    if (hold.status !== 201) throw new Error(`not authorized: ${hold.status} ${JSON.stringify(hold.body)}`)
    await this.#report(customer, cents, hold.body.holdId)
  }

  /** Uses this much without a hold, more than there is if need be (R6.4, R6.5), and waits until the wallet shows it. */
  overspend(customer: Customer, cents: number): Promise<void> {
    this.#calls++
    return this.#report(customer, cents)
  }

  async #report(customer: Customer, cents: number, holdId?: string): Promise<void> {
    const id = `usage-${this.#name}-${customer.account}-${this.#calls}`
    const before = await customer.wallet()
    const event = {
      specversion: "1.0",
      type: "ai.usage.v1",
      id,
      source: "spending",
      subject: customer.account,
      time: new Date(await businessNow(this.#url)).toISOString(),
      data: {
        requestId: id,
        ...(holdId === undefined ? {} : { holdId }),
        mode: "hosted",
        provider: PROVIDER,
        model: MODEL,
        status: "ok",
        tokens: { convention: "inclusive", input: cents * TOKENS_PER_CENT, output: 0 },
      },
    }
    const reported = await callUntilServed(this.#url, "/api/v1/gateway/usage", { token: this.#key, json: event })
    if (reported.status !== 202) throw new Error(`not accepted: ${JSON.stringify(reported.body)}`)
    const began = performance.now()
    while ((await customer.wallet()).seq === before.seq) {
      if (performance.now() - began > 20_000) throw new Error(`${id} was not deducted`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
