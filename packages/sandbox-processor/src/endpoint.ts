/** The part of Stripe's API that is spoken: each endpoint with its parameters and what runs it. */
import type Stripe from "stripe"
import { createCustomer, updateCustomer } from "./customer.ts"
import { checkExpansion } from "./expanding.ts"
import type { FormTree } from "./form.ts"
import type { Scan } from "./listing.ts"
import { type ApiObject, type Kind, PREFIX } from "./object.ts"
import { type ParameterList, type Range, readParameters } from "./parameter.ts"
import {
  cancelPaymentIntent,
  confirmPaymentIntent,
  createPaymentIntent,
  updatePaymentIntent,
} from "./payment-intent.ts"
import { attachPaymentMethod, createPaymentMethod, detachPaymentMethod } from "./payment-method.ts"
import { createRefund } from "./refund.ts"
import { invalidValue } from "./refusal.ts"
import { cancelSetupIntent, confirmSetupIntent, createSetupIntent } from "./setup-intent.ts"
import type { Work } from "./work.ts"

/** What an endpoint comes to, before it is text. */
export type Result =
  | { readonly kind: "object"; readonly object: ApiObject }
  | { readonly kind: "event"; readonly id: string }
  | { readonly kind: "list"; readonly of: Kind | "event"; readonly scan: Scan }

/** A request whose parameters have been read: only `run` may change anything. */
export interface Prepared {
  readonly expand: ReadonlyArray<string>
  readonly metadata: Stripe.Metadata | undefined
  /** The payment method it names. */
  readonly method: string | undefined
  readonly run: (work: Work) => Result
}

export interface Endpoint {
  /**
   * @param isOlder asked in an older version of the API, whose parameters of other names are taken too
   * @throws Refusal for parameters it does not take.
   */
  readonly prepare: (id: string, tree: FormTree, isOlder: boolean) => Prepared
}

interface Shared {
  readonly expand?: ReadonlyArray<string>
  readonly metadata?: unknown
  readonly payment_method?: unknown
}

const EXPAND = { list: "text" } as const
const CARD_ONLY = { list: { oneOf: ["card"] } } as const

/** Parameters that an intent had before the version we type by; the processor's own command line still sends them. */
const OLDER: Readonly<Record<string, typeof CARD_ONLY>> = { payment_method_types: CARD_ONLY }

const endpoint = <P extends Shared>(
  of: Kind | undefined,
  list: ParameterList<P>,
  required: ReadonlyArray<keyof P & string>,
  run: (work: Work, id: string, params: P) => ApiObject,
): Endpoint => ({
  prepare: (id, tree, isOlder) => {
    const known: ParameterList<P> = { ...(isOlder ? OLDER : {}), ...list, expand: EXPAND }
    const params = readParameters<P>(known, required, tree)
    const expand = params.expand ?? []
    for (const path of expand) checkExpansion(of, path)
    const { metadata, payment_method: method } = params
    return {
      expand,
      metadata: typeof metadata === "object" ? (metadata as Stripe.Metadata) : undefined,
      method: typeof method === "string" ? method : undefined,
      run: (work) => ({ kind: "object", object: run(work, id, params) }),
    }
  },
})

const retrieval = (kind: Kind, param: string): Endpoint =>
  endpoint<Shared>(kind, {}, [], (work, id) => work.get(kind, id, param, true))

const LIMIT_DEFAULT = 10
const LIMIT_MAX = 100

interface ListParams extends Stripe.PaginationParams {
  readonly expand?: Array<string>
  readonly created?: Range
  readonly customer?: string
  readonly payment_intent?: string
  readonly charge?: string
  readonly type?: string
  readonly types?: ReadonlyArray<string>
  readonly delivery_success?: boolean
}

type Filter = Exclude<keyof ListParams, "expand" | "limit" | "starting_after" | "ending_before">

const FILTERS: Readonly<Record<Filter, NonNullable<ParameterList<ListParams>[Filter]>>> = {
  created: "range",
  customer: "text",
  payment_intent: "text",
  charge: "text",
  type: "text",
  types: EXPAND,
  delivery_success: "boolean",
}

