/**
 * Load jobs: usage arrays into the usage stream, charge arrays into the command stream, and a bare stream to compare
 * with.
 */
import {
  ask,
  type BusHandle,
  closeBus,
  connectBus,
  orderedReader,
  publish,
  publishAtomic,
  streamState,
} from "@credits/bus"
import { STREAMS, SUBJECTS } from "@credits/contracts"
import { chargeMessages, usageMessages } from "../payloads.ts"
import type { ChargesJob, JetStreamJob, JetStreamResult, Prepared, PublishResult, UsageJob } from "./job.ts"

/** Sends all payloads, `inFlight` at once; answers with the highest sequence. */
const publishAll = async (
  payloads: ReadonlyArray<Buffer>,
  inFlight: number,
  send: (payload: Buffer) => Promise<{ readonly seq: number }>,
): Promise<number> => {
  let next = 0
  let lastSeq = 0
  const sender = async (): Promise<void> => {
    while (next < payloads.length) {
      const { seq } = await send(payloads[next++]!)
      if (seq > lastSeq) lastSeq = seq
    }
  }
  await Promise.all(Array.from({ length: inFlight }, sender))
  return lastSeq
}

const bytesOf = (payloads: ReadonlyArray<Buffer>): number => payloads.reduce((sum, payload) => sum + payload.length, 0)

export const prepareUsage = async (job: UsageJob): Promise<Prepared<PublishResult>> => {
  const bus = await connectBus({ servers: job.servers, name: job.name, firstConnectMs: 5_000 })
  const payloads = usageMessages(job.plan, job.perMessage)
  return {
    run: async () => {
      const start = performance.now()
      const lastSeq = await publishAll(payloads, job.inFlight, (payload) => publish(bus.js, SUBJECTS.usage, payload))
      const seconds = (performance.now() - start) / 1000
      return { events: job.plan.events, messages: payloads.length, bytes: bytesOf(payloads), seconds, lastSeq }
    },
    close: () => closeBus(bus),
  }
}

export const prepareCharges = async (job: ChargesJob): Promise<Prepared<PublishResult>> => {
  const bus = await connectBus({ servers: job.servers, name: job.name, firstConnectMs: 5_000 })
  const messages = chargeMessages(job.plan, job.perMessage)
  return {
    run: async () => {
      const start = performance.now()
      let lastSeq = 0
      for (let done = 0; done < messages.length; done += job.messagesPerBatch) {
        const batch = messages
          .slice(done, done + job.messagesPerBatch)
          .map(({ partition, payload }) => ({ subject: SUBJECTS.ledgerCommand(partition), payload }))
        lastSeq = (await publishAtomic(bus.js, batch)).seq
      }
      return {
        events: job.plan.events,
        messages: messages.length,
        bytes: messages.reduce((bytes, message) => bytes + message.payload.length, 0),
        seconds: (performance.now() - start) / 1000,
        lastSeq,
      }
    },
    close: () => closeBus(bus),
  }
}

const BENCH_STREAM = "BENCH_BARE"
const BENCH_SUBJECT = "bench.bare"

/** A stream like those of the contracts: file storage, nothing dropped. */
const createStream = async (bus: BusHandle): Promise<void> => {
  const config = {
    name: BENCH_STREAM,
    subjects: [BENCH_SUBJECT],
    storage: "file",
    retention: "limits",
    discard: "new",
    max_bytes: STREAMS.usage.maxBytes,
    num_replicas: 1,
  }
  await ask(bus.connection, `$JS.API.STREAM.DELETE.${BENCH_STREAM}`, "", 5_000)
  const answer = await ask(bus.connection, `$JS.API.STREAM.CREATE.${BENCH_STREAM}`, JSON.stringify(config), 5_000)
  if ((JSON.parse(answer) as { error?: unknown }).error !== undefined) throw new Error(answer)
}

/** The same messages as (b), into and out of a stream that nobody prices or charges. */
export const prepareJetStream = async (job: JetStreamJob): Promise<Prepared<JetStreamResult>> => {
  const bus = await connectBus({ servers: job.servers, name: job.name, firstConnectMs: 5_000 })
  await createStream(bus)
  const payloads = usageMessages(job.plan, job.perMessage)
  const consume = async (last: number): Promise<number> => {
    const start = performance.now()
    await new Promise<void>((resolve, reject) => {
      const reader = orderedReader(bus, {
        stream: BENCH_STREAM,
        filters: [BENCH_SUBJECT],
        startSeq: 1,
        onMessage: ({ seq }) => {
          if (seq === last) void reader.close().then(resolve)
        },
        onGap: (gap) => reject(new Error(JSON.stringify(gap))),
      })
    })
    return (performance.now() - start) / 1000
  }
  return {
    run: async () => {
      const start = performance.now()
      await publishAll(payloads, job.inFlight, (payload) => publish(bus.js, BENCH_SUBJECT, payload))
      const publishSeconds = (performance.now() - start) / 1000
      const { last } = await streamState(bus.jsm, BENCH_STREAM)
      const consumeSeconds = await consume(last)
      await bus.jsm.streams.delete(BENCH_STREAM)
      return { events: job.plan.events, publishSeconds, consumeSeconds, messages: payloads.length }
    },
    close: () => closeBus(bus),
  }
}
