/**
 * Creates the streams and buckets of the contracts and checks that they are as the contracts say. Only the
 * provisioner (apps/dev, an operator) may create; services verify (decision 20). A stream of another shape is
 * refused, never "repaired".
 */
import {
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream"
import { BUCKETS, STREAMS, type StreamSpec } from "@credits/contracts"
import { BusRefused, clientErrorOf } from "./errors.ts"
import type { BusHandle } from "./connection.ts"

const NANOS_PER_MS = 1_000_000
const NANOS_PER_SECOND = 1_000_000_000
/** Only an optimisation: idempotency lives in the databases (decision 12). */
const DUPLICATE_WINDOW_SECONDS = 120
const BUCKET_BYTES_MAX = 256 * 1024 * 1024

export const bucketStream = (bucket: string): string => `KV_${bucket}`

type Wanted = Partial<StreamConfig> & { readonly name: string }

const streamConfig = (spec: StreamSpec): Wanted => ({
  name: spec.name,
  subjects: [...spec.subjects],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: spec.maxAgeMs === undefined ? DiscardPolicy.New : DiscardPolicy.Old,
  max_bytes: spec.maxBytes,
  max_age: (spec.maxAgeMs ?? 0) * NANOS_PER_MS,
  max_msgs: -1,
  max_msgs_per_subject: -1,
  max_msg_size: -1,
  duplicate_window: DUPLICATE_WINDOW_SECONDS * NANOS_PER_SECOND,
  allow_direct: true,
  allow_atomic: true,
})

/** The shape of a NATS key–value bucket with one value a key, readable by every KV client. */
const bucketConfig = (bucket: string): Wanted => ({
  name: bucketStream(bucket),
  subjects: [`$KV.${bucket}.>`],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  max_bytes: BUCKET_BYTES_MAX,
  max_age: 0,
  max_msgs: -1,
  max_msgs_per_subject: 1,
  max_msg_size: -1,
  duplicate_window: DUPLICATE_WINDOW_SECONDS * NANOS_PER_SECOND,
  allow_direct: true,
  allow_rollup_hdrs: true,
  deny_delete: true,
})

const wantedStreams = (): ReadonlyArray<Wanted> => [
  ...Object.values(STREAMS).map((spec) => streamConfig(spec)),
  ...Object.values(BUCKETS).map((bucket) => bucketConfig(bucket)),
]

/** What would lose or reorder messages if it differed; everything else an operator may tune. */
const CHECKED = ["retention", "storage", "discard", "max_age", "max_msgs", "max_msgs_per_subject", "subjects"] as const

/** The first difference that matters between a stream and its contract, as a sentence; undefined when it fits. */
export const streamDifference = (wanted: Wanted, found: StreamConfig): string | undefined => {
  for (const field of CHECKED) {
    const want = JSON.stringify(wanted[field])
    const have = JSON.stringify(found[field])
    if (want !== have) return `${wanted.name} has ${field} ${have}, the contract says ${want}`
  }
  if (wanted.allow_atomic === true && found.allow_atomic !== true) return `${wanted.name} refuses atomic batches`
  if (found.allow_direct !== true) return `${wanted.name} refuses direct reads`
  return undefined
}

const found = async (jsm: JetStreamManager, name: string): Promise<StreamConfig | undefined> => {
  try {
    return (await jsm.streams.info(name)).config
  } catch (cause) {
    const error = cause as { readonly code?: number; readonly message?: string }
    if (error.code === 10059 || error.message === "stream not found") return undefined
    throw clientErrorOf(name, cause)
  }
}

export interface ProvisionOptions {
  /** Copies of each stream: 1 embedded, 3 in a cluster. */
  readonly replicas?: number
  /** Smaller byte limits, for tests of a full stream. */
  readonly maxBytes?: number
}

/**
 * Verifies what is there, then creates what is missing; creates nothing when something that is there does not fit.
 * @throws BusRefused naming the first difference | BusUnavailable
 */
export const provisionStreams = async (bus: BusHandle, options: ProvisionOptions = {}): Promise<void> => {
  const looked = await Promise.all(
    wantedStreams().map(async (wanted) => ({ wanted, existing: await found(bus.jsm, wanted.name) })),
  )
  for (const { wanted, existing } of looked) {
    const difference = existing === undefined ? undefined : streamDifference(wanted, existing)
    if (difference !== undefined) throw new BusRefused({ subject: wanted.name, detail: difference })
  }
  const missing = looked.filter(({ existing }) => existing === undefined)
  await Promise.all(missing.map(({ wanted }) => create(bus, wanted, options)))
}

const create = async (bus: BusHandle, wanted: Wanted, options: ProvisionOptions): Promise<void> => {
  try {
    await bus.jsm.streams.add({
      ...wanted,
      num_replicas: options.replicas ?? 1,
      ...(options.maxBytes === undefined ? {} : { max_bytes: options.maxBytes }),
    })
  } catch (cause) {
    throw clientErrorOf(wanted.name, cause)
  }
}

/**
 * What a service does at its start: the streams it uses exist and have the right shape. @throws BusRefused |
 * BusUnavailable
 */
export const verifyStreams = async (bus: BusHandle, names: ReadonlyArray<string>): Promise<void> => {
  const wanted = wantedStreams().filter((each) => names.includes(each.name))
  await Promise.all(
    wanted.map(async (each) => {
      const existing = await found(bus.jsm, each.name)
      const difference = existing === undefined ? `${each.name} does not exist` : streamDifference(each, existing)
      if (difference !== undefined) throw new BusRefused({ subject: each.name, detail: difference })
    }),
  )
}
