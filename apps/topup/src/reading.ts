/**
 * Plan and card of an account that asks to be turned on, read from subscriptions, payments and the catalogue's bucket:
 * its facts may still be on their way, or there was none yet (R9.2, R9.7). Owns a cache of catalogues, which never
 * change.
 */
import { ask, kvGet, type BusHandle } from "@credits/bus"
import {
  BUCKETS,
  CURRENT_KEY,
  SUBJECTS,
  type MethodView,
  type PaymentsReply,
  type SubscriptionsReply,
  type SubscriptionView,
  type VersionList,
} from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import { readCatalogue, type Catalogue } from "@credits/pricebook"
import { cardOf, policyOf, type CardStanding, type PlanStanding, type Policy, type Reading } from "./standing.ts"

const READ_MS = 2_000

export class Readings {
  readonly #bus: BusHandle
  readonly #now: () => Instant
  readonly #catalogues = new Map<string, Catalogue>()

  constructor(bus: BusHandle, now: () => Instant) {
    this.#bus = bus
    this.#now = now
  }

  /** @throws Error when one of the services does not answer. */
  async of(account: string): Promise<Reading> {
    const [plan, card] = await Promise.all([this.plan(account), this.#card(account)])
    return { plan, card }
  }

  async plan(account: string): Promise<PlanStanding> {
    const subject = SUBJECTS.subscriptionsRequest("show")
    const text = await ask(this.#bus.connection, subject, JSON.stringify({ op: "show", account }), READ_MS)
    const reply = JSON.parse(text) as SubscriptionsReply<SubscriptionView>
    if (!("ok" in reply)) throw new Error(`subscriptions: ${reply.refused.code}, ${reply.refused.detail}`)
    const { status, plan, complimentary, asOf } = reply.ok
    // R9.7: a plan that was given away tops nothing up.
    const policy = status === "free" || complimentary ? null : await this.#policy(plan)
    return { status, policy, isPolicyTold: false, asOf, facts: [] }
  }

  async #card(account: string): Promise<CardStanding> {
    const asOf = this.#now()
    const subject = SUBJECTS.paymentsRequest("method")
    const text = await ask(this.#bus.connection, subject, JSON.stringify({ op: "method", account }), READ_MS)
    const reply = JSON.parse(text) as PaymentsReply<MethodView | null>
    if ("ok" in reply) return { isKnown: true, card: cardOf(reply.ok), asOf, facts: [] }
    const { code, detail } = reply.refused
    if (code === "not_found" || code === "payment_method_required")
      return { isKnown: true, card: null, asOf, facts: [] }
    throw new Error(`payments: ${code}, ${detail}`)
  }

  /** Of the plan in the catalogue in force now; null: none. */
  async #policy(planId: string): Promise<Policy | null> {
    const list = await kvGet(this.#bus, BUCKETS.catalogues, CURRENT_KEY)
    const { versions } = (list === undefined ? { versions: [] } : JSON.parse(list.text)) as Pick<
      VersionList,
      "versions"
    >
    const inForce = versions.findLast(({ effectiveAt }) => effectiveAt <= this.#now())
    if (inForce === undefined) throw new Error("no catalogue is in force")
    const catalogue = this.#catalogues.get(inForce.version) ?? (await this.#load(inForce.version))
    const plan = catalogue.plans.find(({ id }) => id === planId)
    return policyOf(plan?.autoTopUp ?? null)
  }

  async #load(version: string): Promise<Catalogue> {
    const value = await kvGet(this.#bus, BUCKETS.catalogues, version)
    if (value === undefined) throw new Error(`the catalogue ${version} is not in its bucket`)
    const read = readCatalogue(JSON.parse(value.text))
    if (!("ok" in read)) throw new Error(`the catalogue ${version}: ${read.invalid[0]?.detail ?? "invalid"}`)
    this.#catalogues.set(version, read.ok)
    return read.ok
  }
}
