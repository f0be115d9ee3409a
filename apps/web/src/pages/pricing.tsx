/** Pricing: the plans as somebody can have them, the checkout over them, the plans compared, questions answered. */
import type { Plan, Subscription } from "@credits/contracts/http"
import { useQuery } from "@tanstack/react-query"
import { getRouteApi, Navigate, useRouter } from "@tanstack/react-router"
import { Suspense, useRef } from "react"
import { plansQuery, sessionQuery, subscriptionQuery } from "../api/queries.ts"
import { PaymentProgress } from "../features/checkout/payment-progress.tsx"
import { useIsPaying } from "../features/checkout/use-checkout.ts"
import { Comparison } from "../features/plans/comparison.tsx"
import { IntervalChoice } from "../features/plans/interval-choice.tsx"
import { firstInterval, offersOf } from "../features/plans/offer.ts"
import { PlanCard } from "../features/plans/plan-card.tsx"
import { Questions } from "../features/plans/questions.tsx"
import type { Interval } from "../format/plan.ts"
import { later } from "../ui/later.tsx"
import { Failed, Skeleton } from "../ui/waiting.tsx"

/** How often a purchase in flight is looked at. */
const LOOK_MS = 1_000

const route = getRouteApi("/pricing")

const CheckoutDialog = later(async () => (await import("../features/checkout/checkout-dialog.tsx")).CheckoutDialog)

/** The checkout is in the address: back closes it, a reload opens it again. */
const useCheckoutAddress = (interval: Interval) => {
  const router = useRouter()
  const navigate = route.useNavigate()
  const wasOpenedHere = useRef(false)
  return {
    open: (plan: Plan) => {
      wasOpenedHere.current = true
      void navigate({ search: { plan: plan.id, interval }, resetScroll: false })
    },
    close: () => {
      if (wasOpenedHere.current) router.history.back()
      else void navigate({ search: { interval }, replace: true, resetScroll: false })
      wasOpenedHere.current = false
    },
    choose: (next: Interval) => void navigate({ search: { interval: next }, replace: true, resetScroll: false }),
  }
}

interface PlansProperties {
  readonly plans: ReadonlyArray<Plan>
  readonly subscription: Subscription | null
}

const PlanCards = ({ plans, subscription }: PlansProperties) => {
  const search = route.useSearch()
  const interval = search.interval ?? firstInterval(subscription)
  const address = useCheckoutAddress(interval)
  const isPaying = useIsPaying()
  const wanted = plans.find((plan) => plan.id === search.plan && plan.rank > 0)
  if (wanted !== undefined && subscription === null) {
    const returnTo = `/pricing?${new URLSearchParams({ plan: wanted.id, interval })}`
    return <Navigate to="/sign-in" search={{ returnTo }} replace />
  }
  return (
    <div className="grid gap-6">
      <div className="flex flex-wrap items-center gap-x-5 gap-y-3">
        <IntervalChoice interval={interval} onChange={address.choose} />
        <p className="text-sm text-soft">
          {interval === "yearly"
            ? "The whole year is charged at once; credits come every month."
            : "Charged and granted every month."}
        </p>
      </div>
      {isPaying || (subscription?.pendingPayment ?? null) !== null ? (
        <PaymentProgress payment={subscription?.pendingPayment ?? null} />
      ) : null}
      <div className="grid gap-4 sm:grid-cols-2 xl:grid-cols-4">
        {offersOf(plans, interval, subscription).map((offer) => (
          <PlanCard key={offer.plan.id} offer={offer} interval={interval} plans={plans} onBuy={address.open} />
        ))}
      </div>
      {wanted === undefined ? null : (
        <Suspense>
          <CheckoutDialog wanted={{ plan: wanted.id, interval }} plans={plans} onClose={address.close} />
        </Suspense>
      )}
    </div>
  )
}

const Waiting = () => (
  <div className="grid gap-4 sm:grid-cols-2 xl:grid-cols-4">
    {["Free", "Plus", "Pro", "Max"].map((name) => (
      <Skeleton key={name} className="h-112" />
    ))}
  </div>
)

/** The cards wait until it is known whose they are: an offer that goes away is worse than a grey box. */
const Plans = () => {
  const plans = useQuery(plansQuery)
  const session = useQuery(sessionQuery)
  const isSignedIn = session.data !== null && session.data !== undefined
  const isPaying = useIsPaying()
  const subscription = useQuery({
    ...subscriptionQuery,
    enabled: isSignedIn,
    refetchInterval: isPaying ? LOOK_MS : false,
  })
  const failed = [plans, session, subscription].find((query) => query.isError && query.data === undefined)
  if (failed !== undefined) {
    return <Failed what="The plans" error={failed.error} onRetry={() => void failed.refetch()} />
  }
  const mine = session.data === null ? null : subscription.data
  if (plans.data === undefined || mine === undefined) return <Waiting />
  return (
    <>
      <PlanCards plans={plans.data.plans} subscription={mine} />
      <Comparison plans={plans.data.plans} />
    </>
  )
}

export const PricingPage = () => (
  <div className="grid gap-12 sm:gap-16">
    <div className="-mb-4 max-w-2xl sm:-mb-6">
      <h1>A balance in dollars for every hosted model</h1>
      <p className="mt-3 text-base text-pretty text-soft">
        A plan puts credits in your wallet every month. Each call takes what it costs, to a fraction of a cent, and at
        $0 it stops.
      </p>
    </div>
    <Plans />
    <Questions />
  </div>
)
