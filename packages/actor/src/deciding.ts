/**
 * The deciding part of a group commit: requests, stream commands and due work against loaded actors, into a draft.
 * Synchronous. Knows duplicates and what was set aside; knows nothing of the database.
 */
import { Histogram } from "@credits/telemetry"
import { replyText, type AnyMachine, type CommandUnit, type Draft, type Names, type RequestUnit } from "./batch.ts"
import type { DueHeap } from "./due-heap.ts"
import { commandKey } from "./history.ts"
import {
  isBad,
  type Decision,
  type DecisionContext,
  type EntryHead,
  type Request,
  type StreamCommand,
} from "./machine.ts"
import type { Claim, NewReceipt, StoredReceipt } from "./rows.ts"
import type { Slot, Slots } from "./slots.ts"

/** Refused authorizations are remembered for 24 h (decision 12). */
const REFUSAL_KEPT_MS = 24 * 3_600_000

/** A decision threw: which unit, and why. */
export class DecisionThrew extends Error {
  override readonly name = "DecisionThrew"
  readonly unit: { poison: string }
  readonly account: string
  constructor(unit: { poison: string }, account: string, cause: unknown) {
    super(cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause), { cause })
    this.unit = unit
    this.account = account
  }
}

export interface Counters {
  commits: number
  entries: number
  commitMs: number
  requests: number
  commands: number
  duplicates: number
  refusals: number
  deadLetters: number
  deadLettersByReason: Record<string, number>
  fenceLosses: number
  snapshots: number
  dueRan: number
  readonly commitSeconds: Histogram
  readonly commitEntries: Histogram
}

/** 0.5 ms to 4 s. */
const SECONDS = Array.from({ length: 14 }, (_, i) => 0.000_5 * 2 ** i)
/** One entry to the cap of a batch decided ahead. */
const ENTRIES = [1, 4, 16, 64, 256, 1_024, 4_096, 8_192]

const noCounts = (): Counters => ({
  commits: 0,
  entries: 0,
  commitMs: 0,
  requests: 0,
  commands: 0,
  duplicates: 0,
  refusals: 0,
  deadLetters: 0,
  deadLettersByReason: {},
  fenceLosses: 0,
  snapshots: 0,
  dueRan: 0,
  commitSeconds: new Histogram(SECONDS),
  commitEntries: new Histogram(ENTRIES),
})

export interface DecidingParts<State> {
  readonly machine: AnyMachine<State>
  readonly names: Names
  readonly slots: Slots<State>
  readonly due: DueHeap<State>
  readonly newIds: Pick<DecisionContext, "newLotId" | "newHoldId">
}

/** Actors read ahead of their decisions: some 30 lines of a cache each, which must not push each other out. */
const WARMED = 32

/** Keys alone are looked up in most cases: joining two strings for each request is seen in profiles. */
class ReceiptsOfBatch {
  readonly #byKey = new Map<string, NewReceipt>()
  /** Of accounts whose key another account used first. */
  readonly #others = new Map<string, NewReceipt>()

  get({ key, account }: Pick<NewReceipt, "key" | "account">): NewReceipt | undefined {
    const first = this.#byKey.get(key)
    return first === undefined || first.account === account ? first : this.#others.get(`${key} ${account}`)
  }

  add(receipt: NewReceipt): void {
    const { key, account } = receipt
    if (this.#byKey.has(key)) this.#others.set(`${key} ${account}`, receipt)
    else this.#byKey.set(key, receipt)
  }
}

export class Deciding<State> {
  readonly counters = noCounts()
  /** False after a takeover until the owner has caught up (decision 11). */
  holdsMayExpire = false
  /** Accounts whose books did not close: refused until the process restarts, everyone else goes on (decision 5). */
  readonly broken = new Map<string, string>()
  /** Of `#warm`: for everyone to see, so that no compiler leaves its reads out as useless. */
  lastRead = 0
  readonly #machine: AnyMachine<State>
  readonly #names: Names
  readonly #slots: Slots<State>
  readonly #due: DueHeap<State>
  readonly #newIds: Pick<DecisionContext, "newLotId" | "newHoldId">
  /** Scratch of the decision being made: at 100,000 a second what is not allocated is not collected. */
  readonly #entries: Array<EntryHead> = []
  #before: unknown = null
  #n = 0
  #context: DecisionContext | null = null
  #contextDraft: Draft<State> | null = null

  constructor({ machine, names, slots, due, newIds }: DecidingParts<State>) {
    this.#machine = machine
    this.#names = names
    this.#slots = slots
    this.#due = due
    this.#newIds = newIds
  }

