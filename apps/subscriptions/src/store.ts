/** Queries over the read tables of subscriptions. Owns no shape: `schema.ts`. */
import type { ListReviews, ReviewView } from "@credits/contracts"
import type { Database } from "@credits/store"
import type { Transaction } from "kysely"
import type { CaseRow } from "./review.ts"
import type { Tables } from "./schema.ts"

export type SubscriptionsDatabase = Database<Tables>

/** Open cases of all accounts, or all of one account; older answered ones are left to the next page that asks. */
const CASES_MAX = 500

/** In the transaction of the decision that changed them. */
export const writeCases = async (transaction: Transaction<unknown>, rows: ReadonlyArray<CaseRow>): Promise<void> => {
  const db = transaction as Transaction<Tables>
  for (const row of rows) {
    const view = JSON.stringify(row)
    const { reviewId, account, status } = row
    await db
      .insertInto("review")
      .values({ review_id: reviewId, account, status, view })
      .onConflict((conflict) => conflict.column("review_id").doUpdateSet({ status, view }))
      .execute()
  }
}

/** Newest first. */
export const listCases = async (
  database: SubscriptionsDatabase,
  { account, status }: Pick<ListReviews, "account" | "status">,
): Promise<ReadonlyArray<ReviewView>> => {
  let query = database.kysely.selectFrom("review").select("view").orderBy("review_id", "desc").limit(CASES_MAX)
  if (account !== undefined) query = query.where("account", "=", account)
  if (status !== undefined) query = query.where("status", "=", status)
  return (await query.execute()).map(({ view }) => JSON.parse(view) as ReviewView)
}

/** Null: there is no such case. */
export const readCase = async (database: SubscriptionsDatabase, reviewId: string): Promise<ReviewView | null> => {
  const row = await database.kysely
    .selectFrom("review")
    .select("view")
    .where("review_id", "=", reviewId)
    .executeTakeFirst()
  return row === undefined ? null : (JSON.parse(row.view) as ReviewView)
}
