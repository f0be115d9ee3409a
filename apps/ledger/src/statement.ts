/**
 * The statement: an account's entries, newest first, along its chain (decision 8). A page walks at most `STEPS_MAX`
 * links, so a narrow filter answers in pieces. Owns the wording of a line.
 */
import { decodeUsageLine, type EntryKind, type StatementAnswer, type StatementItem } from "@credits/contracts"
import { formatUsd, type Nano } from "@credits/kernel"
import type { History, StoredEntry } from "@credits/actor"
import { decodeBody, type Entry } from "./entry.ts"
import type { ReadCommand } from "./command.ts"

const STEPS_MAX = 5_000

type Query = Extract<ReadCommand, { op: "statement" }>

/** Where the next page begins and what was available after that entry. */
const encodeCursor = (id: number, available: Nano): string => `${id}.${available}`

const decodeCursor = (cursor: string): { readonly id: number; readonly available: Nano } | null => {
  const match = /^(\d{1,15})\.(-?\d{1,19})$/.exec(cursor)
  return match === null ? null : { id: Number(match[1]), available: BigInt(match[2]!) }
}

const DESCRIPTIONS: Record<EntryKind, (entry: Entry) => string> = {
  granted: (e) => `${e.opened?.kind ?? ""} credit granted`,
  charged: (e) => `Used ${decodeUsageLine(e.usage)?.model ?? "a hosted model"}`,
  held: (e) => `Held ${formatUsd(e.held)} USD for a call`,
  extended: (e) => `Hold extended by ${formatUsd(e.held)} USD`,
  released: () => "Hold released",
  hold_expired: () => "Hold expired, credit released",
  lot_expired: (e) => (e.residue === null ? "Credit expired" : "Credit expired, part kept for calls in progress"),
  revoked: () => "Credit taken back",
  adjusted: () => "Adjustment by support",
  reversed: () => "Charge reversed",
  entitled: (e) => (e.entitlement?.hostedModels ? `Plan ${e.entitlement.plan} in force` : "No plan: credit is frozen"),
  froze: () => "Account frozen",
  unfroze: () => "Account unfrozen",
  marked: (e) =>
    `${e.mark?.name === "refill" ? "Top-up" : "Renewal"} ${(e.mark?.until ?? 0) > e.at ? "in progress" : "decided"}`,
}

const itemOf = (stored: StoredEntry, entry: Entry, availableAfter: Nano): StatementItem => ({
  seq: stored.n,
  at: stored.at,
  recordedAt: stored.recordedAt,
  kind: entry.kind,
  amount: (entry.granted - entry.spent - entry.expired - entry.revoked).toString(),
  availableAfter: availableAfter.toString(),
  description: DESCRIPTIONS[entry.kind](entry) + (entry.reason === "" ? "" : `: ${entry.reason}`),
  lots: entry.lots.map(({ id, change }) => ({ id, amount: change.toString() })),
  // A reversal names the usage whose cost it lowers; nothing was used by it.
  usage: entry.usage === "" || entry.kind !== "charged" ? null : decodeUsageLine(entry.usage),
  cause: entry.cause,
})

/** A cursor comes back from outside: one that points to no entry of this account begins at the newest. */
const startOf = async (query: Query, available: Nano, history: History) => {
  const cursor = decodeCursor(query.cursor)
  if (cursor !== null && (await history.entry(cursor.id)) !== undefined) return cursor
  return { id: history.head, available }
}

/** One page, newest first. `available` is the account's own now. */
export const statementOf = async (query: Query, available: Nano, history: History): Promise<StatementAnswer> => {
  const start = await startOf(query, available, history)
  const items: Array<StatementItem> = []
  let { id, available: after } = start
  for (let steps = 0; id > 0 && items.length < query.limit && steps < STEPS_MAX; steps++) {
    const stored = await history.entry(id)
    if (stored === undefined) throw new Error(`entry ${id} is missing from its account's chain`)
    const entry = decodeBody(stored.kind as EntryKind, stored.at, stored.body)
    const wanted =
      stored.recordedAt >= query.from &&
      stored.recordedAt < query.to &&
      (query.kind === "" || query.kind === stored.kind)
    if (wanted) items.push(itemOf(stored, entry, after))
    after -= entry.available
    id = stored.recordedAt < query.from ? 0 : stored.prev
  }
  return { items, nextCursor: id > 0 ? encodeCursor(id, after) : null }
}
