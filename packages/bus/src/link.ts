/**
 * Whether a connection is up now, and requests that know it. The client library buffers what is sent while it is down,
 * drops that buffer silently when it is up again, and lets the request run into its timeout (field notes B5): here a
 * request waits for the connection before it is sent and fails as soon as the connection it was sent on is gone.
 */
import type { Msg, MsgHdrs, NatsConnection, Payload } from "@nats-io/nats-core"
import { BusUnavailable, clientErrorOf } from "./errors.ts"

interface Link {
  isUp: boolean
  readonly ups: Set<() => void>
  readonly downs: Set<() => void>
}

const links = new WeakMap<NatsConnection, Link>()

const linkOf = (nc: NatsConnection): Link => {
  const existing = links.get(nc)
  if (existing !== undefined) return existing
  const link: Link = { isUp: true, ups: new Set(), downs: new Set() }
  links.set(nc, link)
  void follow(nc, link)
  return link
}

const follow = async (nc: NatsConnection, link: Link): Promise<void> => {
  for await (const status of nc.status()) {
    if (status.type === "reconnect") {
      link.isUp = true
      for (const listener of link.ups) listener()
    } else if (status.type === "disconnect" || status.type === "close") {
      link.isUp = false
      for (const listener of link.downs) listener()
    }
  }
}

/** From now on the link knows whether it is up; `connectBus` calls this before anything can happen. */
export const watchLink = (nc: NatsConnection): void => void linkOf(nc)

/** Calls `listener` after every reconnect of this connection until the returned function is called. */
export const onReconnect = (nc: NatsConnection, listener: () => void): (() => void) => {
  const { ups } = linkOf(nc)
  // Two listeners that are the same function are still two.
  const own = () => listener()
  ups.add(own)
  return () => void ups.delete(own)
}

const untilUp = (nc: NatsConnection, subject: string, timeoutMs: number): Promise<void> => {
  const link = linkOf(nc)
  if (link.isUp) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer)
      link.ups.delete(done)
      resolve()
    }
    const timer = setTimeout(() => {
      link.ups.delete(done)
      reject(new BusUnavailable({ subject, outcome: "not_stored", detail: "not connected" }))
    }, timeoutMs)
    link.ups.add(done)
  })
}

export interface RequestSettings {
  readonly timeoutMs: number
  readonly headers?: MsgHdrs | undefined
}

/**
 * Resolves once the connection can carry a message. @throws BusUnavailable (not stored) when it is closed, or not up
 * within `timeoutMs`.
 */
export const ready = async (nc: NatsConnection, subject: string, timeoutMs: number): Promise<void> => {
  if (nc.isClosed()) throw new BusUnavailable({ subject, outcome: "not_stored", detail: "the connection is closed" })
  await untilUp(nc, subject, timeoutMs)
}

/**
 * Sends now, on the connection as it is. @throws BusUnavailable (outcome unknown when it breaks meanwhile) | BusRefused
 */
export const send = (nc: NatsConnection, subject: string, payload: Payload, settings: RequestSettings): Promise<Msg> =>
  new Promise((resolve, reject) => {
    const { downs } = linkOf(nc)
    const broke = (): void => {
      downs.delete(broke)
      reject(new BusUnavailable({ subject, outcome: "unknown", detail: "the connection broke" }))
    }
    downs.add(broke)
    const { timeoutMs: timeout, headers } = settings
    nc.request(subject, payload, headers === undefined ? { timeout } : { timeout, headers })
      .then(resolve, (cause: unknown) => reject(clientErrorOf(subject, cause)))
      .finally(() => downs.delete(broke))
  })

/** `ready`, then `send`. */
export const request = async (
  nc: NatsConnection,
  subject: string,
  payload: Payload,
  settings: RequestSettings,
): Promise<Msg> => {
  await ready(nc, subject, settings.timeoutMs)
  return send(nc, subject, payload, settings)
}
