/**
 * One account under test, driven the way the partition runtime drives it: due work first, then the decision, time and
 * ids from outside. Owns nothing of the rules; amounts are nano-USD.
 */
import type { Charge, LotKind } from "@credits/contracts"
import type { Instant, Nano } from "@credits/kernel"
import { assertHolds, emptyAccount, type Account } from "./account.ts"
import { decideAuthorize, decideExtend, decideRelease, HOLD_TTL_MS } from "./authorize.ts"
import { decideCharge, decideReverse, type ChargedEntry } from "./charge.ts"
import { applyDue } from "./due.ts"
import { decideEntitle, decideFreeze, decideMark } from "./entitlement.ts"
import type { Entry, EntitlementOpened } from "./entry.ts"
import { decideAdjust, decideGrant, decideRevoke } from "./grant.ts"
import { findLot, NEVER } from "./lot.ts"
import type { Context, Outcome } from "./outcome.ts"
import { decodeSnapshot, encodeSnapshot } from "./snapshot.ts"

export const ACCOUNT = "acc_test"

/** Ids as the service makes them, but countable: the n-th lot, the n-th hold. */
export const lotId = (n: number): string => `lot_${String(n).padStart(26, "0")}`
export const holdId = (n: number, account = ACCOUNT): string => `hold_${String(n).padStart(26, "0")}${account.slice(4)}`

export interface GrantOptions {
  readonly expiresAt?: Instant
  readonly cause?: string
}

export class Desk {
  account: Account = emptyAccount(ACCOUNT)
  readonly entries: Array<Entry> = []
  holdsMayExpire = true
  now: Instant
  #lots = 0
  #holds = 0
  #commands = 0

  constructor(now: Instant = 0) {
    this.now = now
  }

