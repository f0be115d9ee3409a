/** The doctor's look at the services: ready, caught up, and whether their cursors still fit their streams. Pure. */
import type { ControlAnswer } from "@credits/contracts"
import type { ServiceFacts } from "../services.ts"
import type { StreamLook } from "./bus.ts"
import { fail, ok, warn, type Check } from "./check.ts"

/** Messages behind that are worth a remark: a message holds up to 500 events. */
const BEHIND_WARN = 1_000
/** Journal and signals waiting in the database for the bus. */
const OUTBOX_WARN = 10_000

const GAP_REPAIR = [
  "commands between the database and the stream are missing, so the partition has stopped instead of skipping them.",
  "  1. keep a copy of the data folder, and see `credits ledger verify`: what is in the database must be whole",
  "  2. was the stream wiped or restored from an older backup? put back the newest one: repeats are harmless",
  "  3. are the commands gone for good? docs/operations/cursor-gap.md says how to accept the loss and on whose word",
].join("\n")

const JOURNAL_REPAIR =
  "usage tables of those partitions stand still, balances are right; docs/operations/cursor-gap.md, last section"

const REFUSED_REPAIR =
  "nothing behind it leaves either; mend what the bus names (a stream's shape, a permission) and restart the service"

/** A service of several machines says it of each. */
const refusedOf = (detail: ControlAnswer["detail"]): string | undefined =>
  [detail, detail["charge"], detail["method"]]
    .map((each) => (each as ControlAnswer["detail"] | null | undefined)?.["outbox_refused"])
    .find((refused) => typeof refused === "string")

/** What a service says of itself beyond being ready, in the words it uses (`detail` of its status). */
const complaintOf = ({ service, detail }: ControlAnswer): Check | null => {
  const name = `${service} ready`
  if (typeof detail["gap"] === "string") return fail(name, detail["gap"], GAP_REPAIR)
  if (detail["cursor_gap"] !== undefined)
    return fail(name, `cursor_gap: ${JSON.stringify(detail["cursor_gap"])}`, GAP_REPAIR)
  if (detail["journal_gap"] !== undefined) {
    return fail(name, `journal_gap: ${JSON.stringify(detail["journal_gap"])}`, JOURNAL_REPAIR)
  }
  const refused = refusedOf(detail)
  if (refused !== undefined) return fail(name, `its outbox stands still: ${refused}`, REFUSED_REPAIR)
  return typeof detail["trouble"] === "string"
    ? warn(name, detail["trouble"], "it tries again by itself; see its log")
    : null
}

export const checkReady = (service: ServiceFacts): Check => {
  const { name, answer } = service
  if (answer === null) {
    return fail(
      `${name} ready`,
      service.silence ?? "no answer",
      "is its process running? the supervisor's output (npm start) says why it stopped",
    )
  }
  const complaint = complaintOf(answer)
  if (complaint !== null) return complaint
  if (!answer.ready) {
    return fail(
      `${name} ready`,
      "it answers, and says it is not ready (not owning its partitions, or not caught up)",
      "wait for it to catch up; if it stays so, see its log",
    )
  }
  if (answer.outboxPending > OUTBOX_WARN) {
    return warn(
      `${name} ready`,
      `ready, but ${answer.outboxPending} messages wait in its outbox`,
      "is LEDGER_JOURNAL or LEDGER_SIGNALS full? `credits stream list`",
    )
  }
  return ok(`${name} ready`, `ready, ${answer.outboxPending} in the outbox, ${answer.openRequests} open requests`)
}

/** Decision 2: first ≤ cursor + 1 ≤ last + 1, else commands would be skipped silently. */
const checkCursor = (service: string, stream: StreamLook, cursor: number): Check => {
  const name = `${service} on ${stream.name}`
  const { facts } = stream
  if (facts === null) return fail(name, "its stream is missing: cursor_gap", GAP_REPAIR)
  if (cursor > facts.last) {
    return fail(
      name,
      `cursor_gap: applied up to ${cursor}, but the stream ends at ${facts.last}: it was wiped or restored`,
      GAP_REPAIR,
    )
  }
  if (cursor + 1 < facts.first) {
    return fail(
      name,
      `cursor_gap: applied up to ${cursor}, but the stream begins at ${facts.first}: messages are missing`,
      GAP_REPAIR,
    )
  }
  const behind = facts.last - cursor
  if (behind > BEHIND_WARN) {
    return warn(
      name,
      `${behind} messages behind`,
      "it catches up by itself; if the number grows, look at the service's load and log",
    )
  }
  return ok(name, behind === 0 ? "caught up" : `${behind} messages behind`)
}

/** A service that owns nothing yet has no cursor to speak of. */
const hasCursor = (answer: ControlAnswer): boolean => answer.detail["owned"] !== 0

export const checkCursors = (
  services: ReadonlyArray<ServiceFacts>,
  streams: ReadonlyArray<StreamLook>,
): ReadonlyArray<Check> =>
  services.flatMap(({ name, answer }) => {
    if (answer === null || !hasCursor(answer)) return []
    return Object.entries(answer.cursors).flatMap(([stream, cursor]) => {
      const look = streams.find((each) => each.name === stream)
      return look === undefined ? [] : [checkCursor(name, look, cursor)]
    })
  })

/** Beyond this a clock is wrong, not late: the ledger stops a partition at the same distance (decision 11). */
export const SKEW_MS_MAX = 5_000

/** `distance` = the other clock minus ours, ms. */
export const checkClock = (name: string, distance: number): Check =>
  Math.abs(distance) <= SKEW_MS_MAX
    ? ok(name, `within ${Math.abs(Math.round(distance))} ms of this machine`)
    : fail(
        name,
        `${Math.round(distance)} ms away from this machine's clock`,
        "set both clocks by NTP; beyond 5 s the ledger stops to protect its order",
      )
