/**
 * What nobody could use, for /metrics: how many dead letters wait for a person, and how many advisories of JetStream no
 * letter tells of. Looked at together, kept for a moment; a bus that is away leaves the figures out.
 */
import { advisoriesWithoutLetter, Bus, type BusHandle, streamState } from "@credits/bus"
import { STREAMS } from "@credits/contracts"
import { Context, Effect, Layer } from "effect"
import type { Family, Sample } from "./prometheus-text.ts"

/** Advisories are rare, letters are read only when there are any; scrapers come every 15 s or so. */
const KEPT_MS = 5_000
/** A scrape must not wait long for a dead bus. */
const ANSWER_MS = 1_000

const pending: Family = {
  name: "dead_letters_pending",
  type: "gauge",
  help: "Dead letters that wait for a person: `credits dlq list`",
}
const untold: Family = {
  name: "advisory_without_dlq",
  type: "gauge",
  help: "Messages a consumer gave up without a dead letter: `credits dlq list`",
}

const figures = async (bus: BusHandle): Promise<ReadonlyArray<Sample>> => {
  const [letters, advisories] = await Promise.all([
    streamState(bus.jsm, STREAMS.deadLetters.name),
    advisoriesWithoutLetter(bus),
  ])
  return [
    { family: pending, labels: {}, value: letters.messages },
    { family: untold, labels: {}, value: advisories.length },
  ]
}

export class GivenUp extends Context.Service<GivenUp, { readonly read: Effect.Effect<ReadonlyArray<Sample>> }>()(
  "edge/GivenUp",
) {
  static readonly layer = Layer.effect(
    GivenUp,
    Effect.gen(function* () {
      const bus = yield* Bus
      let kept: Promise<ReadonlyArray<Sample>> | undefined
      let until = 0
      const read = Effect.promise(() => {
        const now = performance.now()
        if (kept === undefined || now >= until) {
          const late = new Promise<ReadonlyArray<Sample>>((none) => setTimeout(() => none([]), ANSWER_MS).unref())
          kept = Promise.race([figures(bus).catch(() => []), late])
          until = now + KEPT_MS
        }
        return kept
      })
      return GivenUp.of({ read })
    }),
  )
}