const listing = (of: Kind | "event", filters: ReadonlyArray<Filter>): Endpoint => ({
  prepare: (id, tree) => {
    const given = Object.fromEntries(filters.map((name) => [name, FILTERS[name]])) as ParameterList<ListParams>
    const paging = { limit: "integer", starting_after: "text", ending_before: "text", expand: EXPAND } as const
    const params = readParameters<ListParams>({ ...given, ...paging }, [], tree)
    const { limit = LIMIT_DEFAULT, starting_after: startingAfter, ending_before: endingBefore } = params
    if (limit < 1 || limit > LIMIT_MAX) throw invalidValue(`Limit must be between 1 and ${LIMIT_MAX}`, "limit")
    if (startingAfter !== undefined && endingBefore !== undefined) {
      throw invalidValue("You can only use one of `starting_after` and `ending_before`.", "starting_after")
    }
    if (of === "payment_method" && (params.type ?? "card") !== "card") {
      throw invalidValue("Invalid type: the sandbox knows cards only", "type")
    }
    const expand = (params.expand ?? []).map((path) => {
      const rest = path.startsWith("data.") ? path.slice(5) : ""
      checkExpansion(of === "event" ? undefined : of, rest)
      return rest
    })
    const types = of === "event" ? (params.types ?? (params.type === undefined ? undefined : [params.type])) : undefined
    const scan: Scan = {
      table: of === "event" ? "events" : "objects",
      prefix: PREFIX[of],
      // `GET /v1/customers/{id}/payment_methods` names the customer in its path.
      customer: id === "" ? params.customer : id,
      link: params.charge ?? params.payment_intent,
      created: params.created,
      types,
      delivered: params.delivery_success,
      limit,
      startingAfter,
      endingBefore,
    }
    return {
      expand,
      metadata: undefined,
      method: undefined,
      run: (work) => {
        const cursor = startingAfter ?? endingBefore
        if (cursor !== undefined && of !== "event") {
          work.get(of, cursor, startingAfter === undefined ? "ending_before" : "starting_after")
        }
        if (id !== "") work.get("customer", id, "customer", true)
        return { kind: "list", of, scan }
      },
    }
  },
})

const THREE_D_SECURE = { oneOf: ["any", "automatic", "challenge"] } as const
const CREDENTIAL_USAGE = { oneOf: ["installment", "recurring", "unscheduled"] } as const
const CANCELED_FOR = { oneOf: ["abandoned", "duplicate", "fraudulent", "requested_by_customer"] } as const

const CUSTOMER: ParameterList<Stripe.CustomerUpdateParams> = {
  description: "text",
  email: "text",
  name: "text",
  phone: "text",
  metadata: "metadata",
  invoice_settings: { hash: { default_payment_method: "text" } },
}

const SETUP_OPTIONS = {
  hash: { card: { hash: { request_three_d_secure: THREE_D_SECURE, setup_credential_usage: CREDENTIAL_USAGE } } },
} as const

const PAYMENT_OPTIONS = {
  hash: { card: { hash: { request_three_d_secure: THREE_D_SECURE, stored_credential_usage: CREDENTIAL_USAGE } } },
} as const

const SETUP_CREATE: ParameterList<Stripe.SetupIntentCreateParams> = {
  allowed_payment_method_types: CARD_ONLY,
  confirm: "boolean",
  customer: "text",
  description: "text",
  metadata: "metadata",
  payment_method: "text",
  payment_method_options: SETUP_OPTIONS,
  return_url: "text",
  usage: { oneOf: ["off_session", "on_session"] },
  use_stripe_sdk: "boolean",
}

const PAYMENT_CREATE: ParameterList<Stripe.PaymentIntentCreateParams> = {
  allowed_payment_method_types: CARD_ONLY,
  amount: "integer",
  automatic_payment_methods: { hash: { enabled: "boolean", allow_redirects: { oneOf: ["never", "always"] } } },
  capture_method: { oneOf: ["automatic", "automatic_async"] },
  confirm: "boolean",
  confirmation_method: { oneOf: ["automatic"] },
  currency: "text",
  customer: "text",
  description: "text",
  metadata: "metadata",
  off_session: "boolean",
  payment_method: "text",
  payment_method_options: PAYMENT_OPTIONS,
  receipt_email: "text",
  return_url: "text",
  setup_future_usage: { oneOf: ["off_session", "on_session"] },
  shipping: "open",
  statement_descriptor_suffix: "text",
  use_stripe_sdk: "boolean",
}

const PAYMENT_UPDATE: ParameterList<Stripe.PaymentIntentUpdateParams> = {
  amount: "integer",
  description: "text",
  metadata: "metadata",
  payment_method: "text",
}

