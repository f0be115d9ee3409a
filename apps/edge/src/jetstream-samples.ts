/**
 * JetStream as Prometheus knows it: nats-server's monitoring (`/jsz`) under the names of the usual exporter, so that
 * dashboards made for that one fit. Pure.
 */
import type { Family, Labels, Sample } from "./prometheus-text.ts"
import type { StreamEnd } from "./stream-lag.ts"

interface ConsumerDetail {
  readonly name?: string
  readonly num_pending?: number
  readonly num_ack_pending?: number
  readonly num_redelivered?: number
  readonly num_waiting?: number
  readonly delivered?: { readonly stream_seq?: number }
  readonly ack_floor?: { readonly stream_seq?: number }
}
interface StreamDetail {
  readonly name?: string
  readonly state?: {
    readonly messages?: number
    readonly bytes?: number
    readonly first_seq?: number
    readonly last_seq?: number
    readonly consumer_count?: number
  }
  readonly consumer_detail?: ReadonlyArray<ConsumerDetail>
}
/** What of `/jsz?accounts=1&streams=1&consumers=1` is looked at; every field may be missing in another version. */
export interface JetStreamReport {
  readonly streams?: number
  readonly consumers?: number
  readonly messages?: number
  readonly bytes?: number
  readonly storage?: number
  readonly config?: { readonly max_storage?: number }
  readonly api?: { readonly total?: number; readonly errors?: number }
  readonly account_details?: ReadonlyArray<{
    readonly name?: string
    readonly stream_detail?: ReadonlyArray<StreamDetail>
  }>
}

const gauge = (name: string, help: string): Family => ({ name, type: "gauge", help })
// The usual exporter gives all of them as gauges; so do we.
const SERVER = {
  streams: gauge("jetstream_server_total_streams", "Streams of the server"),
  consumers: gauge("jetstream_server_total_consumers", "Consumers of the server"),
  messages: gauge("jetstream_server_total_messages", "Messages in all streams"),
  bytes: gauge("jetstream_server_total_message_bytes", "Bytes in all streams"),
  storage: gauge("jetstream_server_storage_bytes", "File storage in use"),
  maxStorage: gauge("jetstream_server_max_storage", "File storage that may be used, bytes"),
  apiErrors: gauge("jetstream_server_api_errors", "Requests of the JetStream API that failed since the server started"),
}
const STREAM = {
  messages: gauge("jetstream_stream_total_messages", "Messages in the stream"),
  bytes: gauge("jetstream_stream_total_bytes", "Bytes in the stream"),
  first_seq: gauge("jetstream_stream_first_seq", "Sequence of the oldest message"),
  last_seq: gauge("jetstream_stream_last_seq", "Sequence of the newest message"),
  consumer_count: gauge("jetstream_stream_consumer_count", "Consumers of the stream"),
} as const
const CONSUMER = {
  num_pending: gauge("jetstream_consumer_num_pending", "Messages the consumer has not been given yet"),
  num_ack_pending: gauge("jetstream_consumer_num_ack_pending", "Messages given and not acknowledged"),
  num_redelivered: gauge("jetstream_consumer_num_redelivered", "Messages given more than once"),
  num_waiting: gauge("jetstream_consumer_num_waiting", "Pulls that wait for messages"),
} as const
const delivered = gauge("jetstream_consumer_delivered_stream_seq", "Sequence of the message given last")
const ackFloor = gauge("jetstream_consumer_ack_floor_stream_seq", "Sequence up to which everything is acknowledged")

type Numbers = Readonly<Record<string, unknown>>

const samplesFrom = (families: Readonly<Record<string, Family>>, of: Numbers, labels: Labels): ReadonlyArray<Sample> =>
  Object.entries(families).flatMap(([key, family]) => {
    const value = of[key]
    return typeof value === "number" ? [{ family, labels, value }] : []
  })

const consumerSamples = (consumer: ConsumerDetail, of: Labels): ReadonlyArray<Sample> => {
  const labels = { ...of, consumer_name: consumer.name ?? "" }
  const seqs = { delivered: consumer.delivered?.stream_seq, ackFloor: consumer.ack_floor?.stream_seq }
  return [...samplesFrom(CONSUMER, consumer as Numbers, labels), ...samplesFrom({ delivered, ackFloor }, seqs, labels)]
}

const streamsOf = (report: JetStreamReport): ReadonlyArray<readonly [account: string, stream: StreamDetail]> =>
  (report.account_details ?? []).flatMap(({ name = "", stream_detail: streams = [] }) =>
    streams.map((stream) => [name, stream] as const),
  )

export const jetStreamSamples = (report: JetStreamReport): ReadonlyArray<Sample> => {
  const { streams, consumers, messages, bytes, storage, config, api } = report
  const server = {
    streams,
    consumers,
    messages,
    bytes,
    storage,
    maxStorage: config?.max_storage,
    apiErrors: api?.errors,
  }
  return [
    ...samplesFrom(SERVER, server, {}),
    ...streamsOf(report).flatMap(([account, { name = "", state = {}, consumer_detail: all = [] }]) => {
      const labels = { account, stream_name: name }
      return [...samplesFrom(STREAM, state, labels), ...all.flatMap((each) => consumerSamples(each, labels))]
    }),
  ]
}

export const streamEnds = (report: JetStreamReport): ReadonlyArray<StreamEnd> =>
  streamsOf(report).flatMap(([, { name, state }]) =>
    name === undefined || state?.last_seq === undefined ? [] : [{ stream: name, last: state.last_seq }],
  )
