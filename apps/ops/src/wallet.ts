/** How a wallet and a statement look to a person and to a program. Pure; amounts arrive as nano-USD text. */
import type { StatementItem, WalletAnswer } from "@credits/contracts"
import { formatInstant, formatUsd, parseNano } from "@credits/kernel"
import { facts, table } from "./table.ts"

/** Nano-USD text of the bus → USD decimal string. */
export const usdOf = (nano: string): string => {
  const amount = parseNano(nano)
  return amount === null ? nano : formatUsd(amount)
}

export const instantOf = (at: number | null): string | null => (at === null ? null : formatInstant(at))

/** The field names of `GET /api/v1/wallet`, plus what only operators see. */
export const walletJson = (wallet: WalletAnswer) => ({
  accountId: wallet.account,
  plan: wallet.plan,
  hostedModels: wallet.hostedModels,
  pastDue: wallet.pastDue,
  availableUsd: usdOf(wallet.available),
  balanceUsd: usdOf(wallet.balance),
  heldUsd: usdOf(wallet.held),
  debtUsd: usdOf(wallet.debt),
  frozenUsd: usdOf(wallet.frozen),
  openHolds: wallet.holds,
  freeze: wallet.freeze === null ? null : { reason: wallet.freeze.reason, at: instantOf(wallet.freeze.at) },
  lots: wallet.lots.map((lot) => ({
    id: lot.id,
    kind: lot.kind,
    grantedUsd: usdOf(lot.granted),
    remainingUsd: usdOf(lot.remaining),
    grantedAt: instantOf(lot.grantedAt),
    expiresAt: instantOf(lot.expiresAt),
    cause: lot.cause,
  })),
  cycle:
    wallet.cycle === null
      ? null
      : {
          start: instantOf(wallet.cycle.start),
          end: instantOf(wallet.cycle.end),
          grantedUsd: usdOf(wallet.cycle.granted),
          spentUsd: usdOf(wallet.cycle.spent),
        },
  totals: {
    grantedUsd: usdOf(wallet.totals.granted),
    spentUsd: usdOf(wallet.totals.spent),
    expiredUsd: usdOf(wallet.totals.expired),
    revokedUsd: usdOf(wallet.totals.revoked),
  },
  asOf: instantOf(wallet.asOf),
  seq: wallet.seq,
})

const planLine = (wallet: WalletAnswer): string =>
  `${wallet.plan}${wallet.hostedModels ? ", hosted models" : ", no hosted models"}${wallet.pastDue ? ", past due" : ""}`

export const walletText = (wallet: WalletAnswer): string => {
  const parts = [
    facts([
      ["account", wallet.account],
      ["plan", planLine(wallet)],
      ...(wallet.freeze === null
        ? []
        : ([["FROZEN", `${wallet.freeze.reason} (since ${instantOf(wallet.freeze.at)})`]] as const)),
      ["available", `${usdOf(wallet.available)} USD`],
      ["held", `${usdOf(wallet.held)} USD in ${wallet.holds} open holds`],
      ["balance", `${usdOf(wallet.balance)} USD`],
      ["debt", `${usdOf(wallet.debt)} USD`],
      ["frozen credit", `${usdOf(wallet.frozen)} USD`],
      ["spent, ever", `${usdOf(wallet.totals.spent)} of ${usdOf(wallet.totals.granted)} USD granted`],
      ["as of", `${instantOf(wallet.asOf)}, entry ${wallet.seq}`],
    ]),
  ]
  if (wallet.lots.length > 0) {
    parts.push(
      table(
        [
          { title: "LOT" },
          { title: "KIND" },
          { title: "REMAINING", align: "right" },
          { title: "GRANTED", align: "right" },
          { title: "EXPIRES" },
          { title: "CAUSE" },
        ],
        wallet.lots.map((lot) => [
          lot.id,
          lot.kind,
          usdOf(lot.remaining),
          usdOf(lot.granted),
          instantOf(lot.expiresAt) ?? "never",
          lot.cause,
        ]),
      ),
    )
  }
  return parts.join("\n\n")
}

export const itemJson = (item: StatementItem) => ({
  seq: item.seq,
  at: instantOf(item.at),
  recordedAt: instantOf(item.recordedAt),
  kind: item.kind,
  amountUsd: usdOf(item.amount),
  availableAfterUsd: usdOf(item.availableAfter),
  description: item.description,
  lots: item.lots.map((lot) => ({ id: lot.id, amountUsd: usdOf(lot.amount) })),
  usage: item.usage,
  cause: item.cause,
})

export const statementText = (items: ReadonlyArray<StatementItem>): string =>
  table(
    [
      { title: "SEQ", align: "right" },
      { title: "AT" },
      { title: "KIND" },
      { title: "AMOUNT", align: "right" },
      { title: "AVAILABLE", align: "right" },
      { title: "DESCRIPTION" },
    ],
    items.map((item) => [
      item.seq,
      instantOf(item.at),
      item.kind,
      usdOf(item.amount),
      usdOf(item.availableAfter),
      item.description,
    ]),
  )
