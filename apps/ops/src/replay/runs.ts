/** How far a replay has come, kept beside its audit rows: what a kill leaves is gone on with (`--resume RUN`). */
import * as Effect from "effect/Effect"
import { notFound } from "../failure.ts"
import { writing, type OpsDatabase } from "../ops-store.ts"
import { SKIPPED, type Selection, type Skipped } from "./choose.ts"

export interface Counts {
  /** Stored again. */
  messages: number
  items: number
  /** Those of them that the server had stored already, within its two minutes. */
  repeats: number
  readonly skipped: Record<Skipped, number>
  /** Not sent for their age, and the charges they name. */
  tooOld: number
  readonly charges: Array<string>
  /** Highest sequence of a copy. */
  lastCopy: number
}

export const noCounts = (): Counts => ({
  messages: 0,
  items: 0,
  repeats: 0,
  skipped: Object.fromEntries(SKIPPED.map((why) => [why, 0])) as Record<Skipped, number>,
  tooOld: 0,
  charges: [],
  lastCopy: 0,
})

export interface ReplayRun {
  readonly run: string
  readonly selection: Selection
  next: number
  readonly counts: Counts
  isDone: boolean
}

/** As it is when the row is written. */
export const saveRun = (database: OpsDatabase, replay: ReplayRun) =>
  writing(() => {
    const { run, selection, next, counts, isDone } = replay
    const moved = { next_seq: next, counts: JSON.stringify(counts), is_done: isDone ? 1 : 0 }
    return database.kysely
      .insertInto("replay")
      .values({ run, selection: JSON.stringify(selection), ...moved })
      .onConflict((again) => again.column("run").doUpdateSet(moved))
      .execute()
  })

export const findRun = (database: OpsDatabase, run: string) =>
  Effect.gen(function* () {
    const row = yield* writing(() =>
      database.kysely.selectFrom("replay").selectAll().where("run", "=", run).executeTakeFirst(),
    )
    if (row === undefined) return yield* notFound(`there is no replay ${run}`, "`credits audit list` shows the runs")
    return {
      run,
      selection: JSON.parse(row.selection) as Selection,
      next: Number(row.next_seq),
      counts: JSON.parse(row.counts) as Counts,
      isDone: Number(row.is_done) === 1,
    } satisfies ReplayRun
  })
