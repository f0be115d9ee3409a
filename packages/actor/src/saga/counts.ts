/** What a runtime counts by name. Plain numbers since its start. */
import { SUBJECTS, type DeadLetter } from "@credits/contracts"

export type Counts = Record<string, number>

export const addCounts = (to: Counts, more: Readonly<Counts>): void => {
  for (const name in more) to[name] = (to[name] ?? 0) + more[name]!
}

const LETTERS = SUBJECTS.deadLetter("")

/** Dead letters among what a commit publishes, by reason. */
export const lettersIn = (facts: ReadonlyArray<{ readonly subject: string; readonly payload: string }>): Counts => {
  const counts: Counts = {}
  for (const { subject, payload } of facts) {
    if (subject.startsWith(LETTERS)) addCounts(counts, { [(JSON.parse(payload) as DeadLetter).reason]: 1 })
  }
  return counts
}
