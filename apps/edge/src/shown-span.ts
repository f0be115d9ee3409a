/** The end of a trace: the balance it changed, on its way to whoever looks at it. */
import { tracing } from "@credits/telemetry"
import type { WalletCause } from "./wallet-watchers.ts"

/** @param seq of the wallet that was sent; `null`: what was sent before the tick held this change already */
export const recordShown = (account: string, { trace, at }: WalletCause, seq: number | null, listeners: number): void =>
  tracing
    .child(trace, {
      name: "GET /api/v1/wallet/events send wallet",
      kind: "producer",
      startMs: at,
      attributes: {
        "credits.account_id": account,
        "credits.listeners": listeners,
        ...(seq === null ? { "credits.shown_before": true } : { "credits.wallet.seq": seq }),
      },
    })
    ?.end()
