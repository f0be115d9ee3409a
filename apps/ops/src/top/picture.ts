/** Two looks at the system → what `credits top` shows: gauges of the newer, rates between both. Pure. */
import type { ControlAnswer } from "@credits/contracts"
import { STREAMS } from "@credits/contracts"
import type { ServiceFacts } from "../services.ts"
import { lagKey, type Sample } from "./sample.ts"

export interface ServicePicture {
  readonly service: string
  /** null: it does not answer. */
  readonly ready: boolean | null
  /** Host and process. */
  readonly owner: string | null
  /** Partitions it owns; null: it has none. */
  readonly partitions: number | null
  readonly epoch: string | null
  readonly lagMessages: number
  /** Age of the oldest message it has not applied. */
  readonly lagSeconds: number
  /** Entries, events or decisions a second. */
  readonly entriesPerSecond: number | null
  readonly requestsPerSecond: number | null
  /** Mean of the commits between both looks, ms. */
  readonly commitMs: number | null
  /** Written since it started. */
  readonly deadLetters: number
  /** Committed and not published yet. */
  readonly outbox: number
  /** How long its oldest due work has been waiting, business time. */
  readonly dueBacklogSeconds: number
}

export interface StreamPicture {
  readonly stream: string
  readonly messages: number
  readonly bytes: number
  /** 0 to 1; null: unlimited. */
  readonly fill: number | null
}

export interface Picture {
  /** ISO 8601. */
  readonly at: string
  readonly services: ReadonlyArray<ServicePicture>
  readonly streams: ReadonlyArray<StreamPicture>
  readonly openHolds: number | null
  /** When the longest open hold lapses by itself, seconds of business time; null: there is none. */
  readonly firstHoldLapsesInSeconds: number | null
  /** null: no charge is in doubt. */
  readonly oldestUnknownChargeSeconds: number | null
  readonly deadLetters: number
  readonly freeBytes: number | null
}

type Json = Readonly<Record<string, unknown>>

const isRecord = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

/** The number at a path below `detail.metrics`. */
const at = (answer: ControlAnswer | null, ...path: ReadonlyArray<string>): number | null => {
  let found: unknown = answer?.detail["metrics"]
  for (const step of path) found = isRecord(found) ? found[step] : undefined
  return typeof found === "number" ? found : null
}

/** Of all machines of a service, wherever it keeps its figures: sum of what `pick` finds; null: nowhere. */
const total = (answer: ControlAnswer | null, pick: (metrics: Json) => number | null): number | null => {
  const metrics = answer?.detail["metrics"]
  if (!isRecord(metrics)) return null
  const sagas = isRecord(metrics["sagas"]) ? metrics["sagas"] : {}
  const places = [metrics, sagas, ...Object.values(sagas).filter(isRecord)]
  const found = places.map(pick).filter((value) => value !== null)
  return found.length === 0 ? null : found.reduce((sum, value) => sum + value, 0)
}

const sumOf = (value: unknown): number | null =>
  isRecord(value)
    ? Object.values(value).reduce<number>((sum, each) => sum + (typeof each === "number" ? each : 0), 0)
    : null

const numberOf = (value: unknown): number | null => (typeof value === "number" ? value : null)

const worked = (answer: ControlAnswer | null): number | null =>
  numberOf(answer?.detail["entries"]) ??
  total(answer, (metrics) => numberOf(metrics["events"]) ?? sumOf(metrics["decisions"]))

const requested = (answer: ControlAnswer | null): number | null =>
  total(answer, (metrics) => numberOf(metrics["requests"]) ?? sumOf(metrics["requests"]))

const commits = (answer: ControlAnswer | null): number | null =>
  total(answer, (metrics) => numberOf(metrics["commits"]) ?? numberOf(metrics["batches"]))
const committed = (answer: ControlAnswer | null): number | null =>
  total(answer, (metrics) => numberOf(metrics["commitMs"]) ?? numberOf(metrics["committingMs"]))

