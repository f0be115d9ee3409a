/** One look at the running system: what every service says, every stream's fill, what lags, what disk is left. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { BusHandle } from "@credits/bus"
import { statfs } from "node:fs/promises"
import { readServices, type ServiceFacts } from "../services.ts"
import { readStream, STREAM_NAMES, type StreamFacts } from "../streams.ts"

export interface Sample {
  /** Real time, ms. */
  readonly at: number
  readonly services: ReadonlyArray<ServiceFacts>
  readonly streams: ReadonlyArray<StreamFacts>
  /** `service stream` → when the first message it has not applied was stored, ms; absent: it has applied all. */
  readonly waitingSince: ReadonlyMap<string, number>
  /** Bytes free on the volume of the data folder; null: it is not here. */
  readonly freeBytes: number | null
}

export const lagKey = (service: string, stream: string): string => `${service} ${stream}`

/** When a message was stored; null: it is gone, or nobody tells. */
const storedAt = (bus: BusHandle, stream: string, seq: number): Effect.Effect<number | null> =>
  Effect.promise(async () => {
    const found = await bus.jsm.direct.getMessage(stream, { seq }).catch(() => null)
    return found === null ? null : found.time.getTime()
  })

const waiting = (bus: BusHandle, services: ReadonlyArray<ServiceFacts>, streams: ReadonlyArray<StreamFacts>) =>
  Effect.gen(function* () {
    const behind = services.flatMap(({ name, answer }) =>
      Object.entries(answer?.cursors ?? {})
        .filter(([stream, cursor]) => cursor < (streams.find((each) => each.name === stream)?.last ?? 0))
        .map(([stream, cursor]) => ({ name, stream, seq: cursor + 1 })),
    )
    const found = new Map<string, number>()
    for (const { name, stream, seq } of behind) {
      const at = yield* storedAt(bus, stream, seq)
      if (at !== null) found.set(lagKey(name, stream), at)
    }
    return found
  })

export const sample = (bus: BusHandle, dataDir: string): Effect.Effect<Sample> =>
  Effect.gen(function* () {
    // Streams first: a cursor read after them is never behind only because it was read sooner.
    const streams = yield* Effect.forEach(STREAM_NAMES, (name) => Effect.result(readStream(bus, name)), {
      concurrency: 4,
    })
    const found = streams.flatMap((each) => (Result.isSuccess(each) ? [each.success] : []))
    const services = yield* readServices(bus)
    const freeBytes = yield* Effect.promise(() =>
      statfs(dataDir).then(
        ({ bavail, bsize }) => bavail * bsize,
        () => null,
      ),
    )
    const waitingSince = yield* waiting(bus, services, found)
    return { at: yield* Clock.currentTimeMillis, services, streams: found, waitingSince, freeBytes }
  })
