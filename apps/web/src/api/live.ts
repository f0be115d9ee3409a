/**
 * What changes by itself: one event stream a tab. A balance change is on the screen as soon as the server says it; what
 * has no number in the event (usage, statement, charges) is asked again, at most once a second.
 */
import type { Subscription, Wallet } from "@credits/contracts/http"
import type { QueryClient } from "@tanstack/react-query"

export type LiveState = "connecting" | "live" | "offline"

/** Lists that a change of the balance may have changed, asked again at most this often. */
const LISTS_MS = 1_000
/** A stream that the server refused is tried again after this long; a broken one the browser repeats itself. */
const RETRY_MS = 3_000
/** The server's heartbeat comes every 15 s at the latest: silence of three is a dead connection. */
const SILENCE_MS = 45_000

const onceIn = (ms: number, act: () => void) => {
  let timer: ReturnType<typeof setTimeout> | undefined
  return {
    ask: () => {
      timer ??= setTimeout(() => {
        timer = undefined
        act()
      }, ms)
    },
    stop: () => clearTimeout(timer),
  }
}

/** Follows the account's events until the returned function is called. */
export const followWallet = (client: QueryClient, onState: (state: LiveState) => void): (() => void) => {
  let source: EventSource | undefined
  let retry: ReturnType<typeof setTimeout> | undefined
  let silence: ReturnType<typeof setTimeout> | undefined
  let hasStopped = false
  const invalidate = (key: string) => void client.invalidateQueries({ queryKey: [key] })
  const lists = onceIn(LISTS_MS, () => ["usage", "statement"].forEach(invalidate))
  const money = onceIn(LISTS_MS, () => ["charges", "payment-method", "notifications"].forEach(invalidate))

  const heard = () => {
    onState("live")
    clearTimeout(silence)
    silence = setTimeout(reconnect, SILENCE_MS)
  }
  const takeWallet = (wallet: Wallet) => {
    const before = client.getQueryData<Wallet>(["wallet"])
    client.setQueryData(["wallet"], wallet)
    if (before?.seq !== wallet.seq) lists.ask()
    money.ask()
  }
  const connect = () => {
    if (hasStopped) return
    const stream = new EventSource("/api/v1/wallet/events")
    source = stream
    stream.addEventListener("ready", () => {
      heard()
      // What happened while nobody listened.
      ;["wallet", "subscription"].forEach(invalidate)
      lists.ask()
      money.ask()
    })
    stream.addEventListener("heartbeat", heard)
    stream.addEventListener("wallet", (event) => {
      heard()
      takeWallet(JSON.parse(event.data as string) as Wallet)
    })
    stream.addEventListener("subscription", (event) => {
      heard()
      client.setQueryData(["subscription"], JSON.parse(event.data as string) as Subscription)
      invalidate("wallet")
      money.ask()
    })
    stream.addEventListener("notification", () => {
      heard()
      invalidate("notifications")
    })
    stream.addEventListener("error", () => {
      onState("offline")
      if (stream.readyState === EventSource.CLOSED && !hasStopped) retry = setTimeout(reconnect, RETRY_MS)
    })
  }
  const close = () => {
    source?.close()
    clearTimeout(retry)
    clearTimeout(silence)
  }
  const reconnect = () => {
    close()
    onState("connecting")
    connect()
  }
  connect()
  window.addEventListener("online", reconnect)
  return () => {
    hasStopped = true
    close()
    lists.stop()
    money.stop()
    window.removeEventListener("online", reconnect)
  }
}