/** A process that started again counts from 0: then what it counts is what it did. */
const grown = (before: number | null, after: number | null): number | null => {
  if (after === null || before === null) return null
  return after < before ? after : after - before
}

const epochOf = ({ detail }: ControlAnswer): string | null => {
  const machines = Object.values(detail).filter(isRecord)
  const epochs = [detail, ...machines].flatMap(({ epoch }) =>
    typeof epoch === "number" || typeof epoch === "string" ? [String(epoch)] : [],
  )
  return epochs.length === 0 ? null : epochs.join(", ")
}

const ownerOf = ({ detail }: ControlAnswer): string | null => {
  const found = [detail, ...Object.values(detail).filter(isRecord)].find(({ owner }) => typeof owner === "string")
  return (found?.["owner"] as string | undefined) ?? null
}

const lagOf = ({ name, answer }: ServiceFacts, now: Sample): Pick<ServicePicture, "lagMessages" | "lagSeconds"> => {
  const lags = Object.entries(answer?.cursors ?? {}).map(([stream, cursor]) => {
    const last = now.streams.find((each) => each.name === stream)?.last ?? cursor
    const since = now.waitingSince.get(lagKey(name, stream))
    return { messages: Math.max(0, last - cursor), seconds: since === undefined ? 0 : (now.at - since) / 1000 }
  })
  return {
    lagMessages: lags.reduce((sum, { messages }) => sum + messages, 0),
    lagSeconds: Math.max(0, ...lags.map(({ seconds }) => Math.round(seconds))),
  }
}

const serviceOf = (facts: ServiceFacts, before: ControlAnswer | null, now: Sample, seconds: number): ServicePicture => {
  const { name, answer } = facts
  const rate = (count: (answer: ControlAnswer | null) => number | null): number | null => {
    const more = grown(count(before), count(answer))
    return more === null || seconds <= 0 ? null : more / seconds
  }
  const done = grown(commits(before), commits(answer))
  const spent = grown(committed(before), committed(answer))
  return {
    service: name,
    ready: answer?.ready ?? null,
    owner: answer === null ? null : ownerOf(answer),
    partitions: numberOf(answer?.detail["owned"]),
    epoch: answer === null ? null : epochOf(answer),
    ...lagOf(facts, now),
    entriesPerSecond: rate(worked),
    requestsPerSecond: rate(requested),
    commitMs: done === null || spent === null || done === 0 ? null : spent / done,
    deadLetters: total(answer, (metrics) => sumOf(metrics["deadLettersByReason"])) ?? 0,
    outbox: answer?.outboxPending ?? 0,
    dueBacklogSeconds:
      answer === null || answer.nextDue === null ? 0 : Math.max(0, Math.round((answer.now - answer.nextDue) / 1000)),
  }
}

const positive = (value: number | null): number | null => (value === null || value <= 0 ? null : value)

export const pictureOf = (before: Sample | null, now: Sample): Picture => {
  const seconds = before === null ? 0 : (now.at - before.at) / 1000
  const answerOf = (sample: Sample | null, service: string): ControlAnswer | null =>
    sample?.services.find(({ name }) => name === service)?.answer ?? null
  const ledger = answerOf(now, "ledger")
  const expiry = at(ledger, "firstHoldExpiry")
  return {
    at: new Date(now.at).toISOString(),
    services: now.services.map((facts) => serviceOf(facts, answerOf(before, facts.name), now, seconds)),
    streams: now.streams.map(({ name, messages, bytes, maxBytes }) => ({
      stream: name,
      messages,
      bytes,
      fill: maxBytes > 0 ? bytes / maxBytes : null,
    })),
    openHolds: at(ledger, "holds"),
    firstHoldLapsesInSeconds: expiry === null || ledger === null ? null : Math.round((expiry - ledger.now) / 1000),
    oldestUnknownChargeSeconds: positive(at(answerOf(now, "payments"), "oldestUnknownSeconds")),
    deadLetters: now.streams.find(({ name }) => name === STREAMS.deadLetters.name)?.messages ?? 0,
    freeBytes: now.freeBytes,
  }
}
