/**
 * Sentences about a customer's life for tests of the machine: subscribe, upgrade, spend, and what is to be seen then.
 */
import type { QuoteView, SubscriptionsRefusalCode } from "@credits/contracts"
import { usd, type Instant } from "@credits/kernel"
import { readCatalogue, type Catalogue, type CatalogueData } from "@credits/pricebook"
import { defaultCatalogueData } from "@credits/pricebook/defaults"
import type { SagaAnswer } from "@credits/actor/saga"
import { assert } from "vitest"
import { viewOf } from "./view.ts"
import { ACCOUNT, World, type Asked } from "./world.fixture.ts"

export const DAY = 86_400_000
export const MIDDLE = Date.UTC(2026, 10, 16)
export const DECEMBER = Date.UTC(2026, 11, 1)

let requests = 0

export const quote = (world: World, plan: string, interval = "monthly"): SagaAnswer => {
  const id = `q${++requests}`
  return world.request({ op: "quote", id, account: ACCOUNT, plan, interval, wallet: world.book.wallet(world.now) })
}

export const quoted = (world: World, plan: string, interval = "monthly"): QuoteView => {
  const answer = quote(world, plan, interval)
  assert.property(answer, "ok", JSON.stringify(answer))
  return (answer as { ok: QuoteView }).ok
}

const confirmation = (quoteId: string) => ({ op: "confirm", id: `c${++requests}`, account: ACCOUNT, quoteId }) as const

export const confirm = (world: World, quoteId: string): SagaAnswer => world.request(confirmation(quoteId))

/** Asks and leaves everything under way as it is. */
export const confirmLater = (world: World, quoteId: string): Asked => world.ask(confirmation(quoteId))

export const buy = (world: World, plan: string, interval = "monthly"): QuoteView => {
  const view = quoted(world, plan, interval)
  assert.deepStrictEqual(confirm(world, view.quoteId), { ok: { status: "done" } })
  return view
}

/** On Plus since `START`: at the offer, or past it at the renewal price, whichever `months` says. */
export const onPlus = (months = 0): World => {
  const world = new World(months === 0 ? undefined : Date.UTC(2026, 10 - months, 1))
  buy(world, "plus")
  world.to(Date.UTC(2026, 10, 1))
  return world
}

const command = (op: "cancel" | "resume" | "pay") => ({ op, id: `${op}${++requests}`, account: ACCOUNT }) as const
export const cancel = (world: World): SagaAnswer => world.request(command("cancel"))
export const resume = (world: World): SagaAnswer => world.request(command("resume"))
export const pay = (world: World): SagaAnswer => world.request(command("pay"))
export const payLater = (world: World): Asked => world.ask(command("pay"))

export const view = (world: World) => viewOf(world.state, world.env.catalogues, world.now)

export const refusedWith = (answer: SagaAnswer | null, code: SubscriptionsRefusalCode): void => {
  assert.strictEqual((answer as { refused?: { code: string } } | null)?.refused?.code, code, JSON.stringify(answer))
}

export const balance = (world: World) => world.book.balance(world.now)
export const spend = (world: World, amount: string): void => world.book.spend(usd(amount), world.now)
export const told = (world: World): ReadonlyArray<string> => world.facts.map((fact) => fact.kind)
/** What was charged, in order: `obligation: cents`. */
export const taken = (world: World): ReadonlyArray<string> =>
  [...world.payments.taken].map(([obligation, cents]) => `${obligation.split(":")[0]}: ${cents}`)

/** The default catalogue with prices and credits changed, in force from an instant. */
export const catalogueFrom = (
  version: string,
  effectiveAt: Instant,
  changes: Readonly<Record<string, Partial<CatalogueData["plans"][number]>>>,
): Catalogue => {
  const plans = defaultCatalogueData.plans.map((plan) => ({ ...plan, ...changes[plan.id] }))
  const read = readCatalogue({ version, effectiveAt: new Date(effectiveAt).toISOString(), plans })
  if ("invalid" in read) throw new Error(JSON.stringify(read.invalid))
  return read.ok
}
