/** The demo's result as a page for a person, and the checks that decide whether it went well. */
import { formatUsd, type Nano } from "@credits/kernel"
import { ROLES } from "./cast.ts"
import type { UsageSum, WalletRow } from "./outcome.ts"
import { MODELS, type PlayTally } from "./play.ts"
import { bold, dim, green, red, table } from "./table.ts"

const count = (value: number): string => value.toLocaleString("en-US")
const right = (title: string) => ({ title, align: "right" as const })
const sum = (values: Iterable<Nano>): Nano => [...values].reduce((total, value) => total + value, 0n)

/** All nine decimals, so that the columns line up and nothing is rounded. */
export const exactUsd = (nano: Nano): string => {
  const text = formatUsd(nano)
  return `${text}${"0".repeat(9 - (text.length - text.indexOf(".") - 1))}`
}

export const callsSection = (tally: PlayTally): string => {
  const models = [...tally.models.values()]
  const total = (of: (model: (typeof models)[number]) => number): number =>
    models.reduce((all, model) => all + of(model), 0)
  const refused = [...tally.refusals.values()].reduce((all, each) => all + each, 0)
  const hosted = total((model) => model.hosted)
  const byok = total((model) => model.byok)
  const input = total((model) => model.inputTokens)
  const output = total((model) => model.outputTokens)
  return [
    bold("Calls"),
    `  ${count(tally.calls)} calls: ${count(hosted)} hosted, ${count(byok)} with the customer's own key, ` +
      `${count(refused)} refused`,
    `  ${count(input)} tokens in, ${count(output)} tokens out` +
      dim(`  (${count(tally.cancelled)} calls cancelled midway, ${count(tally.failed)} failed and cost nothing)`),
  ].join("\n")
}

/** Costs as the customers' usage pages show them. */
export const modelsSection = (tally: PlayTally, shown: ReadonlyMap<string, UsageSum>): string => {
  const rows = MODELS.filter(({ model }) => tally.models.has(model)).map(({ model }) => {
    const played = tally.models.get(model)!
    const cost = shown.get(model)?.cost ?? 0n
    return [
      model,
      count(played.hosted),
      count(played.byok),
      count(played.inputTokens),
      count(played.outputTokens),
      exactUsd(cost),
    ]
  })
  const cost = sum([...shown.values()].map((each) => each.cost))
  const columns = [
    { title: "model" },
    right("hosted"),
    right("own key"),
    right("tokens in"),
    right("tokens out"),
    right("cost, USD"),
  ]
  const byCost = rows.toSorted((a, b) => Number(b[5]) - Number(a[5]))
  const last = [bold("all"), "", "", "", "", bold(exactUsd(cost))]
  return `${bold("Cost by model")}\n${table(columns, [...byCost, [""], last])}`
}

const REASONS: Readonly<Record<string, string>> = {
  insufficient_balance: "the wallet did not cover what the call could cost",
  plan_required: "on Free: hosted models need a plan",
  unavailable: "nobody answered in time",
}

export const refusalsSection = (tally: PlayTally): string => {
  if (tally.refusals.size === 0) return `${bold("Refusals")}\n  none`
  const rows = [...tally.refusals].toSorted((a, b) => b[1] - a[1])
  const lines = rows.map(([code, times]) => [code, count(times), dim(REASONS[code] ?? "")])
  return `${bold("Refusals")}\n${table([{ title: "reason" }, right("calls"), { title: "" }], lines)}`
}

export const walletsSection = (wallets: ReadonlyArray<WalletRow>, tally: PlayTally): string => {
  const rows = ROLES.flatMap((role) =>
    wallets
      .filter(({ player }) => player.role === role)
      .map(({ player, wallet }) => {
        const played = tally.accounts.get(player.account)!
        return [
          player.name,
          role.name,
          count(played.calls),
          count(played.byok),
          played.refused === 0 ? dim("–") : count(played.refused),
          exactUsd(BigInt(wallet.totals.granted)),
          exactUsd(BigInt(wallet.totals.spent)),
          exactUsd(BigInt(wallet.available)),
          BigInt(wallet.debt) === 0n ? dim("–") : exactUsd(BigInt(wallet.debt)),
        ]
      }),
  )
  const total = (of: (row: WalletRow) => string): string => bold(exactUsd(sum(wallets.map((row) => BigInt(of(row))))))
  const last = [
    bold("all"),
    "",
    "",
    "",
    "",
    total(({ wallet }) => wallet.totals.granted),
    total(({ wallet }) => wallet.totals.spent),
    total(({ wallet }) => wallet.available),
    total(({ wallet }) => wallet.debt),
  ]
  const columns = [
    { title: "wallet" },
    { title: "plan" },
    right("calls"),
    right("own key"),
    right("refused"),
    right("granted, USD"),
    right("spent, USD"),
    right("available, USD"),
    right("debt, USD"),
  ]
  return `${bold("Wallets")}\n${table(columns, [...rows, [""], last])}`
}

export interface Check {
  readonly says: string
  readonly ok: boolean
}

export const checksOf = (
  tally: PlayTally,
  wallets: ReadonlyArray<WalletRow>,
  shown: ReadonlyMap<string, UsageSum>,
  verified: boolean,
): ReadonlyArray<Check> => {
  const spent = sum(wallets.map(({ wallet }) => BigInt(wallet.totals.spent)))
  const byModel = sum([...shown.values()].map((each) => each.cost))
  const ownPrice = sum([...tally.models.values()].map((model) => model.cost))
  const held = wallets.reduce((all, { wallet }) => all + wallet.holds, 0)
  return [
    {
      says: `spent by the wallets = cost by model: ${exactUsd(spent)} = ${exactUsd(byModel)} USD`,
      ok: spent === byModel,
    },
    { says: `and = what the price book says, computed here: ${exactUsd(ownPrice)} USD`, ok: spent === ownPrice },
    { says: held === 0 ? "every hold is settled" : `${held} holds are still open`, ok: held === 0 },
    { says: `credits ledger verify: ${verified ? "ok" : "NOT OK"}`, ok: verified },
  ]
}

export const checksSection = (checks: ReadonlyArray<Check>): string =>
  [bold("Checks"), ...checks.map(({ says, ok }) => `  ${ok ? green("✓") : red("✗")} ${says}`)].join("\n")
