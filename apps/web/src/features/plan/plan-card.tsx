/** The plan: what it is, when it renews and for how much, and the ways to change it. */
import type { Subscription, Wallet } from "@credits/contracts/http"
import { Link } from "@tanstack/react-router"
import { useState } from "react"
import { price } from "../../format/money.ts"
import { Button, buttonClass } from "../../ui/button.tsx"
import { Card } from "../../ui/card.tsx"
import { Instant } from "../../ui/instant.tsx"
import { Badge, type Tone } from "../../ui/notice.tsx"
import { CancelDialog } from "./cancel-dialog.tsx"
import { Resume } from "./resume.tsx"

interface Properties {
  readonly wallet: Wallet
  readonly subscription: Subscription
  readonly planName: string
}

const STATES: Readonly<Record<Subscription["status"], readonly [Tone | "plain", string]>> = {
  free: ["plain", "Free"],
  active: ["good", "Active"],
  past_due: ["danger", "Payment failed"],
  canceling: ["warn", "Ends soon"],
}

const Dates = ({ subscription }: { readonly subscription: Subscription }) => {
  const { renewal, cycleEnd, currentPeriodEnd, cancelAtPeriodEnd, interval } = subscription
  return (
    <dl className="mt-4 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
      {renewal === null ? null : (
        <>
          <dt className="text-soft">Renews</dt>
          <dd className="text-right">
            <Instant at={renewal.at} form="minute" /> for <strong>{price(renewal.amountUsd)}</strong>
          </dd>
        </>
      )}
      {cancelAtPeriodEnd && currentPeriodEnd !== null ? (
        <>
          <dt className="text-soft">Ends</dt>
          <dd className="text-right">
            <Instant at={currentPeriodEnd} form="minute" />
          </dd>
        </>
      ) : null}
      {interval === "yearly" && cycleEnd !== null ? (
        <>
          <dt className="text-soft">Next credits</dt>
          <dd className="text-right">
            <Instant at={cycleEnd} form="minute" />
          </dd>
        </>
      ) : null}
    </dl>
  )
}

export const PlanCard = ({ wallet, subscription, planName }: Properties) => {
  const [isCanceling, setCanceling] = useState(false)
  const [tone, word] = STATES[subscription.status]
  const canCancel = !subscription.complimentary && ["active", "past_due"].includes(subscription.status)
  return (
    <Card title="Plan" aside={subscription.status === "free" ? undefined : <Badge tone={tone}>{word}</Badge>}>
      <p className="font-display text-3xl leading-tight">{planName}</p>
      <p className="text-sm text-soft">
        {subscription.status === "free"
          ? "Local tools and your own provider keys"
          : subscription.complimentary
            ? "Complimentary: given by support, never charged"
            : `Paid ${subscription.interval === "yearly" ? "yearly, credits every month" : "monthly"}`}
      </p>
      <Dates subscription={subscription} />
      <div className="mt-5 flex flex-wrap items-center gap-2">
        <Link to="/pricing" className={buttonClass(subscription.status === "free" ? "main" : "plain")}>
          {subscription.status === "free" ? "Choose a plan" : "Change plan"}
        </Link>
        {subscription.status === "canceling" ? <Resume /> : null}
        {canCancel ? (
          <Button voice="quiet" onClick={() => setCanceling(true)}>
            Cancel plan
          </Button>
        ) : null}
      </div>
      <CancelDialog
        isOpen={isCanceling}
        onClose={() => setCanceling(false)}
        planName={planName}
        subscription={subscription}
        wallet={wallet}
      />
    </Card>
  )
}
