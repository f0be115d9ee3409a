/**
 * How a database fails us, as tagged errors that stay in one process. Refused data is not here: the caller's code
 * decides.
 */
import { Data } from "effect"

/** The database cannot be reached or opened now; trying again later may help. */
export class StoreUnavailable extends Data.TaggedError("StoreUnavailable")<{
  readonly database: string
  readonly detail: string
}> {
  override get message(): string {
    return `the database ${this.database} is not available: ${this.detail}`
  }
}

/** The database has migrations that this program does not know: it was written by a newer one (decision 21). */
export class SchemaTooNew extends Data.TaggedError("SchemaTooNew")<{
  readonly database: string
  readonly found: string
  readonly known: string
}> {
  override get message(): string {
    const known = `this program knows only ${this.known}; start a newer one`
    return `the database ${this.database} has schema ${this.found}, ${known}`
  }
}

/** The database would lose acknowledged work: a setting that we require is off and cannot be set (decision 1). */
export class StoreNotDurable extends Data.TaggedError("StoreNotDurable")<{
  readonly database: string
  readonly setting: string
  readonly found: string
}> {
  override get message(): string {
    return `the database ${this.database} is not durable: ${this.setting} is ${this.found}`
  }
}

/** A migration or a query failed for a reason that will not go away by itself. */
export class StoreFailed extends Data.TaggedError("StoreFailed")<{
  readonly database: string
  readonly detail: string
}> {
  override get message(): string {
    return `the database ${this.database} failed: ${this.detail}`
  }
}

export type StoreError = StoreUnavailable | SchemaTooNew | StoreNotDurable | StoreFailed

const detailOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  // pg gives an AggregateError without a message when every address refused the connection.
  if (cause instanceof AggregateError) return cause.errors.map((each) => detailOf(each)).join("; ")
  return cause.message
}

/**
 * SQLite result codes and Postgres SQLSTATE classes that mean "not now": busy, locked, full, connection, shutdown,
 * serialization, a transaction that was left alone.
 */
const UNAVAILABLE =
  /^(SQLITE_(BUSY|LOCKED|FULL|IOERR|CANTOPEN)|ECONN|ENOTFOUND|EAI_AGAIN|EHOST|ENET|ETIMEDOUT|EPIPE|08|57P|53|40|25P03)/
/**
 * What pg and its pool say without a code: the connection broke, was broken already (so the rollback after a lost
 * statement or a lost commit says), or there was none within the time.
 */
const NO_CONNECTION =
  /connection terminated|connect timeout|is not queryable|timeout e(xceeded when trying to connect|xpired)/i

/** What an error thrown by SQLite, pg or Kysely means for the caller. */
export const storeErrorOf = (database: string, cause: unknown): StoreError => {
  if (
    cause instanceof StoreUnavailable ||
    cause instanceof SchemaTooNew ||
    cause instanceof StoreNotDurable ||
    cause instanceof StoreFailed
  ) {
    return cause
  }
  const code = (cause as { readonly code?: unknown } | null)?.code
  const detail = detailOf(cause)
  const isUnavailable = (typeof code === "string" && UNAVAILABLE.test(code)) || NO_CONNECTION.test(detail)
  return isUnavailable ? new StoreUnavailable({ database, detail }) : new StoreFailed({ database, detail })
}
