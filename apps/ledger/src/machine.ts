/**
 * The ledger as the partition runtime sees it: the pure functions of this folder behind one interface.
 */
import {
  commandKey,
  isBad,
  type BadCommand,
  type Decision,
  type EntryHead,
  type History,
  type Machine,
  type OpenHolds,
} from "@credits/actor"
import type { Charge, EntryKind, RefusalCode } from "@credits/contracts"
import { partitionOf, type Nano } from "@credits/kernel"
import { emptyAccount, evolve, warm, type Account } from "./account.ts"
import { decideCharge, reversalKey, type ChargedEntry } from "./charge.ts"
import { decodeRequest, type Command, type ReadCommand, type WriteCommand } from "./command.ts"
import { decide } from "./decide.ts"
import { applyDue } from "./due.ts"
import { decodeBody, encodeBody, type Entry } from "./entry.ts"
import { decodeCharges } from "./intake.ts"
import { levelsOf, Signals, type Levels } from "./signal.ts"
import { decodeSnapshot, encodeSnapshot } from "./snapshot.ts"
import { statementOf } from "./statement.ts"
import { holdOf, tickOf, walletOf } from "./wallet.ts"

/**
 * Refusals that decided nothing, so nothing is remembered under the request's id: those that say "ask again", and those
 * of a request that can be put right. A reversal's id is its charge: one refused for its amount must not lock out the
 * right one.
 */
const NOT_KEPT = new Set<string>([
  "top_up_in_progress",
  "renewal_in_progress",
  "overloaded",
  "unavailable",
  "invalid",
  "charge_not_found",
  "already_reversed",
])

/**
 * The charge a reversal is about, found by its event id, and its earlier reversals by their keys. Those of re-ratings
 * are numbered among all reversals of the charge, so at most one number is left out: the one without a number.
 */
const chargeOf = async (history: History, chargeId: string): Promise<ChargedEntry | null> => {
  const stored = await history.recorded(commandKey(chargeId), "charged", chargeId)
  if (stored === undefined) return null
  const asOf = (await history.entry(history.head))?.n ?? 0
  const amountOf = async (key: string): Promise<Nano | null> => {
    const reversal = await history.recorded(key, "reversed", chargeId)
    return reversal === undefined ? null : -decodeBody("reversed", reversal.at, reversal.body).spent
  }
  const amounts = [await amountOf(reversalKey(chargeId, null))]
  for (let nth = 1; amounts.at(-1) !== null || amounts.at(-2) !== null; nth++)
    amounts.push(await amountOf(reversalKey(chargeId, nth)))
  const given = amounts.filter((amount) => amount !== null)
  const { spent: cost, lots, usage, usedAt } = decodeBody("charged", stored.at, stored.body)
  const reversed = given.reduce((sum, amount) => sum + amount, 0n)
  return { id: chargeId, cost, lots, usage, usedAt, reversed, reversals: given.length, asOf }
}

const read = (account: Account, command: ReadCommand, now: number, history: History): unknown => {
  switch (command.op) {
    case "wallet":
      return walletOf(account, now)
    case "hold":
      return holdOf(account, command.holdId)
    case "statement":
      return statementOf(command, account.available, history)
  }
}

const openHolds = ({ holds }: Account): OpenHolds | null => {
  if (holds === null || holds.size === 0) return null
  let firstExpiry = Number.POSITIVE_INFINITY
  for (const { expiresAt } of holds.values()) if (expiresAt < firstExpiry) firstExpiry = expiresAt
  return { count: holds.size, firstExpiry }
}

export const makeLedgerMachine = (): Machine<Account, EntryHead, Command, Charge> => {
  const signals = new Signals()
  return {
    empty: emptyAccount,
    partitionOf,
    encodeSnapshot,
    decodeSnapshot,
    decodeEntry: (kind, at, body) => decodeBody(kind as EntryKind, at, body),
    encodeEntry: (entry) => encodeBody(entry as Entry),
    evolve: (account, entry) => evolve(account, entry as Entry),
    numberOf: (account) => account.n,
    warm,
    nextDue: (account) => account.nextDue,
    applyDue: (account, now, holdsMayExpire, entries) =>
      applyDue(account, now, holdsMayExpire, entries as Array<Entry>),
    decodeRequest: (text, partition, restricted) => {
      const command = decodeRequest(text, partition, restricted)
      return "code" in command ? { invalid: JSON.stringify({ refused: command }) } : command
    },
    decodeMessage: (payload, partition): ReadonlyArray<Charge | BadCommand> | BadCommand => {
      const charges = decodeCharges(payload, partition)
      return "bad" in charges && isBad(charges) ? charges : charges
    },
    decideCommand: (account, charge, ctx, entries) => decideCharge(account, charge, ctx, entries as Array<Entry>),
    decideRequest: (account, command, ctx, entries, prepared) =>
      decide(
        account,
        command as WriteCommand,
        ctx,
        entries as Array<Entry>,
        (prepared as ChargedEntry | null | undefined) ?? null,
      ) as Decision,
    prepare: (command) => (command.op === "reverse" ? (history) => chargeOf(history, command.chargeId) : undefined),
    read: (account, command, now, history) => read(account, command as ReadCommand, now, history),
    keepsRefusal: (decision) => decision._tag === "refused" && !NOT_KEPT.has(decision.refusal.code),
    refusal: (code: RefusalCode, detail) => ({ code, detail }),
    mark: levelsOf,
    notices: (before, account, decision, entries, now) =>
      signals.of(
        before as Levels,
        account,
        decision as Parameters<Signals["of"]>[2],
        entries as ReadonlyArray<Entry>,
        now,
      ),
    balance: (account) => (account.available + account.held).toString(),
    tick: tickOf,
    openHolds,
  }
}
