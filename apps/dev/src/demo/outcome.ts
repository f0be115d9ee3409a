/**
 * What the system made of the calls, read from it after everything is deducted: the wallets from the ledger, usage by
 * model from the customers' own endpoint. Owns the waiting and the comparison with what was played.
 */
import { askOwner, type BusHandle } from "@credits/bus"
import { type LedgerReply, SUBJECTS, type WalletAnswer } from "@credits/contracts"
import { type Nano, parseUsd, partitionOf } from "@credits/kernel"
import type { Player } from "./cast.ts"
import type { FoundSystem } from "./found-system.ts"
import type { PlayTally } from "./play.ts"

export interface WalletRow {
  readonly player: Player
  readonly wallet: WalletAnswer
}

const DEDUCTED_MS = 120_000
const LOOK_EVERY_MS = 100
const READS_AT_ONCE = 16

const inParallel = async <A, B>(items: ReadonlyArray<A>, work: (item: A) => Promise<B>): Promise<Array<B>> => {
  const results: Array<B> = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++
      results[index] = await work(items[index]!)
    }
  }
  await Promise.all(Array.from({ length: READS_AT_ONCE }, worker))
  return results
}

export const readWallets = (bus: BusHandle, players: ReadonlyArray<Player>): Promise<ReadonlyArray<WalletRow>> =>
  inParallel(players, async (player) => {
    const subject = SUBJECTS.ledgerRequest(partitionOf(player.account))
    const text = await askOwner(bus.connection, subject, JSON.stringify({ op: "wallet", account: player.account }))
    const reply = JSON.parse(text) as LedgerReply<WalletAnswer>
    if ("refused" in reply) throw new Error(`wallet of ${player.account}: ${reply.refused.detail}`)
    return { player, wallet: reply.ok }
  })

/** All holds settled and every wallet at what was played: then nothing is on its way any more. */
export const untilDeducted = async (
  bus: BusHandle,
  players: ReadonlyArray<Player>,
  tally: PlayTally,
): Promise<ReadonlyArray<WalletRow>> => {
  const deadline = performance.now() + DEDUCTED_MS
  for (;;) {
    const rows = await readWallets(bus, players)
    const isDone = rows.every(
      ({ player, wallet }) =>
        wallet.holds === 0 && BigInt(wallet.totals.spent) === tally.accounts.get(player.account)!.cost,
    )
    if (isDone || performance.now() > deadline) return rows
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}

export interface UsageSum {
  calls: number
  byokCalls: number
  cost: Nano
}

interface UsageItem {
  readonly model: string
  readonly calls: number
  readonly byokCalls: number
  readonly costUsd: string
}

const usageOf = async (system: FoundSystem, player: Player): Promise<ReadonlyArray<UsageItem>> => {
  const response = await fetch(`${system.run.httpUrl}/api/v1/wallet/usage?by=model`, {
    headers: { authorization: `Bearer ${player.accessToken}` },
  })
  if (!response.ok) throw new Error(`usage of ${player.account} answered ${response.status}: ${await response.text()}`)
  return ((await response.json()) as { readonly items: ReadonlyArray<UsageItem> }).items
}

/** What customers see as their usage, summed over all accounts, by model. */
export const usageByModel = async (
  system: FoundSystem,
  players: ReadonlyArray<Player>,
): Promise<ReadonlyMap<string, UsageSum>> => {
  const sums = new Map<string, UsageSum>()
  for (const items of await inParallel(players, (player) => usageOf(system, player))) {
    for (const { model, calls, byokCalls, costUsd } of items) {
      const sum = sums.get(model) ?? { calls: 0, byokCalls: 0, cost: 0n }
      sum.calls += calls
      sum.byokCalls += byokCalls
      sum.cost += parseUsd(costUsd) ?? 0n
      sums.set(model, sum)
    }
  }
  return sums
}

/** The projection follows the ledger by a moment; waits until it has every hosted call. */
export const untilShown = async (
  system: FoundSystem,
  players: ReadonlyArray<Player>,
  cost: Nano,
): Promise<ReadonlyMap<string, UsageSum>> => {
  const deadline = performance.now() + DEDUCTED_MS
  for (;;) {
    const shown = await usageByModel(system, players)
    const sum = [...shown.values()].reduce((total, each) => total + each.cost, 0n)
    if (sum === cost || performance.now() > deadline) return shown
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}
