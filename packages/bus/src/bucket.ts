/**
 * Key–value buckets over plain JetStream: a put is a publish, a get is a direct read of the newest message of a
 * subject, a watch is a core subscription that makes it read again. No consumer is created, so a reader needs no more
 * permission than "read this bucket" (decision 20), and nothing has to be kept alive.
 */
import type { BusHandle } from "./connection.ts"
import { clientErrorOf } from "./errors.ts"
import { onReconnect, request } from "./link.ts"
import { publish, type Stored } from "./publish.ts"
import { bucketStream } from "./provision.ts"

export interface BucketValue {
  readonly text: string
  /** Sequence in the bucket's stream; grows with every put of any key. */
  readonly revision: number
  /** When the server stored it, ms. */
  readonly storedAt: number
}

/**
 * Two reads may end in another order than the server did them. A bucket that was deleted and made anew counts from the
 * beginning: then the later one is newer.
 */
export const isNewer = (value: BucketValue, known: BucketValue | undefined): boolean =>
  known === undefined || value.revision > known.revision || value.storedAt > known.storedAt

const subjectOf = (bucket: string, key: string): string => `$KV.${bucket}.${key}`
const GET_TIMEOUT_MS = 5_000

/** Newest value of a key, undefined when it has none. @throws BusUnavailable | BusRefused */
export const kvGet = async (bus: BusHandle, bucket: string, key: string): Promise<BucketValue | undefined> => {
  const subject = subjectOf(bucket, key)
  try {
    const api = `$JS.API.DIRECT.GET.${bucketStream(bucket)}.${subject}`
    const reply = await request(bus.connection, api, "", { timeoutMs: GET_TIMEOUT_MS })
    if (reply.headers?.code === 404) return undefined
    if (reply.headers?.hasError === true) throw new Error(reply.headers.status)
    const operation = reply.headers?.get("KV-Operation") ?? ""
    if (operation === "DEL" || operation === "PURGE") return undefined
    const header = (name: string): string => reply.headers?.get(name) ?? ""
    const storedAt = Date.parse(header("Nats-Time-Stamp"))
    return { text: reply.string(), revision: Number(header("Nats-Sequence")), storedAt }
  } catch (cause) {
    throw clientErrorOf(subject, cause)
  }
}

/**
 * Stores a value. With `revision` only when the key still has that revision (0: has none).
 * @throws BusFull | BusUnavailable | BusRefused (also when the revision is another)
 */
export const kvPut = (bus: BusHandle, bucket: string, key: string, text: string, revision?: number): Promise<Stored> =>
  publish(
    bus.js,
    subjectOf(bucket, key),
    text,
    revision === undefined ? undefined : { "Nats-Expected-Last-Subject-Sequence": String(revision) },
  )

export interface BucketWatch {
  stop(): void
}

/** A lost notification is found by the next read; this bounds how late. */
const REREAD_MS = 10_000
/** The notification may overtake the store; reading again this often finds the value. */
const SETTLE_MS = [0, 10, 30, 100, 300, 1_000] as const

/** A value that its watcher could not take is given again after so long. */
const RETAKE_MS = 250

/**
 * Calls `onValue` with the newest value of a key: once at the start when there is one, then after every change (changes
 * that follow each other quickly may be given once, with the newest value). While what it answers is not settled it is
 * not called again: what takes long would be done after what is newer. When that rejects it is called again soon: what
 * it reads besides may be back by then. A value at which it throws is of no use, and not given again. Resolves after
 * the first read.
 * @throws BusUnavailable | BusRefused when the first read fails; what `onValue` throws at the first value
 */
export const kvWatch = async (
  bus: BusHandle,
  bucket: string,
  key: string,
  onValue: (value: BucketValue) => unknown,
): Promise<BucketWatch> => {
  let newest: BucketValue | undefined
  let stopped = false
  let isTaking = false
  const taken = async (taking: Promise<unknown>, given: BucketValue): Promise<void> => {
    const isTaken = await taking.then(
      () => true,
      () => false,
    )
    if (!isTaken && newest === given) await new Promise((resolve) => setTimeout(resolve, RETAKE_MS))
    isTaking = false
    if (stopped || (isTaken && newest === given)) return
    try {
      give()
    } catch {
      // Of no use.
    }
  }
  const give = (): void => {
    const value = newest!
    const taking = onValue(value)
    if (!(taking instanceof Promise)) return
    isTaking = true
    void taken(taking, value)
  }
  const read = async (): Promise<boolean> => {
    const value = await kvGet(bus, bucket, key)
    if (stopped || value === undefined || !isNewer(value, newest)) return false
    newest = value
    if (!isTaking) give()
    return true
  }
  const readSoon = async (): Promise<void> => {
    for (const wait of SETTLE_MS) {
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
      if (stopped || (await read().catch(() => false))) return
    }
  }
  const subscription = bus.connection.subscribe(subjectOf(bucket, key), { callback: () => void readSoon() })
  // A failed read is repeated by the next one; only the first has a caller to tell.
  const readQuietly = (): void => void read().catch(() => false)
  const timer = setInterval(readQuietly, REREAD_MS)
  timer.unref()
  const forgetReconnects = onReconnect(bus.connection, readQuietly)
  const stop = (): void => {
    stopped = true
    clearInterval(timer)
    forgetReconnects()
    subscription.unsubscribe()
  }
  try {
    await read()
  } catch (error) {
    stop()
    throw error
  }
  return { stop }
}
