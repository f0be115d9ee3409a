/**
 * What the supervisor knows of each service: where its bundle is, how it says that it is ready, and which settings and
 * secrets it is given. Nothing of what it does.
 */
import { join } from "node:path"
import { SUBJECTS } from "@credits/contracts"

/** The services of a running system, in the order in which their log lines are introduced. */
export const SERVICES = [
  "processor",
  "ledger",
  "pricing",
  "payments",
  "subscriptions",
  "topup",
  "notifications",
  "edge",
  "gateway",
] as const
export type ServiceName = (typeof SERVICES)[number]

export const isService = (name: string): name is ServiceName => (SERVICES as ReadonlyArray<string>).includes(name)

/** Where a service answers `status`; the others answer over HTTP. */
export const CONTROLS: Readonly<Partial<Record<ServiceName, string>>> = {
  ledger: SUBJECTS.ledgerControl,
  pricing: SUBJECTS.pricingControl,
  payments: SUBJECTS.paymentsControl,
  subscriptions: SUBJECTS.subscriptionsControl,
  topup: SUBJECTS.topupControl,
  notifications: SUBJECTS.notificationsControl,
}

/** @param appsDir the folder of the apps; packages lie beside it. */
export const bundleOf = (appsDir: string, service: ServiceName): string =>
  service === "processor"
    ? join(appsDir, "../packages/sandbox-processor/dist/main.js")
    : join(appsDir, service, "dist", "main.js")

/**
 * Who gives way when cores are short (nice values): a gateway's call waits for nobody's renewal, and a renewal for
 * nobody's receipt. Each still gets a share, so leases hold.
 */
export const NICENESS: Readonly<Record<ServiceName, number>> = {
  ledger: 0,
  pricing: 0,
  edge: 0,
  gateway: 0,
  processor: 5,
  payments: 5,
  subscriptions: 8,
  topup: 8,
  notifications: 12,
}

/** Secrets of the card processor and the mail server, and the only services that are told them (R10.3). */
const SECRETS: Readonly<Record<string, ReadonlyArray<ServiceName>>> = {
  CREDITS_STRIPE_SECRET_KEY: ["payments"],
  CREDITS_STRIPE_WEBHOOK_SECRET: ["payments", "processor"],
  CREDITS_SMTP_URL: ["notifications"],
  CREDITS_GATEWAY_KEY: ["gateway"],
}
/** Keys of model providers; the providers file names each. */
const PROVIDER_KEY = /^CREDITS_PROVIDER_KEY_/

/** The environment without the secrets that are not this service's. */
export const withoutOthersSecrets = (service: ServiceName, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(env).filter(([name]) =>
      PROVIDER_KEY.test(name) ? service === "gateway" : (SECRETS[name]?.includes(service) ?? true),
    ),
  )
