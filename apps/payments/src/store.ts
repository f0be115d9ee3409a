/**
 * Payments' queries over its own tables, on SQLite and Postgres alike. Owns no rule: what is written was decided by
 * pure code.
 */
import type { ChargePage, ChargeStatus, ChargeView, Finding } from "@credits/contracts"
import { insertRows, type Database, type Dialect, type Target } from "@credits/store"
import type { Transaction } from "kysely"
import type { ChargeRow } from "./charge-state.ts"
import type { OwnerRow } from "./method-state.ts"
import type { FoundSubject } from "./reconciliation.ts"
import type { Tables } from "./schema.ts"

export type PaymentsDatabase = Database<Tables>

const bigintOrNull = (value: number | null): bigint | null => (value === null ? null : BigInt(value))

const CHARGES: Target = {
  table: "charge",
  columns: ["charge_id", "account", "obligation", "status", "processor_id", "at", "decided_at", "view"],
  conflict: `on conflict (charge_id) do update set status = excluded.status, processor_id = excluded.processor_id,
    at = excluded.at, decided_at = excluded.decided_at, view = excluded.view`,
}

/** In the transaction of the decisions they come from. */
export const writeCharges = async (
  transaction: Transaction<unknown>,
  dialect: Dialect,
  rows: ReadonlyArray<ChargeRow>,
): Promise<void> => {
  const db = transaction as Transaction<Tables>
  // One statement may touch a row once: the last of a commit is what stands.
  const newest = [...new Map(rows.map((row) => [row.chargeId, row])).values()]
  const values = newest.map((row) => [
    row.chargeId,
    row.account,
    row.obligation,
    row.status,
    row.processorId,
    BigInt(row.at),
    bigintOrNull(row.decidedAt),
    JSON.stringify(row.view),
  ])
  await insertRows(db, dialect, CHARGES, values)
  const actions = rows.flatMap(({ chargeId, action }) =>
    action === null ? [] : [{ ...action, charge_id: chargeId, at: BigInt(action.at) }],
  )
  if (actions.length > 0) await db.insertInto("charge_action").values(actions).execute()
}