  /** Sets the unit aside, and its account when its books do not close; the batch is then decided again without it. */
  setAside(thrown: DecisionThrew): void {
    thrown.unit.poison = thrown.message
    const cause = thrown.cause as { readonly name?: string; readonly account?: string }
    if (cause.name === "IdentityBroken" && cause.account !== undefined) this.broken.set(cause.account, thrown.message)
  }

  #applyDue(slot: Slot<State>, draft: Draft<State>): void {
    const machine = this.#machine
    if (machine.nextDue(slot.state) > draft.now) return
    const entries = this.#begin(slot, draft)
    this.counters.dueRan += machine.applyDue(slot.state, draft.now, this.holdsMayExpire, entries)
    this.#keep(slot, null, entries, draft)
  }

  /** Marks where the actor stands; answers the array its entries go to, which is one and the same for all of them. */
  #begin(slot: Slot<State>, draft: Draft<State>): Array<EntryHead> {
    const machine = this.#machine
    this.#before = machine.mark(slot.state)
    this.#n = machine.numberOf(slot.state)
    this.#entries.length = 0
    this.#slots.used(slot)
    draft.touched.push(slot)
    return this.#entries
  }

  /** One for a whole batch: its instant and fresh ids. */
  #contextOf(draft: Draft<State>): DecisionContext {
    if (this.#contextDraft !== draft) {
      this.#contextDraft = draft
      this.#context = { now: draft.now, holdsMayExpire: this.holdsMayExpire, ...this.#newIds }
    }
    return this.#context!
  }

  #decideRequest(slot: Slot<State>, draft: Draft<State>, unit: RequestUnit<Request>, prepared: unknown): Decision {
    try {
      this.#applyDue(slot, draft)
      const entries = this.#begin(slot, draft)
      const ctx = this.#contextOf(draft)
      const decision = this.#machine.decideRequest(slot.state, unit.request, ctx, entries, prepared)
      this.#keep(slot, decision, entries, draft)
      return decision
    } catch (error) {
      throw new DecisionThrew(unit, slot.account, error)
    }
  }

  #decideCommand(
    slot: Slot<State>,
    draft: Draft<State>,
    unit: CommandUnit<StreamCommand>,
    command: StreamCommand,
  ): Decision {
    try {
      this.#applyDue(slot, draft)
      const entries = this.#begin(slot, draft)
      const decision = this.#machine.decideCommand(slot.state, command, this.#contextOf(draft), entries)
      this.#keep(slot, decision, entries, draft)
      return decision
    } catch (error) {
      throw new DecisionThrew(unit, slot.account, error)
    }
  }

  #keep(slot: Slot<State>, decision: Decision | null, entries: ReadonlyArray<EntryHead>, draft: Draft<State>): void {
    const machine = this.#machine
    const slots = this.#slots
    for (let i = 0; i < entries.length; i++)
      slots.touched(slot, draft.add(machine, slot, entries[i]!, this.#n + 1 + i), draft.firstId)
    if (entries.length > 0) {
      draft.moved.push(slot)
      draft.heads.push(slot.head)
    }
    // Now, while it is at hand; should the batch fail, it waits for an instant that the actor itself knows better.
    this.#due.wait(slot, machine.nextDue(slot.state))
    const notices = machine.notices(this.#before, slot.state, decision, entries, draft.now)
    for (const notice of notices) draft.notice(slot, machine.balance(slot.state), notice)
  }

  /** Reads the next few actors in a loop that does nothing else: the processor then waits for many of them at once. */
  #warm(units: ReadonlyArray<{ readonly slot: { readonly account: string } | null }>, from: number): void {
    const { warm } = this.#machine
    if (warm === undefined) return
    const to = Math.min(units.length, from + WARMED)
    let read = 0
    for (let i = from; i < to; i++) {
      const slot = units[i]!.slot as Slot<State> | null
      const state = slot?.awake ?? null
      if (state !== null) read += slot!.head + slot!.waitsFor + warm(state)
    }
    this.lastRead = read
  }

  /** Requests in the order they came; answers go to `replies`, to be sent after the commit. */
  requests(
    units: ReadonlyArray<RequestUnit<Request>>,
    stored: ReadonlyArray<StoredReceipt | undefined>,
    prepared: ReadonlyMap<RequestUnit<Request>, unknown>,
    draft: Draft<State>,
    replies: Array<readonly [string, string]>,
  ): void {
    const machine = this.#machine
    const refuse = (
      unit: RequestUnit<Request>,
      code: "id_conflict" | "account_frozen" | "unavailable",
      detail: string,
    ) => replies.push([unit.reply, JSON.stringify({ refused: machine.refusal(code, detail) })])
    const here = new ReceiptsOfBatch()
    let at = 0
    for (let i = 0; i < units.length; i++) {
      if (i % WARMED === 0) this.#warm(units, i)
      const unit = units[i]!
      const { request } = unit
      const slot = unit.slot as Slot<State>
      const broken = this.broken.size === 0 ? undefined : this.broken.get(request.account)
      const before = request.key === "" ? undefined : (stored[at++] ?? here.get(request))
      if (unit.poison !== "")
        refuse(unit, "unavailable", "the request could not be decided; it was set aside for support")
      else if (before !== undefined) {
        if (before.content === request.content && before.answer !== null) replies.push([unit.reply, before.answer])
        else refuse(unit, "id_conflict", "this id was used before with another body")
      } else if (broken !== undefined) refuse(unit, "account_frozen", "this account's books are being checked")
      else if (request.key === "") this.due(slot, draft, unit)
      else {
        const decision = this.#decideRequest(slot, draft, unit, prepared.get(unit))
        const answer = replyText(decision)
        replies.push([unit.reply, answer])
        if (decision._tag !== "answered") this.counters.refusals += 1
        if (decision._tag === "review" || (decision._tag === "refused" && !machine.keepsRefusal(decision))) continue
        const expiresAt = decision._tag === "refused" ? Date.now() + REFUSAL_KEPT_MS : null
        const receipt = {
          key: request.key,
          account: request.account,
          partition: unit.partition,
          content: request.content,
          answer,
          expiresAt,
        }
        draft.receipts.push(receipt)
        here.add(receipt)
      }
    }
  }

  /** Everything due is applied before a read, or because its time has come (decision 11). */
  due(slot: Slot<State>, draft: Draft<State>, unit: { poison: string }): void {
    if (unit.poison !== "" || this.broken.has(slot.account)) return
    try {
      this.#applyDue(slot, draft)
    } catch (error) {
      throw new DecisionThrew(unit, slot.account, error)
    }
  }

  /** Stream commands in order. `known`: what was stored before for claims whose key is not new. */
  commands(
    units: ReadonlyArray<CommandUnit<StreamCommand>>,
    claims: ReadonlyArray<Claim>,
    known: ReadonlyMap<number, string>,
    draft: Draft<State>,
  ): void {
    let next = 0
    for (let i = 0; i < units.length; i++) {
      if (i % WARMED === 0) this.#warm(units, i)
      const unit = units[i]!
      const { command } = unit
      if (isBad(command)) {
        this.#deadLetter(draft, unit, command.bad, command.detail, null, command.payload)
        continue
      }
      if (unit.poison !== "") {
        this.#deadLetter(draft, unit, "defect", unit.poison, command.account, JSON.stringify(command, bigintText))
        continue
      }
      const index = next++
      const before = known.get(index)
      if (before !== undefined) {
        if (before === command.hash) this.counters.duplicates += 1
        else
          this.#deadLetter(
            draft,
            unit,
            "id_conflict",
            "this event id was charged before with another body",
            command.account,
            JSON.stringify(command, bigintText),
          )
        continue
      }
      const broken = this.broken.size === 0 ? undefined : this.broken.get(command.account)
      if (broken !== undefined) {
        this.#deadLetter(draft, unit, "account_frozen", broken, command.account, JSON.stringify(command, bigintText))
        continue
      }
      const slot = unit.slot as Slot<State>
      const decision = this.#decideCommand(slot, draft, unit, command)
      if (decision._tag === "review") {
        const { reason, detail } = decision
        this.#deadLetter(draft, unit, reason, detail, command.account, JSON.stringify(command, bigintText))
        draft.unclaimed.push(claims[index]!)
      }
    }
    if (next !== claims.length) throw new Error("claims and commands are out of step")
  }

  #deadLetter(
    draft: Draft<State>,
    unit: CommandUnit<StreamCommand>,
    reason: string,
    detail: string,
    account: string | null,
    payload: string,
  ): void {
    const { deadLettersByReason: counts } = this.counters
    this.counters.deadLetters += 1
    counts[reason] = (counts[reason] ?? 0) + 1
    draft.deadLetter(this.#names, unit.partition, {
      reason,
      detail,
      account,
      payload,
      seq: unit.seq,
      index: unit.index,
      headers: unit.headers,
    })
  }
}

/** The idempotency keys of the commands that are to be decided, in their order. */
export const claimsOf = (units: ReadonlyArray<CommandUnit<StreamCommand>>): ReadonlyArray<Claim> => {
  const claims: Array<Claim> = []
  for (const unit of units) {
    const { command, partition } = unit
    if (isBad(command) || unit.poison !== "") continue
    claims.push({ key: commandKey(command.id), account: command.account, partition, content: command.hash })
  }
  return claims
}

const bigintText = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? value.toString() : value)
