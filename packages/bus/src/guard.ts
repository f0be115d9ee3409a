/**
 * Subscription callbacks that throw. The client library ends its read loop on the first one and the connection then
 * hears nothing more, without closing and without a word: measured with nats-core 3.4. Every callback of a connection
 * of ours is guarded: the message is lost to that callback, the error is told, everything else goes on.
 */
import type { Msg, NatsConnection, Subscription, SubscriptionOptions } from "@nats-io/nats-core"

/** Tells of a defect in a callback: a process warning, which Node prints with its stack and a test can wait for. */
export const tellDefect = (where: string, error: unknown): void => {
  const told = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.emitWarning(`${where}: ${told}`, "BusCallbackFailed")
}

/** Replaces the connection's `subscribe` by one that guards callbacks. */
export const guardCallbacks = (nc: NatsConnection): void => {
  const subscribe = nc.subscribe.bind(nc)
  const guarded = (subject: string, options: SubscriptionOptions = {}): Subscription => {
    const { callback } = options
    if (callback === undefined) return subscribe(subject, options)
    return subscribe(subject, {
      ...options,
      callback: (error: Error | null, msg: Msg) => {
        try {
          void callback(error, msg)
        } catch (thrown) {
          tellDefect(subject, thrown)
        }
      },
    })
  }
  nc.subscribe = guarded
}
