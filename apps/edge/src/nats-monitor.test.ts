/** JetStream's report as metrics, and how far readers are behind: pure, from what nats-server 2.15 answers. */
import { describe, expect, it } from "vitest"
import { jetStreamSamples, streamEnds } from "./jetstream-samples.ts"
import { prometheusText } from "./prometheus-text.ts"
import { StreamLag } from "./stream-lag.ts"

const report = {
  streams: 1,
  config: { max_storage: 1_000 },
  account_details: [
    {
      name: "$G",
      stream_detail: [
        {
          name: "USAGE",
          state: { messages: 3, bytes: 900, first_seq: 8, last_seq: 10, consumer_count: 1 },
          consumer_detail: [
            { name: "r_1", num_pending: 2, num_ack_pending: 1, num_redelivered: 0, delivered: { stream_seq: 8 } },
          ],
        },
      ],
    },
  ],
}

describe("JetStream's report", () => {
  it("has the names of the usual exporter", () => {
    const text = prometheusText(jetStreamSamples(report))
    for (const line of [
      "jetstream_server_total_streams 1",
      "jetstream_server_max_storage 1000",
      'jetstream_stream_total_messages{account="$G",stream_name="USAGE"} 3',
      'jetstream_stream_last_seq{account="$G",stream_name="USAGE"} 10',
      'jetstream_consumer_num_pending{account="$G",stream_name="USAGE",consumer_name="r_1"} 2',
      'jetstream_consumer_num_ack_pending{account="$G",stream_name="USAGE",consumer_name="r_1"} 1',
      'jetstream_consumer_num_redelivered{account="$G",stream_name="USAGE",consumer_name="r_1"} 0',
      'jetstream_consumer_delivered_stream_seq{account="$G",stream_name="USAGE",consumer_name="r_1"} 8',
    ]) {
      expect(text).toContain(`${line}\n`)
    }
    expect(streamEnds(report)).toEqual([{ stream: "USAGE", last: 10 }])
  })

  it("that lacks everything says nothing", () => {
    expect(jetStreamSamples({})).toEqual([])
    expect(streamEnds({ account_details: [{ stream_detail: [{}] }] })).toEqual([])
  })
})

describe("the lag of a reader", () => {
  it("is what lies behind its cursor, and how long the oldest of that has been there", () => {
    const lag = new StreamLag()
    expect(lag.of("USAGE", 0, 0)).toBeUndefined()
    lag.look(0, [{ stream: "USAGE", last: 5 }])
    lag.look(5_000, [{ stream: "USAGE", last: 5 }])
    lag.look(10_000, [{ stream: "USAGE", last: 9 }])
    expect(lag.of("USAGE", 9, 12_000)).toEqual({ messages: 0, seconds: 0 })
    expect(lag.of("USAGE", 7, 12_000)).toEqual({ messages: 2, seconds: 2 })
    expect(lag.of("USAGE", 2, 12_000)).toEqual({ messages: 7, seconds: 12 })
  })

  it("begins anew with another stream of the same name", () => {
    const lag = new StreamLag()
    lag.look(0, [{ stream: "USAGE", last: 50 }])
    lag.look(1_000, [{ stream: "USAGE", last: 2 }])
    expect(lag.of("USAGE", 1, 3_000)).toEqual({ messages: 1, seconds: 2 })
  })
})
