/** `credits stream list`: every stream and bucket of the system with its size and bounds. */
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { answering } from "../../answer.ts"
import { readStream, STREAM_NAMES } from "../../streams.ts"
import { System } from "../../system.ts"
import { bytes, table } from "../../table.ts"

const list = Effect.gen(function* () {
  const system = yield* System
  const bus = yield* system.connect
  const streams = yield* Effect.forEach(STREAM_NAMES, (name) => readStream(bus, name), { concurrency: 4 })
  const full = (each: { bytes: number; maxBytes: number }) =>
    each.maxBytes > 0 ? `${((100 * each.bytes) / each.maxBytes).toFixed(1)} %` : "–"
  return {
    json: {
      items: streams.map(({ config: _config, ...stream }) => stream),
    },
    text: table(
      [
        { title: "STREAM" },
        { title: "MESSAGES", align: "right" },
        { title: "FIRST", align: "right" },
        { title: "LAST", align: "right" },
        { title: "SIZE", align: "right" },
        { title: "FULL", align: "right" },
        { title: "READERS" },
      ],
      streams.map((each) => [
        each.name,
        each.messages,
        each.first,
        each.last,
        bytes(each.bytes),
        full(each),
        each.readers.length === 0 ? "–" : each.readers.join(", "),
      ]),
    ),
  }
})

export const streamList = Command.make("list", {}, () => answering(list)).pipe(
  Command.withDescription("List the streams and buckets with their size"),
  Command.withExamples([
    { command: "credits stream list", description: "How full is each stream?" },
    { command: "credits stream list --json", description: "For a script" },
  ]),
)
