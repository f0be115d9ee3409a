/**
 * What a replay has changed: the readers' cursors beyond the copies, and the ledger's state before and after, as its
 * own verifier computes it from the database (I10). Without the ledger's database here nothing is compared, and it
 * says so.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { createHash } from "node:crypto"
import type { BusHandle } from "@credits/bus"
import type { OpsConfig } from "../config.ts"
import { readServices } from "../services.ts"
import { runVerifier, type Verdict } from "../verifier.ts"

/** A reader that is this late is a matter of its own: `credits top`. */
const CATCH_UP_MS = 60_000
const ASK_EVERY_MS = 250

export interface Reader {
  readonly service: string
  readonly cursor: number | null
  readonly hasCaughtUp: boolean
}

/** Until every reader has applied the stream up to `seq`, or a minute has passed. */
export const awaitReaders = (bus: BusHandle, stream: string, readers: ReadonlyArray<string>, seq: number) =>
  Effect.gen(function* () {
    const deadline = (yield* Clock.currentTimeMillis) + CATCH_UP_MS
    for (;;) {
      const services = yield* readServices(bus)
      const found = readers.map((name): Reader => {
        const cursor = services.find((each) => each.name === name)?.answer?.cursors[stream] ?? null
        return { service: name, cursor, hasCaughtUp: cursor !== null && cursor >= seq }
      })
      if (found.every(({ hasCaughtUp }) => hasCaughtUp) || (yield* Clock.currentTimeMillis) > deadline) return found
      yield* Effect.sleep(ASK_EVERY_MS)
    }
  })

export interface LedgerState {
  /** Of every account's books; null: could not be computed, see `why`. */
  readonly hash: string | null
  readonly why: string | null
}

/** The verifier's own hash of the state, else of everything it counted. */
const hashIn = (verdict: Verdict): string =>
  typeof verdict["stateHash"] === "string"
    ? verdict["stateHash"]
    : createHash("sha256").update(JSON.stringify(verdict)).digest("hex")

export const ledgerState = (config: OpsConfig): Effect.Effect<LedgerState> =>
  Effect.map(
    Effect.result(runVerifier(config)),
    Result.match({
      onFailure: (failure): LedgerState => ({ hash: null, why: failure.detail }),
      onSuccess: (verdict): LedgerState =>
        verdict.ok
          ? { hash: hashIn(verdict), why: null }
          : { hash: null, why: "the ledger's books do not close here: `credits ledger verify`" },
    }),
  )
