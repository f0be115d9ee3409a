/**
 * Many rows in a few statements, as bound values: as one JSON parameter, which SQLite has to take apart again, a row of
 * a few kilobytes costs six times as much, and built anew each time, a builder's tree as much as the insert. Owns the
 * text of the statements; what they say is whoever's table it is.
 */
import { CompiledQuery, type Kysely } from "kysely"
import type { Dialect } from "./database.ts"

export interface Target {
  readonly table: string
  readonly columns: ReadonlyArray<string>
  /** `on conflict …`, or nothing; and `returning …` where the caller wants to know. */
  readonly conflict: string
}

/** Rows a statement; SQLite keeps each text that it has seen, so there are few of them: 1, 2, 4 … 64 rows. */
const SQLITE_ROWS_MAX = 64
/** Postgres takes 65,535 values a statement, and each statement is a way to the server and back. */
const POSTGRES_ROWS_MAX = 5_000

const texts = new WeakMap<Target, Map<number, string>>()

const textOf = (target: Target, dialect: Dialect, count: number): string => {
  let known = texts.get(target)
  if (known === undefined) texts.set(target, (known = new Map()))
  // A process has one dialect, except in tests.
  const key = dialect === "sqlite" ? count : -count
  const found = known.get(key)
  if (found !== undefined) return found
  const { table, columns, conflict } = target
  const valueOf = (n: number): string => (dialect === "sqlite" ? "?" : `$${n + 1}`)
  const rows = Array.from(
    { length: count },
    (_, row) => `(${columns.map((_column, i) => valueOf(row * columns.length + i)).join(", ")})`,
  )
  const text = `insert into ${table} (${columns.join(", ")}) values ${rows.join(", ")} ${conflict}`
  if (dialect === "sqlite") known.set(key, text)
  return text
}

/** In the order given. Answers what the target says to return, of the rows that were written. */
export const insertRows = async <Returned>(
  db: Pick<Kysely<unknown>, "executeQuery">,
  dialect: Dialect,
  target: Target,
  rows: ReadonlyArray<ReadonlyArray<unknown>>,
): Promise<ReadonlyArray<Returned>> => {
  const returned: Array<Returned> = []
  let done = 0
  while (done < rows.length) {
    const left = rows.length - done
    const count =
      dialect === "sqlite"
        ? Math.min(SQLITE_ROWS_MAX, 2 ** Math.floor(Math.log2(left)))
        : Math.min(POSTGRES_ROWS_MAX, left)
    const values = rows.slice(done, done + count).flat()
    const result = await db.executeQuery<Returned>(CompiledQuery.raw(textOf(target, dialect, count), values))
    returned.push(...result.rows)
    done += count
  }
  return returned
}

/** For an `in`: the last one again until they are 1, 2, 4 …, so that lists of all lengths share a few texts. */
export const inList = <Value>(values: ReadonlyArray<Value>): ReadonlyArray<Value> => {
  const last = values.at(-1)
  if (last === undefined) return values
  const length = 2 ** Math.ceil(Math.log2(values.length))
  return Array.from({ length }, (_, i) => values[i] ?? last)
}
