/**
 * The spans of a group commit: one of the batch, in a trace of its own, and one of each traced item in the item's
 * trace, linked both ways. Made only when something in the batch is traced; the host sends them off.
 */
import { childContext, rootContext, sampledContext, spanClock, traceparentOf } from "@credits/telemetry"
import type { Attributes, SpanRecord } from "@credits/telemetry"
import type { Draft, Names, Work } from "./batch.ts"
import type { StreamCommand } from "./machine.ts"

/** Items of one batch that get a span; a collector has no use for thousands of the same commit. */
const ITEMS_MAX = 128

export interface BatchSpans {
  readonly spans: ReadonlyArray<SpanRecord>
  /** Account → `traceparent` of the newest traced item that concerned it. */
  readonly traces: ReadonlyMap<string, string>
}

interface Item {
  readonly trace: string
  readonly name: string
  readonly kind: SpanRecord["kind"]
  readonly account: string
  readonly attributes: Attributes
}

/** What of a committed batch carries a trace; null for nearly every batch. */
const tracedItems = (work: Work, names: Names, done: ReadonlySet<number>): ReadonlyArray<Item> | null => {
  let items: Array<Item> | null = null
  for (const { trace, partition, request } of work.requests) {
    if (trace === undefined || !done.has(partition)) continue
    const op = request.key === "" ? "read" : request.key.slice(0, request.key.indexOf(":"))
    const attributes = { "credits.op": op }
    const item = { trace, name: `${names.service} decide ${op}`, kind: "internal", account: request.account } as const
    ;(items ??= []).push({ ...item, attributes })
  }
  for (const { command, partition, seq } of work.commands) {
    const { trace, id, account } = command as StreamCommand
    if (trace === undefined || !done.has(partition)) continue
    const attributes = {
      "messaging.system": "nats",
      "messaging.operation.type": "process",
      "messaging.destination.name": names.stream,
      "messaging.message.id": id,
      "credits.stream.seq": seq,
    }
    ;(items ??= []).push({ trace, name: `${names.service} apply`, kind: "consumer", account, attributes })
  }
  return items
}

export const batchSpans = (
  work: Work,
  draft: Pick<Draft<unknown>, "beganAt" | "entries" | "partitions">,
  names: Names,
  done: ReadonlySet<number>,
): BatchSpans | null => {
  const items = tracedItems(work, names, done)
  if (items === null) return null
  const batch = rootContext()
  const times = { startMs: draft.beganAt, endMs: spanClock() }
  const spans: Array<SpanRecord> = []
  const traces = new Map<string, string>()
  for (const { trace, name, kind, account, attributes } of items.slice(0, ITEMS_MAX)) {
    const parent = sampledContext(trace)
    if (parent === undefined) continue
    const context = childContext(parent)
    const told = { ...attributes, "credits.account_id": account }
    spans.push({ context, parent: parent.spanId, name, kind, ...times, attributes: told, links: [batch] })
    traces.set(account, traceparentOf(context))
  }
  const attributes = {
    "credits.commit.requests": work.requests.length,
    "credits.commit.commands": work.commands.length,
    "credits.commit.entries": draft.entries,
    "credits.commit.partitions": draft.partitions.size,
  }
  const links = spans.map(({ context }) => context)
  spans.push({ context: batch, name: `${names.service} commit`, kind: "internal", ...times, attributes, links })
  return { spans, traces }
}
