/**
 * What payments knows of charges that an old message names. Payments itself looks up what it does not know, for a day,
 * then a person decides (R10.2): nothing is asked of the card processor here, and nothing is charged.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { BusHandle } from "@credits/bus"
import type { ChargeStatus } from "@credits/contracts"
import { EXIT, type CommandFailure } from "../failure.ts"
import { askPayments } from "../paying.ts"

export interface Resolved {
  readonly chargeId: string
  readonly status: ChargeStatus | "not_found" | "unavailable"
  /** For a person: what is known, and what is left to do. */
  readonly sentence: string
}

const sentenceOf = (chargeId: string, status: ChargeStatus): string => {
  if (status === "review")
    return `${chargeId}: nobody could find out; decide with \`credits charge resolve ${chargeId}\``
  if (status === "unknown") return `${chargeId}: unknown; payments is looking it up`
  return `${chargeId}: ${status}`
}

export const askResolver = (
  bus: BusHandle,
  charges: ReadonlyArray<string>,
): Effect.Effect<ReadonlyArray<Resolved>, CommandFailure> =>
  Effect.forEach([...new Set(charges)], (chargeId) =>
    Effect.map(
      Effect.result(askPayments(bus, { op: "charge-show", chargeId })),
      Result.match({
        onSuccess: ({ status }): Resolved => ({ chargeId, status, sentence: sentenceOf(chargeId, status) }),
        onFailure: (failure): Resolved =>
          failure.exit === EXIT.notFound
            ? { chargeId, status: "not_found", sentence: `${chargeId}: payments has no such charge` }
            : { chargeId, status: "unavailable", sentence: `${chargeId}: ${failure.detail}` },
      }),
    ),
  )
