/**
 * The shadow tables: the usage projection counted anew beside the live one. Owns their queries, the comparison with the
 * live tables and the swap, which are one transaction: nobody counts in between.
 */
import { createHash } from "node:crypto"
import type { ProjectionDifference, RebuildState } from "@credits/contracts"
import { sql, type Kysely } from "kysely"
import type { Positions, Rollup } from "./rollup.ts"
import type { Tables } from "./schema.ts"
import { addRollup, addTotals, ROLLUP_SUMS, type PricingDatabase } from "./store.ts"

type Db = Kysely<Tables>
export type Comparison = NonNullable<RebuildState["comparison"]>

const NAME = "usage"
const DIFFERENCES_MAX = 50

/** The live projection counted on meanwhile: the shadow is no longer at the same entries. */
export class PositionsDiffer extends Error {}

export const isBegun = async (database: PricingDatabase): Promise<boolean> =>
  (await database.kysely.selectFrom("projection_rebuild").select("name").execute()).length > 0

export const clearShadow = (database: PricingDatabase): Promise<void> =>
  database.kysely.transaction().execute(async (db) => {
    for (const table of ["usage_rollup_shadow", "account_total_shadow", "journal_position_shadow"] as const)
      await db.deleteFrom(table).execute()
    await db.deleteFrom("projection_rebuild").execute()
  })

/** Marks the shadow tables as a rebuild's own; what an earlier one that was interrupted has counted stays. */
export const beginShadow = async (database: PricingDatabase, at: number): Promise<void> => {
  if (await isBegun(database)) return
  // Of a swap that was not cleared up after: the tables that were live before.
  await clearShadow(database)
  await database.kysely
    .insertInto("projection_rebuild")
    .values({ name: NAME, began_at: BigInt(at) })
    .execute()
}

export const shadowPositions = async (database: PricingDatabase): Promise<Positions> => {
  const rows = await database.kysely.selectFrom("journal_position_shadow").selectAll().execute()
  return new Map(rows.map((row) => [row.partition, Number(row.seq)]))
}

/** What a page of a partition's entries adds, with the position, in one transaction: counted exactly once. */
export const commitShadow = (
  database: PricingDatabase,
  rollup: Rollup,
  partition: number,
  position: number,
): Promise<void> =>
  database.kysely.transaction().execute(async (db) => {
    await addRollup(database, db, rollup.rows, "usage_rollup_shadow")
    await addTotals(database, db, rollup.totals, "account_total_shadow")
    const seq = BigInt(position)
    await db
      .insertInto("journal_position_shadow")
      .values({ partition, seq })
      .onConflict((conflict) => conflict.column("partition").doUpdateSet({ seq }))
      .execute()
  })

/** BYOK calls are our own records: they are counted at the end, in one go. */
const countByok = async ({ dialect }: PricingDatabase, db: Db): Promise<void> => {
  const none = { byok_calls: 0n, byok_input_tokens: 0n, byok_output_tokens: 0n }
  await db.updateTable("usage_rollup_shadow").set(none).execute()
  const day =
    dialect === "sqlite"
      ? sql`strftime('%Y-%m-%d', at / 1000, 'unixepoch')`
      : sql`to_char(to_timestamp(at / 1000) at time zone 'UTC', 'YYYY-MM-DD')`
  await sql`insert into usage_rollup_shadow (day, account, model, ${sql.join(ROLLUP_SUMS.map((name) => sql.ref(name)))})
    select ${day} as day, account, model, 0, 0, 0, 0, 0, 0, 0, count(*), sum(input_tokens), sum(output_tokens)
    from byok_call where true group by 1, account, model
    on conflict (day, account, model) do update set byok_calls = excluded.byok_calls,
      byok_input_tokens = excluded.byok_input_tokens, byok_output_tokens = excluded.byok_output_tokens`.execute(db)
}

type Figures = Readonly<Record<string, bigint>>

/** Rows by key with their figures; rows of nothing but zeros are no rows. */
class Side {
  readonly #hash = createHash("sha256")

  rowsOf<Row extends object>(rows: ReadonlyArray<Row>, keyOf: (row: Row) => string, names: ReadonlyArray<string>) {
    const found = new Map<string, Figures>()
    for (const row of rows) {
      const of = row as unknown as Readonly<Record<string, unknown>>
      const figures = Object.fromEntries(names.map((name) => [name, BigInt(of[name] as bigint)]))
      if (Object.values(figures).some((figure) => figure !== 0n)) found.set(keyOf(row), figures)
    }
    for (const key of [...found.keys()].sort()) {
      this.#hash.update(`${key}|${Object.values(found.get(key)!).join("|")}\n`)
    }
    return found
  }

