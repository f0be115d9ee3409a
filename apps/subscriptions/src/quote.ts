/**
 * Quotes (R4.1, R4.2, R4.4): what a plan would cost this account now, line by line, kept so that confirming charges
 * exactly that. Pure. Owns who may be quoted what, the lines and the words, and when a quote no longer holds.
 */
import type { QuoteView, SubscriptionsRefusalCode, WalletAnswer } from "@credits/contracts"
import { NANO_PER_CENT, dayOf, formatUsd, type Instant, type Nano } from "@credits/kernel"
import { catalogueAt } from "@credits/pricebook"
import type { Change } from "./change.ts"
import { isAtOffer } from "./offer.ts"
import { cycleEnd, firstPeriod, periodEnd, type Period } from "./period.ts"
import { inFull, prorate, type Proration } from "./proration.ts"
import type { Quote, State } from "./subscription.ts"
import { planOf, termsOf, type PlanTerms } from "./terms.ts"
import { availableAfter, unheldOf } from "./wallet-read.ts"

/** R4.4. */
export const QUOTE_MS = 10 * 60_000
/** Older ones are forgotten. */
export const QUOTES_KEPT = 5

export interface Refusal {
  readonly code: SubscriptionsRefusalCode
  readonly detail: string
  readonly field?: string
}

const refuse = (code: SubscriptionsRefusalCode, detail: string, field?: string): Refusal =>
  field === undefined ? { code, detail } : { code, detail, field }

/** R4.1: self-service goes up only. Null: it does. */
const directionRefusal = ({ subscription }: State, wanted: PlanTerms): Refusal | null => {
  if (subscription === null) return null
  if (subscription.kind === "complimentary") {
    return wanted.rank >= subscription.rank
      ? null
      : refuse("downgrade_not_available", `${wanted.name} is below your plan; support can help`)
  }
  const { terms } = subscription
  if (wanted.plan === terms.plan && wanted.interval === terms.interval) {
    return refuse("already_on_plan", `you have ${terms.name} by this interval already`)
  }
  const goesUp = wanted.rank > terms.rank || (wanted.rank === terms.rank && wanted.plan === terms.plan)
  if (!goesUp || (terms.interval === "yearly" && wanted.interval === "monthly")) {
    return refuse("downgrade_not_available", "a lower plan or a shorter interval is arranged by support")
  }
  return null
}

/** The terms asked for, or why they cannot be had. */
export const wantedTerms = (
  change: Change,
  offering: { readonly plan: string; readonly interval: string },
): PlanTerms | Refusal => {
  const catalogue = catalogueAt(change.env.catalogues, change.now)
  if (catalogue === null) return refuse("unavailable", "no catalogue is in force; ask again")
  if (planOf(catalogue, offering.plan) === null)
    return refuse("plan_unknown", `there is no plan ${offering.plan}`, "plan")
  const { interval } = offering
  if (interval !== "monthly" && interval !== "yearly") {
    return refuse("invalid", "interval must be monthly or yearly", "interval")
  }
  const terms = termsOf(catalogue, { plan: offering.plan, interval })
  if (terms === null) return refuse("not_sold", `${offering.plan} is not sold ${interval}`, "plan")
  return directionRefusal(change.state, terms) ?? terms
}

const usd = (cents: number): string => formatUsd(BigInt(cents) * NANO_PER_CENT)

/** What is to be paid and taken back, and from which lot. */
interface Priced {
  readonly proration: Proration
  readonly price: Nano
  readonly from: string | null
  /** End of the credit cycle the price depends on. */
  readonly boundary: Instant | null
}

/** R4.2, R4.7: a paid period that runs is credited; a complimentary plan or an unpaid renewal is not. */
const priceOf = ({ subscription }: State, terms: PlanTerms, offerPrice: Nano | null, at: Instant): Priced => {
  const price = offerPrice ?? terms.price
  if (subscription?.kind !== "paid" || subscription.pastDue !== null) {
    return { proration: inFull(price), price, from: null, boundary: null }
  }
  const { period, paidValue, terms: old, lot } = subscription
  const running = { period, paidValue, creditsPerCycle: old.creditsPerCycle }
  return { proration: prorate(price, running, at), price, from: lot.cause, boundary: cycleEnd(period) }
}

/** Lines that add up to what is due, in whole cents. */
const linesOf = (state: State, terms: PlanTerms, atOffer: boolean, priced: Priced): QuoteView["lines"] => {
  const { chargeCents, waivedCents } = priced.proration
  const due = BigInt(chargeCents + waivedCents) * NANO_PER_CENT
  const label = `${terms.name}, ${terms.interval === "yearly" ? "one year" : "one month"}`
  const lines = [{ label: atOffer ? `${label} (first-month offer)` : label, amount: priced.price.toString() }]
  if (due !== priced.price) {
    const old = state.subscription?.kind === "paid" ? state.subscription.terms.name : ""
    lines.push({ label: `Unused time of ${old}`, amount: (due - priced.price).toString() })
  }
  if (waivedCents > 0) {
    lines.push({ label: "Too small to charge, waived", amount: (BigInt(-waivedCents) * NANO_PER_CENT).toString() })
  }
  return lines
}