/** In the transaction of the decisions they come from. */
export const writeOwners = async (transaction: Transaction<unknown>, rows: ReadonlyArray<OwnerRow>): Promise<void> => {
  if (rows.length === 0) return
  await (transaction as Transaction<Tables>)
    .insertInto("owner")
    .values([...rows])
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

const viewIn = (row: { readonly view: string }): ChargeView => JSON.parse(row.view) as ChargeView

export const readCharge = async (database: PaymentsDatabase, chargeId: string): Promise<ChargeView | null> => {
  const row = await database.kysely
    .selectFrom("charge")
    .select("view")
    .where("charge_id", "=", chargeId)
    .executeTakeFirst()
  return row === undefined ? null : viewIn(row)
}

/** How the charge of an intent stands; null: it is of none of ours. */
export const statusOfIntent = async (database: PaymentsDatabase, processorId: string): Promise<string | null> => {
  const row = await database.kysely
    .selectFrom("charge")
    .select("status")
    .where("processor_id", "=", processorId)
    .executeTakeFirst()
  return row?.status ?? null
}

export const chargeOfIntent = async (database: PaymentsDatabase, processorId: string): Promise<ChargeView | null> => {
  const row = await database.kysely
    .selectFrom("charge")
    .select("view")
    .where("processor_id", "=", processorId)
    .executeTakeFirst()
  return row === undefined ? null : viewIn(row)
}

export interface ChargeFilter {
  readonly account: string | undefined
  readonly status: ChargeStatus | undefined
  readonly limit: number
  /** The last charge of the page before. */
  readonly cursor: string | undefined
}

/** Newest first: ids are in the order of making. */
export const listCharges = async (database: PaymentsDatabase, filter: ChargeFilter): Promise<ChargePage> => {
  const { account, status, limit, cursor } = filter
  let query = database.kysely.selectFrom("charge").select("view").orderBy("charge_id", "desc")
  if (account !== undefined) query = query.where("account", "=", account)
  if (status !== undefined) query = query.where("status", "=", status)
  if (cursor !== undefined) query = query.where("charge_id", "<", cursor)
  const rows = await query.limit(limit + 1).execute()
  const items = rows.slice(0, limit).map(viewIn)
  return { items, nextCursor: rows.length > limit ? items.at(-1)!.chargeId : null }
}

/** When the oldest charge whose outcome is unknown was authorized; null: there is none. */
export const oldestUnknown = async (database: PaymentsDatabase): Promise<number | null> => {
  const row = await database.kysely
    .selectFrom("charge")
    .select((eb) => eb.fn.min("at").as("at"))
    .where("status", "in", ["unknown", "review"])
    .executeTakeFirst()
  return row?.at === null || row?.at === undefined ? null : Number(row.at)
}

/**
 * When this database was last put back from a backup, business time; null: it never was. Whoever restores writes 0: the
 * first start after it knows the time.
 */
export const restoredAt = async (database: PaymentsDatabase, now: number): Promise<number | null> => {
  await database.kysely
    .updateTable("restored")
    .set({ at: BigInt(now) })
    .where("at", "=", 0n)
    .execute()
  const row = await database.kysely
    .selectFrom("restored")
    .select((eb) => eb.fn.max("at").as("at"))
    .executeTakeFirst()
  return row?.at === null || row?.at === undefined ? null : Number(row.at)
}

/** Of a customer or card of the processor. */
export const accountOf = async (database: PaymentsDatabase, id: string): Promise<string | null> => {
  const row = await database.kysely.selectFrom("owner").select("account").where("id", "=", id).executeTakeFirst()
  return row?.account ?? null
}

/** Which of these events were acted on already. */
export const knownEvents = async (
  database: PaymentsDatabase,
  ids: ReadonlyArray<string>,
): Promise<ReadonlySet<string>> => {
  if (ids.length === 0) return new Set()
  const rows = await database.kysely
    .selectFrom("processor_event")
    .select("id")
    .where("id", "in", [...ids])
    .execute()
  return new Set(rows.map(({ id }) => id))
}

export const rememberEvent = async (
  database: PaymentsDatabase,
  event: { readonly id: string; readonly type: string },
  realNow: number,
): Promise<void> => {
  await database.kysely
    .insertInto("processor_event")
    .values({ id: event.id, type: event.type, taken_at: BigInt(realNow) })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export const forgetEvents = async (database: PaymentsDatabase, before: number): Promise<void> => {
  await database.kysely.deleteFrom("processor_event").where("taken_at", "<", BigInt(before)).execute()
}

const MARK = 1

/** Seconds of the processor's time up to which events were read; null: never. */
export const readEventMark = async (database: PaymentsDatabase): Promise<number | null> => {
  const row = await database.kysely.selectFrom("event_mark").select("created").where("id", "=", MARK).executeTakeFirst()
  return row === undefined ? null : Number(row.created)
}

export const writeEventMark = async (database: PaymentsDatabase, created: number): Promise<void> => {
  await database.kysely
    .insertInto("event_mark")
    .values({ id: MARK, created: BigInt(created) })
    .onConflict((conflict) => conflict.column("id").doUpdateSet({ created: BigInt(created) }))
    .execute()
}

/** Own charges of these intents, for reconciliation. */
export const chargesOfIntents = async (
  database: PaymentsDatabase,
  processorIds: ReadonlyArray<string>,
  chargeIds: ReadonlyArray<string>,
): Promise<ReadonlyArray<ChargeView>> => {
  if (processorIds.length === 0) return []
  const rows = await database.kysely
    .selectFrom("charge")
    .select("view")
    .where((eb) => eb.or([eb("processor_id", "in", [...processorIds]), eb("charge_id", "in", [...chargeIds, ""])]))
    .execute()
  return rows.map(viewIn)
}

/** A page of own charges that succeeded in `[from, to)`, in the order of their ids. */
export const succeededBetween = async (
  database: PaymentsDatabase,
  from: number,
  to: number,
  after: string,
  limit: number,
): Promise<ReadonlyArray<ChargeView>> => {
  const rows = await database.kysely
    .selectFrom("charge")
    .select("view")
    .where("decided_at", ">=", BigInt(from))
    .where("decided_at", "<", BigInt(to))
    .where("status", "=", "succeeded")
    .where("charge_id", ">", after)
    .orderBy("charge_id")
    .limit(limit)
    .execute()
  return rows.map(viewIn)
}

/** Findings of a window: those found now are kept, those not found any more are cleared. One transaction. */
export const writeFindings = async (
  database: PaymentsDatabase,
  window: { readonly from: number; readonly to: number },
  found: ReadonlyArray<FoundSubject>,
  now: number,
): Promise<void> => {
  await database.kysely.transaction().execute(async (db) => {
    await db
      .updateTable("finding")
      .set({ cleared_at: BigInt(now) })
      .where("cleared_at", "is", null)
      .where("subject_at", ">=", BigInt(window.from))
      .where("subject_at", "<", BigInt(window.to))
      .execute()
    for (const { subject, subjectAt, finding } of found) {
      await db
        .insertInto("finding")
        .values({
          kind: finding.kind,
          subject,
          subject_at: BigInt(subjectAt),
          found_at: BigInt(finding.foundAt),
          seen_at: BigInt(now),
          cleared_at: null,
          body: JSON.stringify(finding),
        })
        .onConflict((conflict) =>
          // Its age counts from when it was first found.
          conflict.columns(["kind", "subject"]).doUpdateSet({ seen_at: BigInt(now), cleared_at: null }),
        )
        .execute()
    }
  })
}

/** What stands open, oldest first. */
export const openFindings = async (database: PaymentsDatabase): Promise<ReadonlyArray<Finding>> => {
  const rows = await database.kysely
    .selectFrom("finding")
    .select(["body", "found_at"])
    .where("cleared_at", "is", null)
    .orderBy("found_at")
    .execute()
  return rows.map(({ body, found_at: foundAt }) => ({ ...(JSON.parse(body) as Finding), foundAt: Number(foundAt) }))
}

/** Kind → how many stand open. */
export const countFindings = async (database: PaymentsDatabase): Promise<Record<string, number>> => {
  const rows = await database.kysely
    .selectFrom("finding")
    .select((eb) => ["kind", eb.fn.countAll<bigint>().as("count")] as const)
    .where("cleared_at", "is", null)
    .groupBy("kind")
    .execute()
  return Object.fromEntries(rows.map(({ kind, count }) => [kind, Number(count)]))
}