const PAYMENT_CONFIRM: ParameterList<Stripe.PaymentIntentConfirmParams> = {
  off_session: "boolean",
  payment_method: "text",
  payment_method_options: PAYMENT_OPTIONS,
  return_url: "text",
  use_stripe_sdk: "boolean",
}

const SETUP_CONFIRM: ParameterList<Stripe.SetupIntentConfirmParams> = {
  payment_method: "text",
  payment_method_options: SETUP_OPTIONS,
  return_url: "text",
  use_stripe_sdk: "boolean",
}

const REFUND: ParameterList<Stripe.RefundCreateParams> = {
  amount: "integer",
  charge: "text",
  metadata: "metadata",
  payment_intent: "text",
  reason: { oneOf: ["duplicate", "fraudulent", "requested_by_customer"] },
}

const METHOD_CREATE: ParameterList<Stripe.PaymentMethodCreateParams> = {
  card: { hash: { token: "text" } },
  metadata: "metadata",
  type: "text",
}

/** By method and shape of the path: `POST payment_intents/:id/confirm`. */
export const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  "POST customers": endpoint("customer", CUSTOMER, [], (work, _, params) => createCustomer(work, params)),
  "GET customers": listing("customer", ["created"]),
  "GET customers/:id": retrieval("customer", "id"),
  "POST customers/:id": endpoint("customer", CUSTOMER, [], updateCustomer),
  "GET customers/:id/payment_methods": listing("payment_method", ["type"]),

  "POST payment_methods": endpoint("payment_method", METHOD_CREATE, ["type"], (work, _, params) =>
    createPaymentMethod(work, params),
  ),
  "GET payment_methods": listing("payment_method", ["customer", "type"]),
  "GET payment_methods/:id": retrieval("payment_method", "payment_method"),
  "POST payment_methods/:id/attach": endpoint<Stripe.PaymentMethodAttachParams>(
    "payment_method",
    { customer: "text" },
    ["customer"],
    attachPaymentMethod,
  ),
  "POST payment_methods/:id/detach": endpoint<Stripe.PaymentMethodDetachParams>("payment_method", {}, [], (work, id) =>
    detachPaymentMethod(work, id),
  ),

  "POST setup_intents": endpoint("setup_intent", SETUP_CREATE, [], (work, _, params) =>
    createSetupIntent(work, params),
  ),
  "GET setup_intents": listing("setup_intent", ["customer", "created"]),
  "GET setup_intents/:id": retrieval("setup_intent", "intent"),
  "POST setup_intents/:id/confirm": endpoint("setup_intent", SETUP_CONFIRM, [], confirmSetupIntent),
  "POST setup_intents/:id/cancel": endpoint<Stripe.SetupIntentCancelParams>(
    "setup_intent",
    { cancellation_reason: { oneOf: ["abandoned", "duplicate", "requested_by_customer"] } },
    [],
    cancelSetupIntent,
  ),

  "POST payment_intents": endpoint("payment_intent", PAYMENT_CREATE, ["amount", "currency"], (work, _, params) =>
    createPaymentIntent(work, params),
  ),
  "GET payment_intents": listing("payment_intent", ["customer", "created"]),
  "GET payment_intents/:id": retrieval("payment_intent", "intent"),
  "POST payment_intents/:id": endpoint("payment_intent", PAYMENT_UPDATE, [], updatePaymentIntent),
  "POST payment_intents/:id/confirm": endpoint("payment_intent", PAYMENT_CONFIRM, [], confirmPaymentIntent),
  "POST payment_intents/:id/cancel": endpoint<Stripe.PaymentIntentCancelParams>(
    "payment_intent",
    { cancellation_reason: CANCELED_FOR },
    [],
    cancelPaymentIntent,
  ),

  "GET charges": listing("charge", ["customer", "created", "payment_intent"]),
  "GET charges/:id": retrieval("charge", "charge"),

  "POST refunds": endpoint("refund", REFUND, [], (work, _, params) => createRefund(work, params)),
  "GET refunds": listing("refund", ["charge", "created"]),
  "GET refunds/:id": retrieval("refund", "refund"),

  "GET disputes": listing("dispute", ["charge", "created"]),
  "GET disputes/:id": retrieval("dispute", "dispute"),

  "GET events": listing("event", ["created", "type", "types", "delivery_success"]),
  "GET events/:id": {
    prepare: (id, tree) => {
      readParameters<Shared>({}, [], tree)
      return { expand: [], metadata: undefined, method: undefined, run: () => ({ kind: "event", id }) }
    },
  },
}
