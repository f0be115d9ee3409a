/**
 * The card processor as payments uses it: Stripe's SDK behind a few calls whose failures are values. The one adapter
 * for Stripe and for the sandbox (decision 18). Owns requests and the reading of answers; decides nothing.
 */
import type { Instant } from "@credits/kernel"
import { Stripe } from "stripe"
import type { Card } from "./card.ts"
import type { Terms } from "./charge-state.ts"
import { cardErrorOf, failureOf, type Failure } from "./failure.ts"
import type { IntentSnapshot } from "./intent.ts"
import type { ProcessorCharge } from "./reconciliation.ts"
import { Transport } from "./transport.ts"

export type Called<A> = { readonly ok: A } | { readonly failed: Failure }

export interface ProcessorOptions {
  readonly secretKey: string
  /** Default: Stripe. */
  readonly apiBase?: URL | undefined
  /** Default 20 s: with one repeat far below any patience of ours (field notes A1). */
  readonly timeoutMs?: number
}

/** Whom and what an intent is for; kept at the processor, so that it can be found again by it. */
export interface ChargeIdentity {
  readonly chargeId: string
  readonly obligation: string
  readonly account: string
}

const TIMEOUT_MS = 20_000
const NETWORK_RETRIES_MAX = 1
const CURRENCY = "usd"
/** Pages of 100 that are searched for an intent of ours; a customer has a few dozen in a year. */
const PAGES_MAX = 10
const PAGE_ITEMS = 100

/** How a stored card is used when its owner is not there (field notes A4). */
export type StoredUsage = "recurring" | "unscheduled"

/** A refund that did not reach the customer, whether the processor says so at once or days later: the money is ours. */
export const isReturned = ({ status }: Stripe.Refund): boolean => status === "failed" || status === "canceled"

export class Processor {
  readonly stripe: Stripe
  readonly #transport: Transport

  constructor(options: ProcessorOptions) {
    const { apiBase, secretKey, timeoutMs } = options
    const protocol = apiBase?.protocol === "http:" ? "http" : "https"
    this.#transport = new Transport(protocol)
    this.stripe = new Stripe(secretKey, {
      httpClient: this.#transport,
      maxNetworkRetries: NETWORK_RETRIES_MAX,
      telemetry: false,
      timeout: timeoutMs ?? TIMEOUT_MS,
      ...(apiBase === undefined ? {} : { protocol, host: apiBase.hostname, port: portOf(apiBase) }),
    })
  }

  close(): void {
    this.#transport.close()
  }

  createIntent(of: ChargeIdentity, terms: Terms, key: string): Promise<Called<IntentSnapshot>> {
    const params: Stripe.PaymentIntentCreateParams = {
      currency: CURRENCY,
      customer: terms.customer,
      allowed_payment_method_types: ["card"],
      ...termsOf(of, terms),
    }
    return this.#post(key, (options) => this.stripe.paymentIntents.create(params, options), snapshotOf)
  }

  updateIntent(id: string, of: ChargeIdentity, terms: Terms, key: string): Promise<Called<IntentSnapshot>> {
    const params = termsOf(of, terms)
    return this.#post(key, (options) => this.stripe.paymentIntents.update(id, params, options), snapshotOf)
  }

  /** `usage`: of a stored card without its owner; null: they are there. */
  confirmIntent(id: string, usage: StoredUsage | null, key: string): Promise<Called<IntentSnapshot>> {
    const params: Stripe.PaymentIntentConfirmParams =
      usage === null
        ? { use_stripe_sdk: true }
        : { off_session: true, payment_method_options: { card: { stored_credential_usage: usage } } }
    return this.#post(key, (options) => this.stripe.paymentIntents.confirm(id, params, options), snapshotOf)
  }

  cancelIntent(id: string, key: string): Promise<Called<IntentSnapshot>> {
    return this.#post(key, (options) => this.stripe.paymentIntents.cancel(id, {}, options), snapshotOf)
  }

  /** Strongly consistent, for ever (field notes A3). */
  retrieveIntent(id: string): Promise<Called<IntentSnapshot>> {
    return this.#call(() => this.stripe.paymentIntents.retrieve(id, { expand: ["latest_charge"] }), snapshotOf)
  }

