/** Asks every service that answers `status` how it is. A service that is silent is a fact here, not a failure. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { BusHandle } from "@credits/bus"
import { SUBJECTS, type ControlAnswer } from "@credits/contracts"
import { readStatus } from "./ledger.ts"

export interface ServiceFacts {
  readonly name: string
  readonly answer: ControlAnswer | null
  /** Why there is no answer. */
  readonly silence: string | null
}

const CONTROLS: ReadonlyArray<readonly [name: string, subject: string]> = [
  ["ledger", SUBJECTS.ledgerControl],
  ["pricing", SUBJECTS.pricingControl],
  ["payments", SUBJECTS.paymentsControl],
  ["subscriptions", SUBJECTS.subscriptionsControl],
  ["topup", SUBJECTS.topupControl],
  ["notifications", SUBJECTS.notificationsControl],
]

/** A service answers from memory; a second is a long time for it. */
const STATUS_MS = 1_000

export const readServices = (bus: BusHandle): Effect.Effect<ReadonlyArray<ServiceFacts>> =>
  Effect.forEach(
    CONTROLS,
    ([name, subject]) =>
      Effect.map(
        Effect.result(readStatus(bus, subject, STATUS_MS)),
        Result.match({
          onSuccess: (answer): ServiceFacts => ({ name, answer, silence: null }),
          onFailure: (failure): ServiceFacts => ({ name, answer: null, silence: failure.detail }),
        }),
      ),
    { concurrency: "unbounded" },
  )
