/** `credits stream show NAME`: one stream's settings, bounds, and how far its readers are behind. */
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { answering } from "../../answer.ts"
import { readServices } from "../../services.ts"
import { readStream } from "../../streams.ts"
import { System } from "../../system.ts"
import { bytes, facts, table } from "../../table.ts"

const SHOWN = [
  "storage",
  "retention",
  "discard",
  "num_replicas",
  "max_age",
  "max_msgs",
  "duplicate_window",
  "allow_direct",
  "allow_atomic",
]

const show = (name: string) =>
  Effect.gen(function* () {
    const system = yield* System
    const bus = yield* system.connect
    const stream = yield* readStream(bus, name)
    const services = yield* readServices(bus)
    const cursors = services.flatMap((service) => {
      const cursor = service.answer?.cursors[name]
      return cursor === undefined ? [] : [{ service: service.name, cursor, behind: stream.last - cursor }]
    })
    const settings = SHOWN.filter((key) => stream.config[key] !== undefined).map(
      (key) => [key, String(stream.config[key])] as const,
    )
    const parts = [
      facts([
        ["stream", stream.name],
        ["subjects", stream.subjects.join(", ")],
        ["messages", `${stream.messages} (${stream.first} to ${stream.last})`],
        ["size", `${bytes(stream.bytes)} of ${stream.maxBytes > 0 ? bytes(stream.maxBytes) : "unlimited"}`],
        ["consumers", stream.consumers],
        ["created", stream.created],
        ...settings,
      ]),
    ]
    if (cursors.length > 0) {
      parts.push(
        table(
          [{ title: "READER" }, { title: "CURSOR", align: "right" }, { title: "BEHIND", align: "right" }],
          cursors.map((each) => [each.service, each.cursor, each.behind]),
        ),
      )
    }
    return { json: { ...stream, cursors }, text: parts.join("\n\n") }
  })

export const streamShow = Command.make(
  "show",
  { name: Argument.String("name").pipe(Argument.withDescription("USAGE, LEDGER_COMMANDS, LEDGER_JOURNAL, …")) },
  ({ name }) => answering(show(name)),
).pipe(
  Command.withDescription("Show a stream: settings, bounds, readers"),
  Command.withExamples([
    { command: "credits stream show LEDGER_COMMANDS", description: "Is the ledger behind?" },
    { command: "credits stream show USAGE --json", description: "Settings and state as JSON" },
  ]),
)
