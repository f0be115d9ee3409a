/**
 * The ledger's wallet as a quote needs it: how much of a lot could be taken back now, and what would be available after
 * an upgrade. Pure. Owns reading the wallet; the ledger decides in the end.
 */
import type { LotView, WalletAnswer } from "@credits/contracts"
import type { Nano } from "@credits/kernel"

const smaller = (one: Nano, other: Nano): Nano => (one < other ? one : other)
const isExpired = (lot: LotView, wallet: WalletAnswer): boolean =>
  lot.expiresAt !== null && lot.expiresAt <= wallet.asOf

/**
 * What of the lot with this cause no hold needs. Lots come in burn order; holds first have the rests of expired lots,
 * then count against the others in that order (R6.7).
 */
export const unheldOf = (wallet: WalletAnswer, cause: string): Nano => {
  let needed = BigInt(wallet.held)
  for (const lot of wallet.lots) if (isExpired(lot, wallet)) needed -= BigInt(lot.remaining)
  let unheld = 0n
  for (const lot of wallet.lots) {
    if (isExpired(lot, wallet)) continue
    const remaining = BigInt(lot.remaining)
    const held = needed > 0n ? smaller(remaining, needed) : 0n
    needed -= held
    if (lot.cause === cause) unheld += remaining - held
  }
  return unheld
}

/** Available once `grant` has come and `revoked` has gone: frozen credit thaws with a plan, debt is paid first. */
export const availableAfter = (wallet: WalletAnswer, grant: Nano, revoked: Nano): Nano => {
  const after = BigInt(wallet.available) + BigInt(wallet.frozen) + grant - revoked - BigInt(wallet.debt)
  return after > 0n ? after : 0n
}
