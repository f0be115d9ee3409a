/**
 * The doctor's look at NATS: its version, whether it writes through to the disk, and the shape of every stream. Pure.
 */
import type { Advisory } from "@credits/bus"
import type { StreamFacts } from "../streams.ts"
import { fail, ok, skipped, warn, type Check } from "./check.ts"

/**
 * Atomic batches, and the durability settings this system was measured with (architecture: embedded default, real
 * parts).
 */
const NATS_OLDEST = [2, 15] as const

export const checkServer = (version: string, jetstream: boolean): Check => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  const old = major < NATS_OLDEST[0] || (major === NATS_OLDEST[0] && minor < NATS_OLDEST[1])
  if (old) {
    return fail(
      "nats-server",
      `version ${version} is older than 2.15`,
      "install nats-server 2.15 or newer, or set CREDITS_NATS_SERVER to one",
    )
  }
  if (!jetstream)
    return fail(
      "nats-server",
      `version ${version} runs without JetStream`,
      "start nats-server with `jetstream {}` in its configuration",
    )
  return ok("nats-server", `version ${version}, JetStream on`)
}

/** `syncAlways` null = could not be found out (an external server does not tell its clients). */
export const checkDurability = (syncAlways: boolean | null, replicas: number): Check => {
  if (syncAlways === true) return ok("durability", "sync_interval is always: an acknowledged message is on the disk")
  if (replicas >= 3) return ok("durability", `${replicas} copies of every stream`)
  if (syncAlways === false) {
    return fail(
      "durability",
      "sync_interval is not always and streams have one copy: an acknowledged message may be lost in a power failure",
      "set `jetstream { sync_interval: always }`, or run three servers and streams with 3 replicas",
    )
  }
  return warn(
    "durability",
    "sync_interval cannot be read from outside the server and streams have one copy",
    "look at the server's configuration: `jetstream { sync_interval: always }`, or 3 replicas",
  )
}

/** From this share of its byte limit on, a stream is about to push back. */
const FULL_WARN = 0.8

export interface StreamLook {
  readonly name: string
  readonly facts: StreamFacts | null
  /** Why it could not be read, or how it differs from its contract; null = as it should be. */
  readonly difference: string | null
}

export const checkStreams = (looks: ReadonlyArray<StreamLook>): ReadonlyArray<Check> => {
  const wrong = looks.flatMap((look) => {
    if (look.difference === null) return []
    const repair =
      look.facts === null
        ? "restart the system: its supervisor creates what is missing"
        : "drain its readers, then create it again as docs/reference/subjects.md says: this shape may lose messages"
    return [fail(`stream ${look.name}`, look.difference, repair)]
  })
  const full = looks.flatMap(({ name, facts }) => {
    if (facts === null || facts.maxBytes <= 0 || facts.bytes < FULL_WARN * facts.maxBytes) return []
    const share = Math.round((100 * facts.bytes) / facts.maxBytes)
    const detail = `${share} % of ${facts.maxBytes} bytes used; at 100 % publishers are pushed back, nothing is dropped`
    return [
      warn(`stream ${name}`, detail, "see whether a reader is behind (`credits stream show`), or raise max_bytes"),
    ]
  })
  const found = looks.filter((look) => look.facts !== null).length
  return [
    ...(wrong.length === 0 ? [ok("streams", `${found} streams and buckets, all as in the contracts`)] : wrong),
    ...full,
  ]
}

export const checkDeadLetters = (look: StreamLook | undefined): Check => {
  const count = look?.facts?.messages
  if (count === undefined) return skipped("dead letters", "the stream could not be read")
  if (count === 0) return ok("dead letters", "none")
  return warn(
    "dead letters",
    `${count} kept for a person to decide`,
    "`credits dlq list`, then `credits dlq redrive` or `discard` (docs/operations/dead-letters.md)",
  )
}

/** `found` null: they could not be read. */
export const checkAdvisories = (found: ReadonlyArray<Advisory> | null): Check => {
  if (found === null) return skipped("advisories", "the stream could not be read")
  const [first] = found
  if (first === undefined) return ok("advisories", "no message was given up without a dead letter")
  const { stream, seq } = first.origin
  return warn(
    "advisories",
    `${found.length} messages were given up by a consumer, and no dead letter tells of them`,
    [
      "`credits dlq list` shows stream, sequence and consumer; the log of whoever owns that consumer says why.",
      "Once it is mended each is sent again, for example:",
      `  credits stream replay ${stream} --from-seq ${seq} --to-seq ${seq} --apply --reason "…"`,
    ].join("\n"),
  )
}
