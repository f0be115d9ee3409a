/**
 * The first-month offer (R3): only for a new monthly subscription, once per account for ever (I11). Pure. The claim is
 * part of the decision that begins the purchase, so two purchases cannot both have it.
 */
import type { Interval } from "@credits/contracts"
import { isUndecided, type State } from "./subscription.ts"

/** R3.2: never claimed, and no plan now. A purchase in flight without the offer does not use it up. */
export const isOfferEligible = (state: State): boolean =>
  state.offerClaimedBy === null && state.subscription === null && !isUndecided(state)

/** R3.1: the year never uses it. */
export const isAtOffer = (state: State, action: "new" | "upgrade", interval: Interval): boolean =>
  action === "new" && interval === "monthly" && isOfferEligible(state)

/** At purchase, by its obligation. */
export const claimOffer = (state: State, obligation: string): State => ({ ...state, offerClaimedBy: obligation })

/** A purchase that definitely failed gives it back; one that was paid keeps it for ever. */
export const releaseOffer = (state: State, obligation: string): State =>
  state.offerClaimedBy === obligation ? { ...state, offerClaimedBy: null } : state