  context(): Context {
    return {
      now: this.now,
      holdsMayExpire: this.holdsMayExpire,
      newLotId: () => lotId((this.#lots += 1)),
      newHoldId: (account) => holdId((this.#holds += 1), account),
    }
  }

  /** Moves time and runs what falls due, as the owner does when it wakes up. */
  at(now: Instant): this {
    this.now = now
    applyDue(this.account, now, this.holdsMayExpire, this.entries)
    assertHolds(this.account)
    return this
  }

  /** Runs one decision after the due work; a refusal must leave no entry. */
  run(decision: (context: Context, entries: Array<Entry>) => Outcome): Outcome {
    this.at(this.now)
    const before = this.entries.length
    const outcome = decision(this.context(), this.entries)
    if (outcome._tag !== "answered" && this.entries.length !== before) throw new Error("a refusal wrote an entry")
    assertHolds(this.account)
    return outcome
  }

  /** The owner stops and another one begins with what the database holds. */
  restart(): void {
    this.account = decodeSnapshot(ACCOUNT, encodeSnapshot(this.account))
  }

  commandId(): string {
    return `cmd-${(this.#commands += 1)}`
  }

  entitle(entitlement: Partial<EntitlementOpened> = {}): Outcome {
    const opened: EntitlementOpened = {
      plan: entitlement.hostedModels === false ? "free" : "plus",
      hostedModels: true,
      from: this.now,
      until: NEVER,
      pastDue: false,
      lowBelow: null,
      cycle: null,
      ...entitlement,
    }
    return this.run((context, entries) =>
      decideEntitle(this.account, { id: this.commandId(), entitlement: opened, reason: "" }, context, entries),
    )
  }

  /** No plan with hosted models from now on. */
  lapse(): Outcome {
    return this.entitle({ hostedModels: false })
  }

  grant(kind: LotKind, amount: Nano, { expiresAt, cause }: GrantOptions = {}): Outcome {
    const id = this.commandId()
    const command = { id, kind, amount, expiresAt: expiresAt ?? null, cause: cause ?? id, reason: "" }
    return this.run((context, entries) => decideGrant(this.account, command, context, entries))
  }

  revoke(lot: string, amount: Nano): Outcome {
    const command = { id: this.commandId(), lotId: lot, amount, reason: "" }
    return this.run((context, entries) => decideRevoke(this.account, command, context, entries))
  }

  adjust(amount: Nano, expiresAt: Instant | null = null): Outcome {
    const command = { id: this.commandId(), amount, reason: "support", expiresAt }
    return this.run((context, entries) => decideAdjust(this.account, command, context, entries))
  }

  authorize(amount: Nano, atLeast: Nano | null = null, ttl: number = HOLD_TTL_MS): Outcome {
    const command = { id: this.commandId(), amount, atLeast, ttl }
    return this.run((context, entries) => decideAuthorize(this.account, command, context, entries))
  }

  extend(hold: string, amount: Nano): Outcome {
    const command = { id: this.commandId(), holdId: hold, amount }
    return this.run((context, entries) => decideExtend(this.account, command, context, entries))
  }

  release(hold: string): Outcome {
    const command = { id: this.commandId(), holdId: hold }
    return this.run((context, entries) => decideRelease(this.account, command, context, entries))
  }

  charge(cost: Nano, charge: Partial<Charge> = {}): Outcome {
    const defaults = { id: this.commandId(), account: ACCOUNT, occurredAt: this.now, holdId: "", hash: "h" }
    const whole: Charge = { ...defaults, cost, usage: "openai|gpt|b1|1|1|0|0|0|0|0|1|ok|r", ...charge }
    return this.run((context, entries) => decideCharge(this.account, whole, context, entries))
  }

  /** Reverses a charge as the service does: it and what came back of it are read back from their entries. */
  reverse(chargeId: string, amount: Nano | null = null, nth: number | null = null): Outcome {
    const command = { amount, nth, reason: "correction" }
    return this.run((context, entries) =>
      decideReverse(this.account, this.#charged(chargeId), command, context, entries),
    )
  }

  #charged(id: string): ChargedEntry | null {
    const own = this.entries.filter((entry) => entry.cause === id)
    const charged = own.find(({ kind }) => kind === "charged")
    if (charged === undefined) return null
    const given = own.filter(({ kind }) => kind === "reversed")
    const reversed = given.reduce((sum, { spent }) => sum - spent, 0n)
    const { spent: cost, lots, usage, usedAt } = charged
    return { id, cost, lots, usage, usedAt, reversed, reversals: given.length, asOf: this.account.n }
  }

  freeze(reason: string): Outcome {
    const command = { id: this.commandId(), reason, freeze: true }
    return this.run((context, entries) => decideFreeze(this.account, command, context, entries))
  }

  unfreeze(): Outcome {
    const command = { id: this.commandId(), reason: "cleared", freeze: false }
    return this.run((context, entries) => decideFreeze(this.account, command, context, entries))
  }

  mark(mark: "refill" | "renewal", until: Instant): Outcome {
    const command = { id: this.commandId(), mark, until }
    return this.run((context, entries) => decideMark(this.account, command, context, entries))
  }

  /** What is left of the n-th lot opened, 0 when the account no longer has it. */
  left(n: number): Nano {
    return findLot(this.account.lots, lotId(n))?.remaining ?? 0n
  }

  last(): Entry {
    const entry = this.entries.at(-1)
    if (entry === undefined) throw new Error("no entry yet")
    return entry
  }
}

/** The refusal's code, or what else happened: what a test asks first. */
export const codeOf = (outcome: Outcome): string =>
  outcome._tag === "refused" ? outcome.refusal.code : outcome._tag === "review" ? outcome.reason : "answered"

/** A field of an answer, for reading it without its type. */
export const fieldOf = (outcome: Outcome, field: string): unknown => {
  if (outcome._tag !== "answered") throw new Error(`not answered but ${codeOf(outcome)}`)
  return (outcome.answer as Readonly<Record<string, unknown>>)[field]
}
