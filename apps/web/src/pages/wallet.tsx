/** The wallet: what is there, where it goes, what happens next, and every setting that concerns money. */
import { useQuery } from "@tanstack/react-query"
import { Suspense } from "react"
import { plansQuery, subscriptionQuery, walletQuery } from "../api/queries.ts"
import { BalanceCard } from "../features/balance/balance-card.tsx"
import { PaymentMethodCard } from "../features/card/payment-method-card.tsx"
import { ChargesCard } from "../features/charges/charges-card.tsx"
import { PlanCard } from "../features/plan/plan-card.tsx"
import { StatementCard } from "../features/statement/statement-card.tsx"
import { Notices } from "../features/states/notices.tsx"
import { AutoTopUpCard } from "../features/top-up/auto-top-up-card.tsx"
import { planName } from "../format/plan.ts"
import { later } from "../ui/later.tsx"
import { Failed, Skeleton } from "../ui/waiting.tsx"

// The charts come after the numbers.
const BurnCard = later(async () => (await import("../features/burn/burn-card.tsx")).BurnCard)
const UsageCard = later(async () => (await import("../features/usage/usage-card.tsx")).UsageCard)

/** What is shown without a cycle. */
const USAGE_DAYS_MS = 30 * 86_400_000

/** Whole days, so that a minute later is not another question. */
const usageFrom = (wallet: { readonly cycle: { readonly start: string } | null; readonly asOf: string }): string =>
  wallet.cycle?.start ?? `${new Date(Date.parse(wallet.asOf) - USAGE_DAYS_MS).toISOString().slice(0, 10)}T00:00:00.000Z`

export const WalletPage = () => {
  const { data: wallet, error: walletError, refetch: againWallet } = useQuery(walletQuery)
  const { data: subscription, error: planError, refetch: againPlan } = useQuery(subscriptionQuery)
  const { data: catalogue } = useQuery(plansQuery)
  if (wallet === undefined || subscription === undefined) {
    const error = walletError ?? planError
    const again = () => void Promise.all([againWallet(), againPlan()])
    return (
      <div className="grid gap-5">
        <h1>Wallet</h1>
        {error === null ? <Skeleton className="h-96" /> : <Failed what="Your wallet" error={error} onRetry={again} />}
      </div>
    )
  }
  const name = planName(catalogue?.plans, subscription.plan)
  return (
    <div className="grid gap-5">
      <h1>Wallet</h1>
      <Notices wallet={wallet} subscription={subscription} planName={name} />
      <div className="grid items-start gap-5 lg:grid-cols-[1.8fr_1fr]">
        <div className="grid min-w-0 gap-5">
          <BalanceCard wallet={wallet} />
          <Suspense fallback={<Skeleton className="h-72" />}>
            <BurnCard wallet={wallet} />
            <UsageCard wallet={wallet} from={usageFrom(wallet)} />
          </Suspense>
        </div>
        <div className="grid min-w-0 gap-5">
          <PlanCard wallet={wallet} subscription={subscription} planName={name} />
          <AutoTopUpCard topUp={wallet.autoTopUp} subscription={subscription} />
          <PaymentMethodCard />
        </div>
      </div>
      <StatementCard />
      <ChargesCard />
    </div>
  )
}
