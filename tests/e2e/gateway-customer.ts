/** Customers of the gateway's tests: signed in, with a plan and just so much credit. Owns no expectation. */
import { askOwner, type BusHandle } from "@credits/bus"
import { type LedgerReply, type LedgerRequest, SUBJECTS } from "@credits/contracts"
import { partitionOf, usd } from "@credits/kernel"
import { Customer, type SystemUnderTest } from "@credits/testkit"

export interface GatewayTesting {
  readonly system: SystemUnderTest
  /** Of the gateway scope. */
  readonly key: string
  /** For spools. */
  readonly folder: string
  readonly support: (request: Record<string, unknown> & { readonly account: string }) => Promise<void>
}

/** Commands to the ledger as support gives them. */
export const supportOf = (bus: BusHandle): GatewayTesting["support"] => {
  let commands = 0
  return async (request) => {
    const text = JSON.stringify({ id: `gateway-e2e-${++commands}`, ...request } as unknown as LedgerRequest)
    const subject = SUBJECTS.ledgerRequest(partitionOf(request.account))
    const reply = JSON.parse(await askOwner(bus.connection, subject, text)) as LedgerReply<unknown>
    if (!("ok" in reply)) throw new Error(`${reply.refused.code}: ${reply.refused.detail}`)
  }
}

let people = 0

/** Without an amount on the Free plan; with one entitled to hosted models. */
export const customerWith = async ({ system, support }: GatewayTesting, creditUsd?: string): Promise<Customer> => {
  const customer = await Customer.signIn(system.url, `gateway-${++people}@example.com`)
  if (creditUsd === undefined) return customer
  const { account } = customer
  await support({ op: "entitle", account, plan: "plus", hostedModels: true, reason: "test" })
  const amount = String(usd(creditUsd))
  await support({ op: "grant", account, kind: "promo", amount, cause: `grant:${account}` })
  return customer
}

/** For `expect.poll`: a fact that comes by itself, on a machine that may be busy. */
export const SOON = { timeout: 30_000, interval: 25 }
