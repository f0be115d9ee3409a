/** What `npm run bench -- …` takes. Owns the words and their defaults. */
import { parseArgs } from "node:util"

export const SCENARIOS = ["a", "b", "c", "d", "e", "f", "g"] as const
export type Scenario = (typeof SCENARIOS)[number]

export interface BenchOptions {
  readonly only: ReadonlySet<Scenario>
  /** Of each latency measurement. */
  readonly seconds: number
  /** Of each throughput measurement. */
  readonly events: number
  /** Stored before (e) measures. */
  readonly storedEntries: number
  readonly accounts: number
  /** (g) Of the year. */
  readonly subscribers: number
  /** (g) Renewals of the night. */
  readonly due: number
  /** (g) Due in the same moment, as after an outage; otherwise as far apart as they bought. */
  readonly atOnce: boolean
  /** (g) Requests a second that the card processor takes. */
  readonly processorRate: number
  /** (g) A data folder with the night's subscribers, kept from run to run; null: made anew. */
  readonly population: string | null
  readonly out: string
}

export const USAGE = `usage: npm run bench -- [--only a,b] [--quick] [--out DIR]
                        [--seconds N] [--events N] [--stored N] [--accounts N]
                        [--subscribers N] [--due N] [--at-once] [--processor-rate N] [--population DIR]

  a  authorize through NATS: closed and open loop, alone and while charges drain
  b  usage arrays end to end; drain of charge arrays
  c  one hot account          d  zipf accounts
  e  with millions of stored entries, time-ordered and random ids
  f  baselines: NATS echo, JetStream, SQLite, fsync
  g  a year of subscribers by advancing the clock; a renewal night
`

const positive = (text: string | undefined, fallback: number, name: string): number => {
  if (text === undefined) return fallback
  const value = Number(text.replaceAll("_", ""))
  if (!Number.isInteger(value) || value <= 0) throw new RangeError(`--${name} must be a positive whole number`)
  return value
}

/** Throws a RangeError or TypeError with one sentence. */
export const readOptions = (args: ReadonlyArray<string>): BenchOptions => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      seconds: { type: "string" },
      events: { type: "string" },
      stored: { type: "string" },
      accounts: { type: "string" },
      subscribers: { type: "string" },
      due: { type: "string" },
      "at-once": { type: "boolean", default: false },
      "processor-rate": { type: "string" },
      population: { type: "string" },
      quick: { type: "boolean", default: false },
      out: { type: "string" },
    },
  })
  const wanted = values.only?.split(",").map((text) => text.trim().toLowerCase()) ?? [...SCENARIOS]
  const unknown = wanted.find((text) => !(SCENARIOS as ReadonlyArray<string>).includes(text))
  if (unknown !== undefined) throw new RangeError(`--only knows ${SCENARIOS.join(", ")}, not ${unknown}`)
  const quick = values.quick
  return {
    only: new Set(wanted as ReadonlyArray<Scenario>),
    seconds: positive(values.seconds, quick ? 3 : 10, "seconds"),
    events: positive(values.events, quick ? 200_000 : 1_000_000, "events"),
    storedEntries: positive(values.stored, quick ? 500_000 : 5_000_000, "stored"),
    accounts: positive(values.accounts, quick ? 20_000 : 100_000, "accounts"),
    subscribers: positive(values.subscribers, quick ? 100 : 1_000, "subscribers"),
    due: positive(values.due, quick ? 50 : 300, "due"),
    atOnce: values["at-once"],
    // Below the 100 a second of a live account, above the 25 of one endpoint.
    processorRate: positive(values["processor-rate"], 50, "processor-rate"),
    population: values.population ?? null,
    out: values.out ?? "bench-results",
  }
}
