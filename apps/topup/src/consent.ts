/**
 * The customer's consent (R9.1): off until given, given by the customer's own action only, and every change of it a
 * record that is never changed. Pure. Owns what a record says; the log itself is a table that is only added to.
 */
import type { ConsentRecord } from "@credits/contracts"
import type { Instant } from "@credits/kernel"

/** A consent in force. */
export interface Consent {
  readonly capCents: number
  readonly textVersion: string
  readonly source: string
  /** When the customer last agreed. */
  readonly at: Instant
  /** Given while the plan was canceling, after being told what would freeze (R9.7): it goes on to the end. */
  readonly keptOn: boolean
}

/** One line of an account's log; `n` counts from 1. */
export interface ConsentRow extends ConsentRecord {
  readonly account: string
  readonly n: number
}

/** What a change of the consent is recorded as. A record of what ended it names no text. */
export const recordOf = (
  account: string,
  n: number,
  at: Instant,
  action: ConsentRecord["action"],
  consent: Consent | null,
  source: string,
): ConsentRow => {
  const isCustomers = action === "enabled" || action === "cap_changed"
  return {
    account,
    n,
    at,
    action,
    textVersion: isCustomers ? (consent?.textVersion ?? null) : null,
    monthlyCapCents: consent?.capCents ?? null,
    source,
  }
}
