/** One plan: what is charged today as the big number, what comes later, what it holds, and one button or its reason. */
import type { Plan } from "@credits/contracts/http"
import { Link } from "@tanstack/react-router"
import { useId } from "react"
import { headline, nanoOf, price as priceText } from "../../format/money.ts"
import type { Interval } from "../../format/plan.ts"
import { Button, buttonClass } from "../../ui/button.tsx"
import { Badge } from "../../ui/notice.tsx"
import { type Offer, type Price } from "./offer.ts"
import { ConsequenceWords, ObstacleWords, PriceWords, priceUnit } from "./offer-words.tsx"

interface Properties {
  readonly offer: Offer
  readonly interval: Interval
  readonly plans: ReadonlyArray<Plan>
  readonly onBuy: (plan: Plan) => void
}

const BigPrice = ({ price }: { readonly price: Price }) => (
  <div>
    <p className="flex flex-wrap items-baseline gap-x-2">
      <span className="font-display text-5xl leading-none tracking-tight tabular-nums">
        {price.kind === "free" ? "$0" : priceText(price.amountUsd)}
      </span>
      <span className="text-sm text-soft">{priceUnit(price)}</span>
    </p>
    <p className="mt-2 text-sm text-pretty text-soft tabular-nums">
      <PriceWords price={price} />
    </p>
  </div>
)

/** An address that opens this plan's checkout, for who has to sign in first. */
const returnTo = (plan: Plan, interval: Interval): string =>
  plan.rank === 0 ? "/wallet" : `/pricing?${new URLSearchParams({ plan: plan.id, interval })}`

const ActionButton = ({ offer, interval, onBuy, describedBy }: Omit<Properties, "plans"> & { describedBy: string }) => {
  const { plan, action } = offer
  const buy = (label: string) => (
    <Button className="w-full" aria-describedby={describedBy} onClick={() => onBuy(plan)}>
      {label}
    </Button>
  )
  switch (action.kind) {
    case "sign_in":
      return (
        <Link
          to="/sign-in"
          search={{ returnTo: returnTo(plan, interval) }}
          className={buttonClass(plan.rank === 0 ? "plain" : "main", "w-full")}
        >
          {plan.rank === 0 ? "Start on Free" : `Choose ${plan.name}`}
        </Link>
      )
    case "subscribe":
      return buy(`Subscribe to ${plan.name}`)
    case "upgrade":
      return buy(`Upgrade to ${plan.name}`)
    case "switch_to_yearly":
      return buy(`Switch ${plan.name} to yearly`)
    case "current":
      return (
        <Button voice="plain" className="w-full" disabled>
          Your plan
        </Button>
      )
    case "unavailable":
      return (
        <Button voice="plain" className="w-full" disabled aria-describedby={describedBy}>
          Choose {plan.name}
        </Button>
      )
  }
}

const Tick = () => (
  <svg aria-hidden viewBox="0 0 16 16" className="mt-1 size-4 shrink-0 text-credit" fill="none" stroke="currentColor">
    <path d="m3 8.5 3.2 3.2L13 5" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" />
  </svg>
)

const Features = ({ plan }: { readonly plan: Plan }) => {
  const hasCredits = nanoOf(plan.creditsPerCycleUsd) > 0n
  return (
    <div className="border-t border-line pt-4 text-sm">
      <p className="mb-3">
        {hasCredits ? (
          <>
            <span className="text-base font-semibold tabular-nums">{headline(plan.creditsPerCycleUsd)}</span> of credits
            every month
          </>
        ) : (
          <span className="text-base font-semibold">No credits</span>
        )}
      </p>
      <ul className="grid gap-1.5">
        {plan.features
          // Said above, with the catalogue's own number.
          .filter((feature) => !/\bcredits\b/i.test(feature))
          .map((feature) => (
            <li key={feature} className="flex gap-2">
              <Tick />
              {feature}
            </li>
          ))}
      </ul>
    </div>
  )
}

const OfferBadge = ({ offer }: { readonly offer: Offer }) => {
  if (offer.isCurrent) return <Badge tone="good">Your plan</Badge>
  if (offer.price?.kind !== "first-month") return null
  return <Badge tone="warn">First-month offer</Badge>
}

export const PlanCard = ({ offer, interval, plans, onBuy }: Properties) => {
  const headingId = useId()
  const reasonId = useId()
  const { plan, price, action, consequences, isCurrent } = offer
  const isVisitor = action.kind === "sign_in"
  const border = isCurrent ? "border-credit" : "border-line"
  return (
    <section
      aria-labelledby={headingId}
      className={`row-span-4 grid grid-rows-subgrid gap-5 rounded-card border bg-surface p-6 ${border}`}
    >
      <div className="flex min-h-7 flex-wrap items-center justify-between gap-2">
        <h2 id={headingId} className="font-display text-2xl leading-none">
          {plan.name}
        </h2>
        <OfferBadge offer={offer} />
      </div>
      {price === null ? <span /> : <BigPrice price={price} />}
      <div className="grid content-start gap-2.5">
        <ActionButton offer={offer} interval={interval} onBuy={onBuy} describedBy={reasonId} />
        <div id={reasonId} className="grid gap-1 text-sm text-pretty text-soft tabular-nums">
          {action.kind === "unavailable" ? (
            <p>
              <ObstacleWords obstacle={action.obstacle} />
            </p>
          ) : null}
          {isVisitor && price?.kind === "first-month" ? <p>New monthly subscriptions, once per account.</p> : null}
          {consequences.map((consequence) => (
            <p key={consequence.what}>
              <ConsequenceWords consequence={consequence} plans={plans} />
            </p>
          ))}
        </div>
      </div>
      <Features plan={plan} />
    </section>
  )
}
