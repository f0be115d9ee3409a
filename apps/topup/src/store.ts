/**
 * Queries on auto top-up's own tables (`schema.ts`). Writes go with the decision they belong to, in its transaction.
 */
import type { ConsentRecord } from "@credits/contracts"
import type { Database } from "@credits/store"
import type { Transaction } from "kysely"
import type { Tables } from "./schema.ts"
import type { TopupRow } from "./topup-state.ts"

export type TopupDatabase = Database<Tables>

export const writeRows = async (transaction: Transaction<unknown>, rows: ReadonlyArray<TopupRow>): Promise<void> => {
  const tables = transaction as Transaction<Tables>
  for (const row of rows) {
    if (row.type === "consent") {
      const { account, n, at, action, textVersion, monthlyCapCents, source } = row
      const record = {
        account,
        n,
        at: BigInt(at),
        action,
        text_version: textVersion,
        cap_cents: monthlyCapCents,
        source,
      }
      await tables.insertInto("consent").values(record).execute()
    } else if (row.type === "enabled") {
      const { account } = row
      if (row.isEnabled)
        await tables
          .insertInto("enabled_account")
          .values({ account })
          .onConflict((conflict) => conflict.doNothing())
          .execute()
      else await tables.deleteFrom("enabled_account").where("account", "=", account).execute()
    }
  }
}

/** The log of one account, in order. It is a person's own doing: short. */
export const readConsents = async (database: TopupDatabase, account: string): Promise<ReadonlyArray<ConsentRecord>> => {
  const rows = await database.kysely
    .selectFrom("consent")
    .selectAll()
    .where("account", "=", account)
    .orderBy("n")
    .execute()
  return rows.map((row) => ({
    at: Number(row.at),
    action: row.action as ConsentRecord["action"],
    textVersion: row.text_version,
    monthlyCapCents: row.cap_cents,
    source: row.source,
  }))
}

/** A page of the accounts that are on, after one of them. */
export const enabledAfter = async (
  database: TopupDatabase,
  after: string,
  limit: number,
): Promise<ReadonlyArray<string>> => {
  const rows = await database.kysely
    .selectFrom("enabled_account")
    .select("account")
    .where("account", ">", after)
    .orderBy("account")
    .limit(limit)
    .execute()
  return rows.map(({ account }) => account)
}
