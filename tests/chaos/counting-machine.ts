/**
 * The smallest machine the partition runtime can run: accounts that count. Deciding on a command or request that adds
 * 13 throws, and so does due work of an account named `…-stuck`: what a defect in a service's own code looks like.
 * Partition = the digit after `p`.
 */
import type { AnyMachine, Decision, EntryHead, Request, StreamCommand } from "@credits/actor"

export interface Counting {
  readonly id: string
  total: number
  n: number
  /** When its alarm rings, ms; Infinity for none. */
  due: number
}

interface Added extends EntryHead {
  readonly add: number
  readonly due: number | null
}
export interface Add extends StreamCommand {
  readonly add: number
}
export interface AskedAdd extends Request {
  readonly add: number
  /** Sets the alarm. */
  readonly due: number | null
}

export const UNLUCKY = 13
/** A message with this text makes decoding itself throw. */
export const UNREADABLE = "unreadable"

const evolve = (state: Counting, entry: Added): void => {
  state.total += entry.add
  state.n += 1
  state.due = entry.due ?? Number.POSITIVE_INFINITY
}

const add = (state: Counting, amount: number, due: number | null, now: number, entries: Array<EntryHead>): Decision => {
  const entry: Added = {
    kind: "added",
    at: now,
    add: amount,
    due: due ?? (Number.isFinite(state.due) ? state.due : null),
  }
  evolve(state, entry)
  entries.push(entry)
  // After the state was touched: what was decided so far must be undone.
  if (amount === UNLUCKY) throw new RangeError("thirteen")
  return { _tag: "answered", answer: { total: state.total } }
}

/** Account `acc-p<partition>-<name>`. */
export const partitionOfAccount = (account: string): number => Number(/^acc-p(\d+)-/.exec(account)?.[1] ?? -1)

export const countingMachine = (): AnyMachine<Counting> => ({
  empty: (id) => ({ id, total: 0, n: 0, due: Number.POSITIVE_INFINITY }),
  encodeSnapshot: ({ total, n, due }) => JSON.stringify({ total, n, due: Number.isFinite(due) ? due : null }),
  decodeSnapshot: (id, text) => {
    const { total, n, due } = JSON.parse(text) as { total: number; n: number; due: number | null }
    return { id, total, n, due: due ?? Number.POSITIVE_INFINITY }
  },
  decodeEntry: (kind, at, body) => ({ ...(body as object), kind, at }),
  encodeEntry: (entry) => JSON.stringify({ add: (entry as Added).add, due: (entry as Added).due }),
  evolve: (state, entry) => evolve(state, entry as Added),
  numberOf: (state) => state.n,
  nextDue: (state) => (Number.isFinite(state.due) ? state.due : 8_640_000_000_000_000),
  applyDue: (state, now, _holdsMayExpire, entries) => {
    if (state.due > now) return 0
    if (state.id.endsWith("-stuck")) throw new RangeError("the alarm is stuck")
    const entry: Added = { kind: "rang", at: state.due, add: 1_000, due: null }
    evolve(state, entry)
    entries.push(entry)
    return 1
  },
  decodeRequest: (text) => {
    const {
      id,
      account,
      add: amount,
      due,
    } = JSON.parse(text) as { id: string; account: string; add: number; due?: number }
    const request: AskedAdd = { account, key: `add:${id}`, content: String(amount), add: amount, due: due ?? null }
    return request
  },
  decodeMessage: (payload) => {
    const text = Buffer.from(payload).toString()
    if (text === UNREADABLE) throw new SyntaxError("a decoder that throws")
    return JSON.parse(text) as ReadonlyArray<Add>
  },
  decideCommand: (state, command, ctx, entries) => add(state, (command as Add).add, null, ctx.now, entries),
  decideRequest: (state, request, ctx, entries) =>
    add(state, (request as AskedAdd).add, (request as AskedAdd).due, ctx.now, entries),
  prepare: () => undefined,
  partitionOf: partitionOfAccount,
  read: (state) => ({ total: state.total }),
  keepsRefusal: () => false,
  refusal: (code) => ({ code }),
  mark: () => null,
  notices: () => [],
  balance: () => "0",
  tick: () => "[]",
})
