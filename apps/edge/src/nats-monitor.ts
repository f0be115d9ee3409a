/**
 * nats-server's own monitoring, for /metrics: looked at every few seconds, so that lags have seconds also between two
 * scrapes. A server that does not answer, or whose monitoring is not named, only leaves these figures out.
 */
import { Context, Duration, Effect, Layer } from "effect"
import type { ControlAnswer } from "@credits/contracts"
import { EdgeConfig } from "./config.ts"
import { jetStreamSamples, streamEnds, type JetStreamReport } from "./jetstream-samples.ts"
import type { Family, Sample } from "./prometheus-text.ts"
import { StreamLag } from "./stream-lag.ts"

/** What seconds of lag are rounded to. */
const LOOK_MS = 5_000
const ANSWER_MS = 2_000

const up: Family = { name: "credits_nats_up", type: "gauge", help: "1: nats-server says that it is healthy" }
const lagMessages: Family = {
  name: "credits_stream_lag_messages",
  type: "gauge",
  help: "Messages of a stream that a service has not applied",
}
const lagSeconds: Family = {
  name: "credits_stream_lag_seconds",
  type: "gauge",
  help: "How long the oldest of them has been there, to 5 s",
}

const get = async (base: URL, path: string): Promise<unknown> => {
  const response = await fetch(new URL(path, base), { signal: AbortSignal.timeout(ANSWER_MS) })
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return response.json()
}

interface Seen {
  readonly isUp: boolean
  readonly report: JetStreamReport | undefined
}

const lookAt = async (base: URL): Promise<Seen> => {
  const [health, report] = await Promise.allSettled([
    get(base, "/healthz"),
    get(base, "/jsz?accounts=true&streams=true&consumers=true"),
  ])
  return {
    isUp: health.status === "fulfilled",
    report: report.status === "fulfilled" ? (report.value as JetStreamReport) : undefined,
  }
}

export class NatsMonitor extends Context.Service<
  NatsMonitor,
  {
    /** Of the newest look, and how far these services are behind. */
    readonly samples: (answers: ReadonlyMap<string, ControlAnswer | null>) => ReadonlyArray<Sample>
  }
>()("edge/NatsMonitor") {
  static readonly layer = Layer.effect(
    NatsMonitor,
    Effect.gen(function* () {
      const { natsMonitorUrl } = yield* EdgeConfig
      if (natsMonitorUrl === undefined) return NatsMonitor.of({ samples: () => [] })
      const lag = new StreamLag()
      let seen: Seen = { isUp: false, report: undefined }
      const look = Effect.promise(async () => {
        seen = await lookAt(natsMonitorUrl)
        if (seen.report !== undefined) lag.look(Date.now(), streamEnds(seen.report))
      })
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(look, Effect.sleep(Duration.millis(LOOK_MS)))))

      const lagsOf = (service: string, answer: ControlAnswer | null): ReadonlyArray<Sample> =>
        Object.entries(answer?.cursors ?? {}).flatMap(([stream, cursor]) => {
          const behind = lag.of(stream, cursor, Date.now())
          if (behind === undefined) return []
          const labels = { service, stream }
          return [
            { family: lagMessages, labels, value: behind.messages },
            { family: lagSeconds, labels, value: behind.seconds },
          ]
        })
      return NatsMonitor.of({
        samples: (answers) => [
          { family: up, labels: {}, value: seen.isUp ? 1 : 0 },
          ...(seen.report === undefined ? [] : jetStreamSamples(seen.report)),
          ...[...answers].flatMap(([service, answer]) => lagsOf(service, answer)),
        ],
      })
    }),
  )
}
