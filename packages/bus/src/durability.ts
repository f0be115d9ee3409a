/**
 * Whether an acknowledged message outlives a power failure (decision 1), found out at the start of a service in
 * production. A client sees the copies of a stream; whether its server syncs every write is in the server's monitoring
 * and nowhere else, so a single copy counts only when that is named and says so.
 */
import { BUS_USERS, type BusUser, permissionsOf, STREAMS } from "@credits/contracts"
import type { BusHandle } from "./connection.ts"
import { BusRefused, BusUnavailable, clientErrorOf } from "./errors.ts"

/** One server less, and a majority still has it. */
export const COPIES_ENOUGH = 3

const MONITOR_MS = 2_000
const RETRY_MS = 500

export interface Monitored {
  readonly serverId: string | undefined
  readonly syncAlways: boolean
}

/** What a server's monitoring (`http://host:8222`) says of itself; null when it does not answer. */
export const readMonitor = async (monitorUrl: string): Promise<Monitored | null> => {
  try {
    const response = await fetch(new URL("/varz", monitorUrl), { signal: AbortSignal.timeout(MONITOR_MS) })
    const answer = (await response.json()) as {
      readonly server_id?: string
      readonly jetstream?: { readonly config?: { readonly sync_always?: boolean } }
    }
    return { serverId: answer.server_id, syncAlways: answer.jetstream?.config?.sync_always === true }
  } catch {
    return null
  }
}

/** The streams that a service may look at: those it writes to and reads. */
const streamsOf = (service: string): ReadonlyArray<string> => {
  if (!BUS_USERS.includes(service as BusUser)) return []
  const { publish } = permissionsOf("production")[service as BusUser]
  const names = Object.values(STREAMS).map((stream) => stream.name)
  return names.filter((name) => publish.includes(`$JS.API.STREAM.INFO.${name}`))
}

interface Copied {
  readonly name: string
  readonly copies: number
}

/** The stream with the fewest copies; one that does not exist is its user's to miss. */
const weakestOf = async (bus: BusHandle, names: ReadonlyArray<string>): Promise<Copied> => {
  let weakest: Copied = { name: "no stream", copies: COPIES_ENOUGH }
  for (const name of names) {
    try {
      const { config } = await bus.jsm.streams.info(name)
      if (config.num_replicas < weakest.copies) weakest = { name, copies: config.num_replicas }
    } catch (cause) {
      const error = clientErrorOf(name, cause)
      if (error instanceof BusUnavailable) throw error
    }
  }
  return weakest
}

/** Why one copy is not enough here; undefined when its server syncs every write. */
const doubtOf = async (bus: BusHandle, monitorUrl: string | undefined): Promise<string | undefined> => {
  if (monitorUrl === undefined) return "CREDITS_NATS_MONITOR_URL does not say whether its server syncs every write"
  const monitored = await readMonitor(monitorUrl)
  if (monitored === null) return `${monitorUrl} (CREDITS_NATS_MONITOR_URL) does not answer`
  if (monitored.serverId !== bus.connection.info?.server_id)
    return `${monitorUrl} (CREDITS_NATS_MONITOR_URL) is the monitoring of another server`
  return monitored.syncAlways ? undefined : "its server does not run with sync_interval: always"
}

/**
 * Three copies of every stream, or one on the server whose monitoring is named and that syncs every write.
 * @throws BusRefused naming the stream and what to do | BusUnavailable
 */
export const requireDurable = async (
  bus: BusHandle,
  monitorUrl: string | undefined,
  names: ReadonlyArray<string> = Object.values(STREAMS).map((stream) => stream.name),
): Promise<void> => {
  const { name, copies } = await weakestOf(bus, names)
  if (copies >= COPIES_ENOUGH) return
  const doubt = await doubtOf(bus, monitorUrl)
  if (doubt === undefined) return
  const detail =
    `in production a stream has ${COPIES_ENOUGH} replicas, or one on a server with sync_interval: always ` +
    `whose monitoring CREDITS_NATS_MONITOR_URL names; ${name} has ${copies}, and ${doubt}`
  throw new BusRefused({ subject: name, detail })
}

/** `requireDurable` for a service, waiting for a server that does not answer yet. @throws BusRefused */
export const requireDurableFor = async (
  service: string,
  bus: BusHandle,
  monitorUrl: string | undefined,
): Promise<void> => {
  for (;;) {
    try {
      return await requireDurable(bus, monitorUrl, streamsOf(service))
    } catch (error) {
      if (!(error instanceof BusUnavailable) || bus.connection.isClosed()) throw error
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}
