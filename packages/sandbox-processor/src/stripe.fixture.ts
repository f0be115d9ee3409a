/** A processor in memory with a clock that tests move, and the official SDK pointed at it, as the payments service has it. */
import Stripe from "stripe"
import { type SandboxOptions, type SandboxProcessor, startSandboxProcessor } from "./index.ts"

export const START_MS = Date.parse("2026-11-26T09:00:00.000Z")

export interface Bench {
  readonly processor: SandboxProcessor
  readonly stripe: Stripe
  /** Business time, milliseconds. */
  readonly clock: { nowMs: number }
  readonly close: () => Promise<void>
}

/** The SDK as it comes, but for retries: a test wants to see what the first answer was. */
export const sdk = (url: string, config: Partial<Stripe.StripeConfig> = {}): Stripe => {
  const { hostname, port } = new URL(url)
  return new Stripe("sk_test_sandbox", {
    host: hostname,
    port: Number(port),
    protocol: "http",
    maxNetworkRetries: 0,
    telemetry: false,
    ...config,
  })
}

export const startBench = async (
  options: Partial<SandboxOptions> = {},
  config: Partial<Stripe.StripeConfig> = {},
): Promise<Bench> => {
  const clock = { nowMs: START_MS }
  const processor = await startSandboxProcessor({ port: 0, now: () => clock.nowMs, webhook: null, ...options })
  return { processor, stripe: sdk(processor.url, config), clock, close: () => processor.close() }
}

/** A customer with a card saved from a token of the card element. */
export const savedCard = async (
  stripe: Stripe,
  token: string,
): Promise<{ readonly customer: string; readonly method: string }> => {
  const { id: customer } = await stripe.customers.create({ metadata: { account: "acc_1" } })
  const { id: made } = await stripe.paymentMethods.create({ type: "card", card: { token } })
  const intent = await stripe.setupIntents.create({
    customer,
    payment_method: made,
    confirm: true,
    usage: "off_session",
    allowed_payment_method_types: ["card"],
    payment_method_options: { card: { setup_credential_usage: "unscheduled" } },
  })
  return { customer, method: String(intent.payment_method) }
}

/** An intent as the payments service makes it, not yet confirmed. */
export const intentFor = (
  stripe: Stripe,
  customer: string,
  more: Partial<Stripe.PaymentIntentCreateParams> = {},
  options?: Stripe.RequestOptions,
): Promise<Stripe.PaymentIntent> =>
  stripe.paymentIntents.create(
    {
      amount: 2_500,
      currency: "usd",
      customer,
      metadata: { account: "acc_1", charge_id: "chg_1", obligation: "topup:acc_1:2026-11:1" },
      ...more,
    },
    options,
  )

/** What a call was refused with. */
export const refusalOf = async (call: Promise<unknown>): Promise<Stripe.errors.StripeError> => {
  try {
    await call
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error
    throw error
  }
  throw new Error("it was not refused")
}
