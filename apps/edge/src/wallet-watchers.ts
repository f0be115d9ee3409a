/**
 * Which accounts somebody looks at, and reading their wallets when the ledger or auto top-up says that something
 * changed. Plain
 * callbacks: how a wallet is read and how ticks arrive are given. At most one read an account is under way.
 */
import { MESSAGE_VERSION, type TickMessage, type TopupFact } from "@credits/contracts"
import type { Wallet } from "@credits/contracts/http"
import { spanClock } from "@credits/telemetry"

export type WalletListener = (wallet: Wallet) => void

/** A traced change: `traceparent` of the tick that announced it, and when that came (real time, ms). */
export interface WalletCause {
  readonly trace: string
  readonly at: number
}

/** `seq` of the wallet told to so many listeners; null: it had been told before the tick came. */
export type WalletShown = (account: string, cause: WalletCause, seq: number | null, listeners: number) => void

interface Watched {
  readonly listeners: Set<WalletListener>
  seq: number
  reading: boolean
  /** A change was announced while a read was under way: one more read. */
  again: boolean
  /** Something beside the ledger's entries changed: the next read is told also at the same seq. */
  isStale: boolean
  /** Of the announced change, if it is traced. */
  cause: WalletCause | undefined
}

type Announced = Pick<TickMessage, "accounts" | "traces">
const NOTHING: Announced = { accounts: [] }

/** What a tick message tells; text that is none, or a newer one, announces nothing (the next re-read finds it). */
const announced = (tick: string): Announced => {
  try {
    const { v, accounts, traces } = JSON.parse(tick) as TickMessage
    return v === MESSAGE_VERSION && Array.isArray(accounts) ? { accounts, ...(traces && { traces }) } : NOTHING
  } catch {
    return NOTHING
  }
}

const accountOfFact = (text: string): string | undefined => {
  try {
    const { v, account } = JSON.parse(text) as TopupFact
    return v === MESSAGE_VERSION ? account : undefined
  } catch {
    return undefined
  }
}

export class WalletWatchers {
  readonly #watched = new Map<string, Watched>()
  /** The newest wallet, or null when the ledger does not answer. */
  readonly #readWallet: (account: string) => Promise<Wallet | null>

  readonly #shown: WalletShown

  constructor(readWallet: (account: string) => Promise<Wallet | null>, shown: WalletShown = () => undefined) {
    this.#readWallet = readWallet
    this.#shown = shown
  }

  get isIdle(): boolean {
    return this.#watched.size === 0
  }

  listenersOf(account: string): number {
    return this.#watched.get(account)?.listeners.size ?? 0
  }

  /** Looks at an account from `seq` on; the answer stops looking. */
  join(account: string, seq: number, listener: WalletListener): () => void {
    const one = this.#watched.get(account) ?? {
      listeners: new Set(),
      seq,
      reading: false,
      again: false,
      isStale: false,
      cause: undefined,
    }
    this.#watched.set(account, one)
    one.listeners.add(listener)
    // What was committed between the caller's own read and now.
    this.#read(account, one)
    return () => {
      one.listeners.delete(listener)
      if (one.listeners.size === 0 && this.#watched.get(account) === one) this.#watched.delete(account)
    }
  }

  takeTick(text: string): void {
    if (this.isIdle) return
    const { accounts, traces } = announced(text)
    for (const [account, seq] of accounts) {
      const one = this.#watched.get(account)
      if (one === undefined) continue
      const trace = traces?.[account]
      if (trace !== undefined) this.#caused(account, one, { trace, at: spanClock() }, seq)
      if (seq > one.seq) this.#read(account, one)
    }
  }

  #caused(account: string, one: Watched, cause: WalletCause, seq: number): void {
    if (seq > one.seq) one.cause = cause
    else this.#shown(account, cause, null, one.listeners.size)
  }

  /** Auto top-up is part of the wallet that is shown; text that is no fact of it announces nothing. */
  takeFact(text: string): void {
    if (this.isIdle) return
    const account = accountOfFact(text)
    const one = account === undefined ? undefined : this.#watched.get(account)
    if (account === undefined || one === undefined) return
    one.isStale = true
    this.#read(account, one)
  }

  readAll(): void {
    for (const [account, one] of this.#watched) this.#read(account, one)
  }

  #read(account: string, one: Watched): void {
    if (one.reading) one.again = true
    else void this.#readNow(account, one)
  }

  async #readNow(account: string, one: Watched): Promise<void> {
    one.reading = true
    do {
      one.again = false
      const { isStale } = one
      one.isStale = false
      const wallet = await this.#readWallet(account).catch(() => null)
      if (wallet !== null && (wallet.seq > one.seq || isStale)) {
        one.seq = Math.max(one.seq, wallet.seq)
        for (const listener of one.listeners) listener(wallet)
        if (one.cause !== undefined) this.#shown(account, one.cause, wallet.seq, one.listeners.size)
        one.cause = undefined
      }
    } while (one.again && one.listeners.size > 0)
    one.reading = false
  }
}