  /** Newest first, as far as is looked. */
  async *#intentsOf(customer: string): AsyncGenerator<Stripe.PaymentIntent> {
    let seen = 0
    for await (const intent of this.stripe.paymentIntents.list({ customer, limit: PAGE_ITEMS })) {
      yield intent
      if (++seen >= PAGES_MAX * PAGE_ITEMS) return
    }
  }

  /** The intent of a charge whose id we never learnt; null: there is none. Lists are consistent, a search is not. */
  async findIntent(customer: string, chargeId: string): Promise<Called<IntentSnapshot | null>> {
    const search = async (): Promise<Stripe.PaymentIntent | null> => {
      const found: Array<Stripe.PaymentIntent> = []
      for await (const intent of this.#intentsOf(customer)) {
        if (intent.metadata["charge_id"] === chargeId) found.push(intent)
      }
      // A creation that was believed lost may have left a second one, which nobody ever confirms.
      return found.find(({ status }) => status === "succeeded") ?? found.at(-1) ?? null
    }
    return this.#call(search, (intent) => (intent === null ? null : snapshotOf(intent)))
  }

  /**
   * An intent that succeeded for this obligation, whoever made it; null: there is none. For a database that was
   * restored and may not know what was charged since its backup.
   */
  async findPaid(customer: string, obligation: string): Promise<Called<IntentSnapshot | null>> {
    const search = async (): Promise<Stripe.PaymentIntent | null> => {
      for await (const intent of this.#intentsOf(customer)) {
        if (intent.metadata["obligation"] === obligation && intent.status === "succeeded") return intent
      }
      return null
    }
    return this.#call(search, (intent) => (intent === null ? null : snapshotOf(intent)))
  }

  refund(intent: string, metadata: Record<string, string>, key: string): Promise<Called<Stripe.Refund>> {
    const params = { payment_intent: intent, metadata }
    return this.#post(key, (options) => this.stripe.refunds.create(params, options), same)
  }

  retrieveRefund(id: string): Promise<Called<Stripe.Refund>> {
    return this.#call(() => this.stripe.refunds.retrieve(id), same)
  }

  createCustomer(account: string, key: string): Promise<Called<Stripe.Customer>> {
    return this.#post(key, (options) => this.stripe.customers.create({ metadata: { account } }, options), same)
  }

  /** For the processor's own card element, which confirms it. */
  createSetup(customer: string, account: string, key: string): Promise<Called<Stripe.SetupIntent>> {
    const params = { customer, metadata: { account }, ...SAVED_FOR_LATER }
    return this.#post(key, (options) => this.stripe.setupIntents.create(params, options), same)
  }

  retrieveSetup(id: string): Promise<Called<Stripe.SetupIntent>> {
    return this.#call(() => this.stripe.setupIntents.retrieve(id, { expand: ["payment_method"] }), same)
  }

  /** A one-time token of the card element becomes a method. */
  createMethod(token: string, key: string): Promise<Called<Stripe.PaymentMethod>> {
    const params = { type: "card", card: { token } } as const
    return this.#post(key, (options) => this.stripe.paymentMethods.create(params, options), same)
  }

  /** The method becomes the customer's, for charges without them too. */
  setUpMethod(customer: string, account: string, method: string, key: string): Promise<Called<Stripe.SetupIntent>> {
    const params: Stripe.SetupIntentCreateParams = {
      customer,
      metadata: { account },
      payment_method: method,
      confirm: true,
      expand: ["payment_method"],
      ...SAVED_FOR_LATER,
    }
    return this.#post(key, (options) => this.stripe.setupIntents.create(params, options), same)
  }

  detachMethod(id: string, key: string): Promise<Called<Stripe.PaymentMethod>> {
    return this.#post(key, (options) => this.stripe.paymentMethods.detach(id, {}, options), same)
  }

  retrieveMethod(id: string): Promise<Called<Stripe.PaymentMethod>> {
    return this.#call(() => this.stripe.paymentMethods.retrieve(id), same)
  }

  /**
   * Charges that succeeded in `[from, to)`, in pages, newest first. @throws Error of the SDK
   */
  async *charges(from: Instant, to: Instant): AsyncGenerator<ReadonlyArray<ProcessorCharge>> {
    const created = { gte: Math.floor(from / SECOND_MS), lt: Math.ceil(to / SECOND_MS) }
    for await (const page of pagesOf((cursor) => this.stripe.charges.list({ created, limit: PAGE_ITEMS, ...cursor }))) {
      yield page.filter(({ status, paid }) => status === "succeeded" && paid).map(chargeOf)
    }
  }

  /** Events of these types since an instant of the processor, in pages, newest first. @throws Error of the SDK */
  events(types: ReadonlyArray<string>, sinceSeconds: number): AsyncGenerator<ReadonlyArray<Stripe.Event>> {
    const created = { gte: sinceSeconds }
    return pagesOf((cursor) => this.stripe.events.list({ created, types: [...types], limit: PAGE_ITEMS, ...cursor }))
  }

  /** A request that changes something always has our own key: the SDK repeats it by itself. */
  async #post<A, B>(
    key: string,
    send: (options: Stripe.RequestOptions) => Promise<A>,
    read: (answer: A) => B,
  ): Promise<Called<B>> {
    using trace = this.#transport.trace(key)
    try {
      return { ok: read(await withoutStack(() => send({ idempotencyKey: key }))) }
    } catch (error) {
      return { failed: failureOf(error, trace) }
    }
  }

  async #call<A, B>(send: () => Promise<A>, read: (answer: A) => B): Promise<Called<B>> {
    try {
      return { ok: read(await withoutStack(send)) }
    } catch (error) {
      return { failed: failureOf(error, { mayHaveRun: false }) }
    }
  }
}

