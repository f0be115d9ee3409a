/** What a replay says, before and after, for a person and as JSON. Pure. */
import type { Answer } from "../answer.ts"
import { EXIT } from "../failure.ts"
import { bytes, facts, table, type Cell } from "../table.ts"
import type { LedgerState, Reader } from "./after.ts"
import { EFFECTS, type Selection } from "./choose.ts"
import type { Resolved } from "./resolver.ts"
import type { Counts, ReplayRun } from "./runs.ts"
import type { Survey } from "./sending.ts"

const HOUR_MS = 3_600_000

/** "3 d 4 h", "25 min", "8 s"; null: – */
export const ageText = (ms: number | null): string => {
  if (ms === null) return "–"
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(ms / HOUR_MS)
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

const selectionText = ({ fromSeq, toSeq, fromTime, toTime, account, partition }: Selection): string =>
  [
    `messages ${fromSeq} to ${toSeq}`,
    ...(fromTime === null ? [] : [`from ${new Date(fromTime).toISOString()}`]),
    ...(toTime === null ? [] : [`to ${new Date(toTime).toISOString()}`]),
    ...(account === null ? [] : [`of ${account}`]),
    ...(partition === null ? [] : [`of partition ${partition}`]),
  ].join(", ")

const skippedRows = ({ skipped, tooOld }: Counts): ReadonlyArray<readonly [string, Cell]> =>
  (
    [
      ["left out: copies of an earlier replay", skipped.copies],
      ["left out: in dead letters, or decided there", skipped.deadLetters],
      ["left out: unreadable, set aside by its reader", skipped.unreadable],
      ["left out: older than 20 h, may charge a card", tooOld],
    ] as const
  ).filter(([, count]) => count > 0)

const resolverText = (resolved: ReadonlyArray<Resolved>): ReadonlyArray<string> =>
  resolved.length === 0
    ? []
    : [["the charges they name, as payments knows them:", ...resolved.map((each) => `  ${each.sentence}`)].join("\n")]

export const surveyOf = (
  { run, accounts, bytes: size, oldestMs, newestMs }: Survey,
  resolved: ReadonlyArray<Resolved>,
): Answer => {
  const { selection, counts } = run
  const { stream } = selection
  const handlers = Object.entries(EFFECTS[stream] ?? {}).map(([service, effect]) => ({ service, effect }))
  return {
    json: {
      applied: false,
      stream,
      selection,
      messages: counts.messages,
      items: counts.items,
      accounts,
      bytes: size,
      oldestSeconds: oldestMs === null ? null : Math.round(oldestMs / 1000),
      newestSeconds: newestMs === null ? null : Math.round(newestMs / 1000),
      skipped: counts.skipped,
      tooOld: counts.tooOld,
      resolver: resolved,
      handlers,
    },
    text: [
      facts([
        ["stream", stream],
        ["selected", selectionText(selection)],
        ["would be sent", `${counts.messages} messages with ${counts.items} items of ${accounts} accounts`],
        ["size", bytes(size)],
        ["age", counts.messages === 0 ? "–" : `${ageText(newestMs)} to ${ageText(oldestMs)}`],
        ...skippedRows(counts),
      ]),
      table(
        [{ title: "SEEN BY" }, { title: "WHAT IT MAKES OF WHAT IT HAD BEFORE" }],
        handlers.map(({ service, effect }) => [service, effect]),
      ),
      ...resolverText(resolved),
    ].join("\n\n"),
  }
}

export interface After {
  readonly readers: ReadonlyArray<Reader>
  readonly before: LedgerState
  readonly after: LedgerState
  readonly letters: { readonly before: number; readonly after: number }
  readonly resolved: ReadonlyArray<Resolved>
}

const isSame = ({ before, after }: After): boolean | null =>
  before.hash === null || after.hash === null ? null : before.hash === after.hash

const changeText = (found: After): string => {
  const same = isSame(found)
  if (same === null) return `not compared: ${found.before.why ?? found.after.why}`
  if (same) return "unchanged: the same state hash before and after"
  return "changed: by traffic meanwhile, or by something that had never been applied before"
}

export const reportOf = ({ run, selection, counts }: ReplayRun, found: After): Answer => {
  const { readers, before, after, letters, resolved } = found
  const areThere = readers.every(({ hasCaughtUp }) => hasCaughtUp)
  return {
    json: {
      applied: true,
      run,
      stream: selection.stream,
      selection,
      messages: counts.messages,
      items: counts.items,
      acknowledged: counts.messages,
      repeats: counts.repeats,
      skipped: counts.skipped,
      tooOld: counts.tooOld,
      resolver: resolved,
      readers,
      deadLetters: letters,
      stateHash: { before: before.hash, after: after.hash, same: isSame(found) },
    },
    text: [
      facts([
        ["replay", run],
        ["stream", selection.stream],
        ["selected", selectionText(selection)],
        ["sent", `${counts.messages} messages with ${counts.items} items, each acknowledged`],
        ...skippedRows(counts),
        ["dead letters", `${letters.before} before, ${letters.after} after`],
        ["ledger", changeText(found)],
      ]),
      table(
        [{ title: "READER" }, { title: "CURSOR", align: "right" }, { title: "HAS APPLIED THE COPIES" }],
        readers.map(({ service, cursor, hasCaughtUp }) => [service, cursor, hasCaughtUp ? "yes" : "not yet"]),
      ),
      ...resolverText(resolved),
    ].join("\n\n"),
    exit: areThere ? EXIT.ok : EXIT.failed,
  }
}
