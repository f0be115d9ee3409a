/**
 * The processor's script, loaded when a card or a bank's check is asked for and never before. Owns the few shapes of it
 * that the pages use.
 */
import type { CardSetup } from "@credits/contracts/http"
import { call } from "../../api/client.ts"

const SCRIPT = "https://js.stripe.com/v3/"

interface StripeError {
  readonly message?: string
}

export interface StripeElements {
  readonly create: (kind: "payment", options: object) => StripeElement
}

export interface StripeElement {
  readonly mount: (place: HTMLElement) => void
  readonly destroy: () => void
  readonly on: (event: "ready" | "loaderror", then: () => void) => void
}

export interface Stripe {
  readonly elements: (options: object) => StripeElements
  readonly confirmSetup: (options: object) => Promise<{
    readonly error?: StripeError
    readonly setupIntent?: { readonly payment_method: string | { readonly id: string } | null }
  }>
  readonly handleNextAction: (options: { readonly clientSecret: string }) => Promise<{ readonly error?: StripeError }>
}

declare global {
  interface Window {
    Stripe?: (publishableKey: string) => Stripe
  }
}

export class CardFormUnavailable extends Error {
  constructor() {
    super("The card form of the payment processor did not load. Check your connection, or a blocker in your browser.")
    this.name = "CardFormUnavailable"
  }
}

let loading: Promise<(publishableKey: string) => Stripe> | undefined

const load = (): Promise<(publishableKey: string) => Stripe> =>
  new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = SCRIPT
    script.addEventListener("load", () => {
      if (window.Stripe === undefined) reject(new CardFormUnavailable())
      else resolve(window.Stripe)
    })
    script.addEventListener("error", () => reject(new CardFormUnavailable()))
    document.head.append(script)
  })

export interface Setup {
  readonly stripe: Stripe
  readonly clientSecret: string
}

/** The processor, and a secret of ours to save one card with. */
export const beginSetup = async (): Promise<Setup> => {
  loading ??= load()
  const [make, setup] = await Promise.all([
    loading.catch((error: unknown) => {
      loading = undefined
      throw error
    }),
    call<typeof CardSetup.Type>("POST", "/api/v1/payment-method/setup", { body: {} }),
  ])
  return { stripe: make(setup.publishableKey), clientSecret: setup.clientSecret }
}

/** Null: done. The text of what went wrong otherwise; whether the money moved is the server's to say. */
export const passBankCheck = async (clientSecret: string): Promise<string | null> => {
  const { stripe } = await beginSetup()
  const { error } = await stripe.handleNextAction({ clientSecret })
  return error === undefined ? null : (error.message ?? "Your bank could not confirm the payment with you.")
}
