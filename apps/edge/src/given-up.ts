/**
 * What nobody could use, for /metrics: how many dead letters wait for a person, and how many advisories of JetStream no
 * letter tells of. Looked at together, kept for a moment; a bus that is away leaves the figures out.
 */
import { advisoriesWithoutLetter, Bus, type BusHandle, streamState } from "@credits/bus"
import { STREAMS } from "@credits/contracts"
import { Context, Effect, Layer } from "effect"

/** Advisories are rare, letters are read only when there are any; scrapers come every 15 s or so. */
const KEPT_MS = 5_000
/** A scrape must not wait long for a dead bus. */
const ANSWER_MS = 1_000

const figures = async (bus: BusHandle): Promise<string> => {
  const [letters, advisories] = await Promise.all([
    streamState(bus.jsm, STREAMS.deadLetters.name),
    advisoriesWithoutLetter(bus),
  ])
  return [
    "# HELP dead_letters_pending Dead letters that wait for a person: `credits dlq list`",
    "# TYPE dead_letters_pending gauge",
    `dead_letters_pending ${letters.messages}`,
    "# HELP advisory_without_dlq Messages a consumer gave up without a dead letter: `credits dlq list`",
    "# TYPE advisory_without_dlq gauge",
    `advisory_without_dlq ${advisories.length}`,
    "",
  ].join("\n")
}

export class GivenUp extends Context.Service<GivenUp, { readonly read: Effect.Effect<string> }>()("edge/GivenUp") {
  static readonly layer = Layer.effect(
    GivenUp,
    Effect.gen(function* () {
      const bus = yield* Bus
      let kept: Promise<string> | undefined
      let until = 0
      const read = Effect.promise(() => {
        const now = performance.now()
        if (kept === undefined || now >= until) {
          const late = new Promise<string>((none) => setTimeout(() => none(""), ANSWER_MS).unref())
          kept = Promise.race([figures(bus).catch(() => ""), late])
          until = now + KEPT_MS
        }
        return kept
      })
      return GivenUp.of({ read })
    }),
  )
}
