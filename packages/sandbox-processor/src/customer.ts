/** Customers: made, changed. What they own points at them. */
import type Stripe from "stripe"
import { mergeMetadata } from "./parameter.ts"
import type { Work } from "./work.ts"

type CustomerFields = Pick<
  Stripe.CustomerCreateParams,
  "description" | "email" | "name" | "phone" | "metadata" | "invoice_settings"
>

export const createCustomer = (work: Work, params: CustomerFields): Stripe.Customer => {
  const id = work.newId("customer")
  const customer = changed(
    work,
    {
      id,
      object: "customer",
      address: null,
      balance: 0,
      created: work.created,
      currency: null,
      default_source: null,
      delinquent: false,
      description: null,
      discount: null,
      email: null,
      invoice_prefix: null,
      invoice_settings: {
        custom_fields: null,
        default_payment_method: null,
        footer: null,
        rendering_options: null,
      },
      livemode: false,
      metadata: {},
      name: null,
      next_invoice_sequence: 1,
      phone: null,
      preferred_locales: [],
      shipping: null,
      tax_exempt: "none",
      test_clock: null,
    },
    params,
  )
  work.save(customer)
  work.emit("customer.created", customer)
  return customer
}

export const updateCustomer = (
  work: Work,
  id: string,
  params: CustomerFields | Stripe.CustomerUpdateParams,
): Stripe.Customer => {
  const customer = work.save(changed(work, work.get("customer", id, "id", true), params))
  work.emit("customer.updated", customer)
  return customer
}

/** "" empties a field. */
const text = (given: string | undefined, before: string | null | undefined): string | null =>
  given === undefined ? (before ?? null) : given === "" ? null : given

const changed = (
  work: Work,
  before: Stripe.Customer,
  params: CustomerFields | Stripe.CustomerUpdateParams,
): Stripe.Customer => {
  const method = params.invoice_settings?.default_payment_method
  if (method !== undefined && method !== "") {
    work.get("payment_method", method, "invoice_settings[default_payment_method]")
  }
  return {
    ...before,
    description: text(params.description, before.description),
    email: text(params.email, before.email),
    name: text(params.name, before.name),
    phone: text(params.phone, before.phone),
    metadata: mergeMetadata(before.metadata, params.metadata),
    invoice_settings: {
      ...before.invoice_settings,
      default_payment_method:
        method === undefined ? before.invoice_settings.default_payment_method : method === "" ? null : method,
    },
  }
}