/** The SDK writes down the stack of every call, for errors that are values here: a twentieth of this process's time. */
const withoutStack = <A>(send: () => Promise<A>): Promise<A> => {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return send()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

const SECOND_MS = 1_000

async function* pagesOf<A extends { readonly id: string }>(
  list: (cursor: { starting_after?: string }) => Promise<Stripe.ApiList<A>>,
): AsyncGenerator<ReadonlyArray<A>> {
  let cursor: { starting_after?: string } = {}
  for (;;) {
    const { data, has_more: hasMore } = await list(cursor)
    yield data
    const last = data.at(-1)
    if (!hasMore || last === undefined) return
    cursor = { starting_after: last.id }
  }
}

const chargeOf = (charge: Stripe.Charge): ProcessorCharge => ({
  id: charge.id,
  intent: idOf(charge.payment_intent),
  amountCents: charge.amount,
  refundedCents: charge.amount_refunded,
  disputed: charge.disputed,
  at: charge.created * SECOND_MS,
  chargeId: charge.metadata["charge_id"] ?? null,
  obligation: charge.metadata["obligation"] ?? null,
  account: charge.metadata["account"] ?? null,
})

const same = <A>(answer: A): A => answer

const portOf = (base: URL): string => (base.port === "" ? (base.protocol === "http:" ? "80" : "443") : base.port)

const SAVED_FOR_LATER: Pick<
  Stripe.SetupIntentCreateParams,
  "usage" | "allowed_payment_method_types" | "payment_method_options"
> = {
  usage: "off_session",
  allowed_payment_method_types: ["card"],
  payment_method_options: { card: { setup_credential_usage: "recurring" } },
}

const termsOf = (of: ChargeIdentity, terms: Terms) => ({
  amount: terms.amountCents,
  payment_method: terms.method.id,
  description: terms.description,
  metadata: {
    account: of.account,
    obligation: of.obligation,
    charge_id: of.chargeId,
    attempt: String(terms.attempt),
  },
})

const idOf = (value: string | { readonly id: string } | null | undefined): string | null =>
  value === null || value === undefined ? null : typeof value === "string" ? value : value.id

export const snapshotOf = (intent: Stripe.PaymentIntent): IntentSnapshot => {
  const { latest_charge: charge, last_payment_error: error, metadata } = intent
  const attempt = Number(metadata["attempt"])
  const shown = typeof charge === "string" ? null : charge
  return {
    id: intent.id,
    clientSecret: intent.client_secret ?? "",
    status: intent.status,
    amountCents: intent.amount,
    receivedCents: intent.amount_received,
    chargeId: metadata["charge_id"] ?? null,
    obligation: metadata["obligation"] ?? null,
    attempt: Number.isSafeInteger(attempt) && attempt > 0 ? attempt : null,
    error: error === null ? null : cardErrorOf(error),
    refunded: shown?.refunded ?? false,
    disputed: shown?.disputed ?? false,
  }
}

/** What may be kept of a card (R10.3); null: it is no card. */
export const cardOf = (method: Stripe.PaymentMethod): Card | null => {
  const { card } = method
  if (card === undefined || card === null) return null
  return {
    id: method.id,
    brand: card.brand,
    last4: card.last4,
    expMonth: card.exp_month,
    expYear: card.exp_year,
    fingerprint: card.fingerprint ?? method.id,
  }
}

export const customerOf = (object: { readonly customer?: string | { readonly id: string } | null }): string | null =>
  idOf(object.customer)
