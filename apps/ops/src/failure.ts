/**
 * How a command ends: the exit codes and the one error a command fails with. Owns the words a person reads when
 * something is wrong and what to do next; does not print them (`answer.ts` does).
 */
import * as Data from "effect/Data"
import * as Runtime from "effect/Runtime"
import type { LedgerRefusal } from "@credits/contracts"

/** Contract section 6. `partly` = some of several accounts were changed. */
export const EXIT = { ok: 0, failed: 1, usage: 2, notFound: 3, conflict: 4, partly: 6 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** A command could not do its work. `detail` is one sentence; `next` says what the person can do about it. */
export class CommandFailure extends Data.TaggedError("CommandFailure")<{
  readonly exit: ExitCode
  /** Stable, for programs: `nothing_running`, `unavailable`, a refusal code of the ledger, … */
  readonly code: string
  readonly detail: string
  readonly next?: string
}> {
  override get message() {
    return this.next === undefined ? this.detail : `${this.detail}\n${this.next}`
  }
}

/** The process ends with this code; everything there is to say has been printed. */
export class Ended extends Data.TaggedError("Ended")<{ readonly exit: ExitCode }> {
  override readonly [Runtime.errorExitCode] = this.exit
  override readonly [Runtime.errorReported] = false
}

/** What an error says, in one line. */
export const sentence = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, " ")

export const usage = (detail: string, next?: string): CommandFailure =>
  new CommandFailure({ exit: EXIT.usage, code: "usage", detail, ...(next === undefined ? {} : { next }) })

export const notFound = (detail: string, next?: string): CommandFailure =>
  new CommandFailure({ exit: EXIT.notFound, code: "not_found", detail, ...(next === undefined ? {} : { next }) })

export const failed = (code: string, detail: string, next?: string): CommandFailure =>
  new CommandFailure({ exit: EXIT.failed, code, detail, ...(next === undefined ? {} : { next }) })

const EXIT_OF_REFUSAL: Readonly<Record<string, ExitCode>> = {
  invalid: EXIT.usage,
  lot_not_found: EXIT.notFound,
  charge_not_found: EXIT.notFound,
  plan_unknown: EXIT.notFound,
  quote_not_found: EXIT.notFound,
  review_not_found: EXIT.notFound,
  webhook_not_found: EXIT.notFound,
  not_found: EXIT.notFound,
  overloaded: EXIT.failed,
  unavailable: EXIT.failed,
  clock_advancing: EXIT.failed,
}

/** Refusals about the state of things (frozen, too little credit, same id with another body) are conflicts. */
export const refused = (refusal: Pick<LedgerRefusal, "detail"> & { readonly code: string }): CommandFailure =>
  new CommandFailure({
    exit: EXIT_OF_REFUSAL[refusal.code] ?? EXIT.conflict,
    code: refusal.code,
    detail: refusal.detail,
    ...(refusal.code === "unavailable" ? { next: "`credits doctor` says which part is down" } : {}),
  })
