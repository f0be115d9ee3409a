/**
 * The doctor's look at what is overdue or waits for a person: holds past their end, charges nobody knows the outcome
 * of, usage tables that differ, and, where it was asked for, the ledger's own proof. Pure.
 */
import type { ControlAnswer, RebuildState } from "@credits/contracts"
import type { ServiceFacts } from "../services.ts"
import type { Verdict } from "../verifier.ts"
import { fail, ok, skipped, warn, type Check } from "./check.ts"

/** Due work is run by the second; after a takeover it waits for the stream's end, at most a minute (decision 11). */
const HOLD_LATE_MS = 90_000

const answerOf = (services: ReadonlyArray<ServiceFacts>, name: string): ControlAnswer | null =>
  services.find((service) => service.name === name)?.answer ?? null

/** A gauge among the metrics of a service's status; null: it does not tell. */
const gauge = (answer: ControlAnswer | null, name: string): number | null => {
  const metrics = answer?.detail["metrics"] as Readonly<Record<string, unknown>> | undefined
  const value = metrics?.[name]
  return typeof value === "number" ? value : null
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`

/** R6.3: a hold ends by itself; one that is still open after its end is not being ended. */
export const checkHolds = (services: ReadonlyArray<ServiceFacts>): Check => {
  const ledger = answerOf(services, "ledger")
  const count = gauge(ledger, "holds")
  if (ledger === null || count === null) return skipped("holds", "the ledger does not tell")
  const late = ledger.now - (gauge(ledger, "firstHoldExpiry") ?? ledger.now)
  if (late > HOLD_LATE_MS) {
    return warn(
      "holds",
      `${count} open, the oldest should have ended ${seconds(late)} ago: its credit stays reserved`,
      "is the ledger behind? `credits stream show LEDGER_COMMANDS`; docs/operations/runbooks/stuck-holds.md",
    )
  }
  return ok("holds", count === 0 ? "none open" : `${count} open, none past its end`)
}

const UNKNOWN_REPAIR = [
  "payments looks them up by itself for 24 hours; nothing is charged a second time meanwhile.",
  "  `credits charge list --status unknown` shows them; does the card processor answer at all?",
  "  credits charge look-up CHARGE      asks it now about one",
].join("\n")
const REVIEW_REPAIR = [
  "have each one looked up once more; what the card processor does not show, look up there by its charge id, and tell:",
  "  credits charge list --status review",
  '  credits charge look-up CHARGE --apply --reason "…"',
  "  credits charge resolve CHARGE --outcome succeeded|not_executed      (docs/operations/runbooks/unknown-charges.md)",
].join("\n")

/** R10.2: what is in doubt, and what only a person can find out. */
export const checkCharges = (services: ReadonlyArray<ServiceFacts>): Check => {
  const payments = answerOf(services, "payments")
  const [inReview, oldest] = [gauge(payments, "inReview"), gauge(payments, "oldestUnknownSeconds")]
  if (inReview === null || oldest === null) return skipped("charges", "payments does not tell")
  if (inReview > 0) return warn("charges", `${inReview} wait for a person: no outcome in 24 hours`, REVIEW_REPAIR)
  if (oldest > 0) return warn("charges", `an outcome has been unknown for ${Math.round(oldest)} s`, UNKNOWN_REPAIR)
  return ok("charges", "every outcome is known")
}

const REBUILD_REPAIR = '`credits projection rebuild usage --apply --reason "…"` (docs/operations/rebuild.md)'

/** What pricing's last count beside the live tables found; `state` null: pricing does not answer. */
export const checkUsageTables = (state: RebuildState | null): Check => {
  const name = "usage tables"
  if (state === null) return skipped(name, "pricing does not answer")
  const differing = state.comparison?.differing ?? 0
  if (state.state === "failed") return warn(name, `the last count failed: ${state.detail}`, REBUILD_REPAIR)
  if (state.state === "interrupted") {
    return warn(name, `a rebuild was interrupted after ${state.entries} entries; it goes on there`, REBUILD_REPAIR)
  }
  if (state.state === "running") return ok(name, `being counted anew: ${state.entries} of ${state.total} entries`)
  if (state.state === "none") return ok(name, "not compared lately; `credits projection verify usage` does")
  if (differing > 0 && !state.swapped) return fail(name, `${differing} figures differ from the entries`, REBUILD_REPAIR)
  return ok(name, state.swapped ? "rebuilt from the entries and put in place" : "as the entries make them")
}

/** `verdict` null: it was not asked for, because reading every entry takes its time. */
export const checkBooks = (verdict: Verdict | null): Check => {
  const name = "ledger's books"
  if (verdict === null) return skipped(name, "not computed; `credits doctor --deep` or `credits ledger verify` does")
  if (verdict["stateHash"] !== verdict["loadedHash"]) {
    return fail(
      name,
      "what is remembered (snapshots) is not what the entries make; the entries are right",
      "start the ledger once with CREDITS_LEDGER_REBUILD=true: docs/operations/rebuild.md",
    )
  }
  return verdict.ok
    ? ok(name, `they close, state hash ${String(verdict["stateHash"]).slice(0, 16)}`)
    : fail(
        name,
        "they do not close; `credits ledger verify` names every problem",
        "docs/operations/runbooks/imbalance.md; where entries themselves are damaged: docs/operations/backup.md",
      )
}