interface Credit {
  readonly revoked: Nano
  /** Credit used beyond the share that is kept: it makes the new grant smaller. */
  readonly alreadyUsed: Nano
}

const creditOf = (wallet: WalletAnswer, priced: Priced): Credit => {
  const { takenBack } = priced.proration
  const unheld = priced.from === null ? 0n : unheldOf(wallet, priced.from)
  const revoked = unheld < takenBack ? unheld : takenBack
  return { revoked, alreadyUsed: takenBack - revoked }
}

/** R4.4 in words. */
const notesOf = (state: State, terms: PlanTerms, atOffer: boolean, period: Period, priced: Priced, credit: Credit) => {
  const { subscription } = state
  const paid = subscription?.kind === "paid" ? subscription : null
  const renews = `renews on ${dayOf(periodEnd(period))} for ${formatUsd(terms.price)} USD`
  const notes = [
    subscription === null
      ? `A new period starts when the payment is proven and ${renews}.`
      : `A new period starts today and ${renews}.`,
  ]
  if (atOffer) notes.push("The first month is at the offer for new monthly subscriptions, once per account.")
  const { chargeCents, waivedCents } = priced.proration
  const unused = priced.price - BigInt(chargeCents + waivedCents) * NANO_PER_CENT
  if (paid !== null && unused > 0n) notes.push(`Unused time of ${paid.terms.name}: −${formatUsd(unused)} USD.`)
  if (credit.alreadyUsed > 0n) {
    const used = formatUsd(credit.alreadyUsed)
    notes.push(`Credits already used beyond the kept share: −${used} USD of the new credits.`)
  }
  if (waivedCents > 0) notes.push(`${usd(waivedCents)} USD is below the smallest charge and waived.`)
  if (paid === null) return notes
  if (paid.cancelAtPeriodEnd) notes.push("Your cancellation is undone: the subscription goes on.")
  if (paid.downgrade !== null) notes.push(`The scheduled change to ${paid.downgrade.plan} is dropped.`)
  if (paid.pastDue !== null) notes.push("The open renewal is closed, and nothing is credited for it.")
  return notes
}

/** Makes a quote at `at` for terms that may be had, with the wallet as it was then. */
export const makeQuote = (change: Change, terms: PlanTerms, wallet: WalletAnswer, at: Instant): Quote => {
  const { state, newId } = change
  const action = state.subscription === null ? "new" : "upgrade"
  const firstMonth = firstMonthPrice(change, terms)
  const atOffer = firstMonth !== null && isAtOffer(state, action, terms.interval)
  const priced = priceOf(state, terms, atOffer ? firstMonth : null, at)
  const credit = creditOf(wallet, priced)
  const period = firstPeriod(at, terms.interval)
  const id = newId("qt")
  const grant = terms.creditsPerCycle > credit.alreadyUsed ? terms.creditsPerCycle - credit.alreadyUsed : 0n
  const view: QuoteView = {
    quoteId: id,
    quotedAt: at,
    expiresAt: at + QUOTE_MS,
    action,
    plan: terms.plan,
    interval: terms.interval,
    catalogueVersion: terms.version,
    lines: linesOf(state, terms, atOffer, priced),
    dueTodayCents: priced.proration.chargeCents,
    newGrant: terms.creditsPerCycle.toString(),
    revoked: credit.revoked.toString(),
    alreadyUsed: credit.alreadyUsed.toString(),
    availableAfter: availableAfter(wallet, grant, credit.revoked).toString(),
    nextChargeAt: periodEnd(period),
    nextChargeCents: Number(terms.price / NANO_PER_CENT),
    notes: notesOf(state, terms, atOffer, period, priced, credit),
  }
  return {
    id,
    at,
    expiresAt: view.expiresAt,
    action,
    terms,
    atOffer,
    proration: priced.proration,
    revision: state.revision,
    cycleEnd: priced.boundary,
    view,
    attempts: 0,
    result: null,
  }
}

/** Null: the plan has no price of its own for a first month. */
const firstMonthPrice = (change: Change, terms: PlanTerms): Nano | null => {
  const catalogue = catalogueAt(change.env.catalogues, change.now)
  const monthly = (catalogue === null ? null : planOf(catalogue, terms.plan))?.monthly ?? null
  return monthly === null || monthly.firstMonth >= monthly.renewal ? null : monthly.firstMonth
}

/** Why a quote can no longer be confirmed (R4.4); null: it can. */
export const quoteRefusal = (state: State, quote: Quote, now: Instant): Refusal | null => {
  if (now >= quote.expiresAt) return refuse("quote_expired", "this quote has expired; ask for a new one")
  const passed = quote.cycleEnd !== null && now >= quote.cycleEnd
  if (quote.revision !== state.revision || passed || (quote.atOffer && state.offerClaimedBy !== null)) {
    return refuse("quote_stale", "the subscription has changed since this quote; ask for a new one")
  }
  return null
}