  get hash(): string {
    return this.#hash.digest("hex")
  }
}

class Comparing {
  readonly #sides = [new Side(), new Side()] as const
  readonly #differences: Array<ProjectionDifference> = []
  #differing = 0

  compare<Row extends object>(
    live: ReadonlyArray<Row>,
    rebuilt: ReadonlyArray<Row>,
    names: ReadonlyArray<string>,
    keyOf: (row: Row) => string,
    placeOf: (key: string) => Pick<ProjectionDifference, "account" | "model" | "day">,
  ): void {
    const before = this.#sides[0].rowsOf(live, keyOf, names)
    const after = this.#sides[1].rowsOf(rebuilt, keyOf, names)
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      for (const figure of names) {
        const [was, is] = [before.get(key)?.[figure] ?? 0n, after.get(key)?.[figure] ?? 0n]
        if (was === is) continue
        this.#differing += 1
        if (this.#differences.length >= DIFFERENCES_MAX) continue
        this.#differences.push({ ...placeOf(key), figure, live: was.toString(), rebuilt: is.toString() })
      }
    }
  }

  end(): Comparison {
    const [live, rebuilt] = this.#sides
    const found = { differing: this.#differing, differences: this.#differences }
    return { ...found, liveHash: live.hash, rebuiltHash: rebuilt.hash }
  }
}

/** Day by day, so that memory holds one; accounts have no space in their ids. */
const compareTables = async (db: Db): Promise<Comparison> => {
  const comparing = new Comparing()
  const days = new Set<string>()
  for (const table of ["usage_rollup", "usage_rollup_shadow"] as const)
    for (const { day } of await db.selectFrom(table).select("day").distinct().execute()) days.add(day)
  for (const day of [...days].sort()) {
    const rowsOf = (table: "usage_rollup" | "usage_rollup_shadow") =>
      db.selectFrom(table).selectAll().where("day", "=", day).execute()
    const [live, rebuilt] = [await rowsOf("usage_rollup"), await rowsOf("usage_rollup_shadow")]
    const placeOf = (key: string) => {
      const [, account, model] = key.split(" ")
      return { day, account: account!, model: model! }
    }
    comparing.compare(live, rebuilt, ROLLUP_SUMS, (row) => `${row.day} ${row.account} ${row.model}`, placeOf)
  }
  const totalsOf = (table: "account_total" | "account_total_shadow") => db.selectFrom(table).selectAll().execute()
  const [live, rebuilt] = [await totalsOf("account_total"), await totalsOf("account_total_shadow")]
  const placeOf = (account: string) => ({ account, model: null, day: null })
  comparing.compare(live, rebuilt, ["calls", "recharges", "recharged"], (row) => row.account, placeOf)
  return comparing.end()
}

/** The names change places: what was live is the shadow then, to be cleared. */
const swapTables = async (db: Db): Promise<void> => {
  for (const name of ["usage_rollup", "account_total"] as const) {
    await sql`alter table ${sql.table(name)} rename to ${sql.table(`${name}_before`)}`.execute(db)
    await sql`alter table ${sql.table(`${name}_shadow`)} rename to ${sql.table(name)}`.execute(db)
    await sql`alter table ${sql.table(`${name}_before`)} rename to ${sql.table(`${name}_shadow`)}`.execute(db)
  }
  await db.deleteFrom("projection_rebuild").execute()
}

/**
 * Compares both, and with `apply` swaps them. The cursors' rows are locked first, as every count locks them: the live
 * tables and the BYOK calls stand still. @throws PositionsDiffer
 */
export const compareAndSwap = (database: PricingDatabase, apply: boolean): Promise<Comparison> =>
  database.kysely.transaction().execute(async (db) => {
    await sql`update cursor set seq = seq`.execute(db)
    const rows = await db.selectFrom("journal_position").selectAll().execute()
    const shadow = new Map(
      (await db.selectFrom("journal_position_shadow").selectAll().execute()).map((row) => [row.partition, row.seq]),
    )
    const differs = rows.find((row) => (shadow.get(row.partition) ?? 0n) !== row.seq)
    if (differs !== undefined || [...shadow.keys()].some((id) => !rows.some((row) => row.partition === id)))
      throw new PositionsDiffer("the live projection stands at other entries than the rebuilt one")
    await countByok(database, db)
    const comparison = await compareTables(db)
    if (apply) await swapTables(db)
    return comparison
  })
