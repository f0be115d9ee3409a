/** What can be spent now, and where it comes from: the lots with the day they reset or end, holds, frozen, debt. */
import type { Wallet } from "@credits/contracts/http"
import { untilText } from "../../format/instant.ts"
import { headline, nanoOf, precise } from "../../format/money.ts"
import { Card } from "../../ui/card.tsx"
import { Instant } from "../../ui/instant.tsx"
import { Meter } from "../../ui/meter.tsx"

type Lot = Wallet["lots"][number]

const KINDS: Readonly<Record<Lot["kind"], string>> = {
  plan: "Plan credits",
  topup: "Top-up credits",
  promo: "Promotional credits",
  adjustment: "Adjustment",
}

const isPositive = (usd: string): boolean => nanoOf(usd) > 0n

const LotRow = ({ lot, now }: { readonly lot: Lot; readonly now: string }) => (
  <li className="grid gap-1.5 py-3">
    <div className="flex flex-wrap items-baseline justify-between gap-x-4">
      <span className="font-medium">{KINDS[lot.kind]}</span>
      <span className="tabular-nums">
        {precise(lot.remainingUsd)} <span className="text-soft">of {precise(lot.grantedUsd)}</span>
      </span>
    </div>
    <Meter part={nanoOf(lot.remainingUsd)} whole={nanoOf(lot.grantedUsd)} label={`${KINDS[lot.kind]} left`} />
    <p className="text-sm text-soft">
      {lot.expiresAt === null ? (
        "Does not expire while you have a plan"
      ) : (
        <>
          {lot.kind === "plan" ? "Resets" : "Ends"} <Instant at={lot.expiresAt} form="minute" /> (
          {untilText(lot.expiresAt, now)})
        </>
      )}
    </p>
  </li>
)

const Figure = ({ label, usd, hint }: { readonly label: string; readonly usd: string; readonly hint: string }) => (
  <div className="min-w-32 flex-1 rounded-xl bg-raised px-4 py-3">
    <dt className="text-sm text-soft">{label}</dt>
    <dd className="text-lg font-medium tabular-nums">{precise(usd)}</dd>
    <dd className="text-sm text-soft">{hint}</dd>
  </div>
)

const Figures = ({ wallet }: { readonly wallet: Wallet }) => (
  <dl className="flex flex-wrap gap-3">
    {isPositive(wallet.heldUsd) ? (
      <Figure label="Held" usd={wallet.heldUsd} hint="for calls that run now; what they do not use comes back" />
    ) : null}
    {isPositive(wallet.frozenUsd) ? (
      <Figure label="Frozen" usd={wallet.frozenUsd} hint="yours, and usable again with a plan" />
    ) : null}
    {isPositive(wallet.debtUsd) ? (
      <Figure label="Owed" usd={wallet.debtUsd} hint="a call cost more than was left; the next credit pays it first" />
    ) : null}
  </dl>
)

const hasFigures = (wallet: Wallet): boolean => [wallet.heldUsd, wallet.frozenUsd, wallet.debtUsd].some(isPositive)

export const BalanceCard = ({ wallet }: { readonly wallet: Wallet }) => {
  const lots = wallet.lots.filter((lot) => isPositive(lot.remainingUsd) || lot.kind === "plan")
  return (
    <Card
      title="Available now"
      aside={
        <>
          as of <Instant at={wallet.asOf} form="minute" />
        </>
      }
    >
      <p
        className="font-display text-5xl leading-none tabular-nums sm:text-6xl"
        data-testid="available"
        title={`${wallet.availableUsd} USD`}
        aria-live="polite"
      >
        {headline(wallet.availableUsd)}
      </p>
      <p className="mt-2 text-sm text-soft">Plan and top-up credits, without what running calls hold.</p>
      {hasFigures(wallet) ? (
        <div className="mt-4">
          <Figures wallet={wallet} />
        </div>
      ) : null}
      {lots.length === 0 ? null : (
        <>
          <h3 className="mt-6 text-sm font-medium text-soft">Spent in this order</h3>
          <ul className="divide-y divide-line">
            {lots.map((lot) => (
              <LotRow key={lot.id} lot={lot} now={wallet.asOf} />
            ))}
          </ul>
        </>
      )}
    </Card>
  )
}
