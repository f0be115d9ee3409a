/**
 * Pages of a list, newest first, as Stripe cuts them: `limit`, `starting_after`, `ending_before`, `has_more`. Ids sort
 * by their making and stamps never go back, so a page is one walk along an index that stops at the range's end.
 */
import type { Range } from "./parameter.ts"
import { eventText } from "./work.ts"

export interface Scan {
  readonly table: "objects" | "events"
  /** Of the ids. */
  readonly prefix: string
  readonly customer?: string | undefined
  readonly link?: string | undefined
  readonly created?: Range | undefined
  /** Event types; `charge.*` for a group. */
  readonly types?: ReadonlyArray<string> | undefined
  readonly delivered?: boolean | undefined
  readonly limit: number
  readonly startingAfter?: string | undefined
  readonly endingBefore?: string | undefined
}

export interface Page {
  /** JSON texts. */
  readonly bodies: ReadonlyArray<string>
  readonly hasMore: boolean
}

interface ScanRow {
  readonly created: number
  readonly body: string
  /** Of events only. */
  readonly type?: string
  readonly head?: string
  readonly undelivered?: number
}

type Iterate = (sql: string, ...values: ReadonlyArray<string>) => Iterable<unknown>

/** The least text above all that begin with the prefix; "_" is followed by "`". */
const above = (prefix: string): string => `${prefix.slice(0, -1)}\``

const atLeast = (created: number, { gt, gte }: Range): boolean =>
  (gt === undefined || created > gt) && (gte === undefined || created >= gte)

const atMost = (created: number, { lt, lte }: Range): boolean =>
  (lt === undefined || created < lt) && (lte === undefined || created <= lte)

const isType = (type: string, wanted: string): boolean =>
  wanted.endsWith("*") ? type.startsWith(wanted.slice(0, -1)) : type === wanted

export const scanPage = (iterate: Iterate, scan: Scan): Page => {
  const range = scan.created ?? {}
  const isUp = scan.endingBefore !== undefined
  const values: Array<string> = []
  let where = ""
  for (const column of ["customer", "link"] as const) {
    const value = scan[column]
    if (value === undefined) continue
    where += `o.${column} = ? AND `
    values.push(value)
  }
  values.push(isUp ? scan.endingBefore : scan.prefix, scan.startingAfter ?? above(scan.prefix))
  const columns =
    scan.table === "events"
      ? "o.created, v.body, o.type, o.head, EXISTS (SELECT 1 FROM webhooks WHERE event = o.id) AS undelivered"
      : "o.created, v.body"
  const sql =
    `SELECT ${columns} FROM ${scan.table} o JOIN versions v ON v.number = o.version ` +
    `WHERE ${where}o.id > ? AND o.id < ? ORDER BY o.id ${isUp ? "ASC" : "DESC"}`
  const bodies: Array<string> = []
  let hasMore = false
  for (const row of iterate(sql, ...values) as Iterable<ScanRow>) {
    // Nothing further on can be in the range again.
    if (isUp ? !atMost(row.created, range) : !atLeast(row.created, range)) break
    if (!atMost(row.created, range) || !atLeast(row.created, range)) continue
    if (scan.types !== undefined && !scan.types.some((wanted) => isType(row.type ?? "", wanted))) continue
    if (scan.delivered !== undefined && scan.delivered !== (row.undelivered === 0)) continue
    if (bodies.length === scan.limit) {
      hasMore = true
      break
    }
    bodies.push(row.head === undefined ? row.body : eventText(row.head, row.body))
  }
  if (isUp) bodies.reverse()
  return { bodies, hasMore }
}
