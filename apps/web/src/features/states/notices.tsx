/** What a customer has to know at once, above everything else: what is the matter, what happens next, what helps. */
import type { Subscription, Wallet } from "@credits/contracts/http"
import { Link } from "@tanstack/react-router"
import { headline, nanoOf, price } from "../../format/money.ts"
import { buttonClass } from "../../ui/button.tsx"
import { Instant } from "../../ui/instant.tsx"
import { Notice } from "../../ui/notice.tsx"
import { PaymentProgress } from "../checkout/payment-progress.tsx"
import { PayNow } from "../plan/pay-now.tsx"
import { Resume } from "../plan/resume.tsx"
import { standingOf } from "./standing.ts"

interface Properties {
  readonly wallet: Wallet
  readonly subscription: Subscription
  readonly planName: string
}

const Upgrade = ({ upgrade }: { readonly upgrade: Subscription["upgrade"] }) =>
  upgrade === null ? null : (
    <Link to="/pricing" search={{ plan: upgrade.plan, interval: upgrade.interval }} className={buttonClass()}>
      Upgrade: adds {headline(upgrade.addsUsd)} now
    </Link>
  )

const PastDue = ({
  pastDue,
  planName,
}: {
  readonly pastDue: NonNullable<Subscription["pastDue"]>
  planName: string
}) => (
  <Notice tone="danger" title={`The payment of ${price(pastDue.amountUsd)} for ${planName} failed`} action={<PayNow />}>
    {pastDue.reason}{" "}
    {pastDue.nextAttemptAt === null ? (
      "It is not tried again with this card."
    ) : (
      <>
        It is tried again on <Instant at={pastDue.nextAttemptAt} form="minute" />.
      </>
    )}{" "}
    Without a payment by <Instant at={pastDue.endsAt} form="minute" /> the account goes to Free. A new card, below, is
    charged at once.
  </Notice>
)

const Credit = ({ wallet, subscription }: Properties) => {
  switch (standingOf(wallet, subscription)) {
    case "free":
      return (
        <Notice
          tone="info"
          title="You are on Free"
          action={
            <Link to="/pricing" className={buttonClass()}>
              See plans
            </Link>
          }
        >
          Hosted models need a plan. Local tools and calls with your own provider keys (BYOK) work and cost nothing
          here.
        </Notice>
      )
    case "zero":
      return (
        <Notice
          tone="danger"
          title="No credit left: hosted calls stop here"
          action={<Upgrade upgrade={subscription.upgrade} />}
        >
          Nothing is charged by itself.{" "}
          {wallet.autoTopUp?.enabled === true
            ? "See auto top-up for why it does not add credit. "
            : "Turn on auto top-up, "}
          upgrade, or use your own provider key (BYOK).
        </Notice>
      )
    case "low":
      return (
        <Notice
          tone="warn"
          title={`${headline(wallet.availableUsd)} left`}
          action={<Upgrade upgrade={subscription.upgrade} />}
        >
          {wallet.autoTopUp?.enabled === true
            ? "Auto top-up is on and adds credit within your monthly cap."
            : "At $0.00 hosted calls stop; nothing is charged unless you turn on auto top-up."}
        </Notice>
      )
    case "fine":
      return null
  }
}

export const Notices = (properties: Properties) => {
  const { subscription, wallet, planName } = properties
  const { pendingPayment, pastDue, pendingChange, cancelAtPeriodEnd, currentPeriodEnd } = subscription
  return (
    <div className="grid gap-3 empty:hidden">
      {pendingPayment === null ? null : <PaymentProgress payment={pendingPayment} />}
      {pastDue === null ? null : <PastDue pastDue={pastDue} planName={planName} />}
      {nanoOf(wallet.debtUsd) > 0n ? (
        <Notice tone="warn" title={`${headline(wallet.debtUsd)} is owed`}>
          A call cost more than was left. New calls wait until the next credit has paid it.
        </Notice>
      ) : null}
      {cancelAtPeriodEnd && currentPeriodEnd !== null ? (
        <Notice tone="warn" title={`${planName} ends on your request`} action={<Resume />}>
          Plan and credits stay until <Instant at={currentPeriodEnd} form="minute" />; then the account is Free. Nothing
          more is charged.
        </Notice>
      ) : null}
      {pendingChange === null ? null : (
        <Notice tone="info" title="A change of plan is scheduled">
          From <Instant at={pendingChange.effectiveAt} form="minute" /> the plan is {pendingChange.plan},{" "}
          {pendingChange.interval}.
        </Notice>
      )}
      {/* Past due has its own ways on; auto top-up is none of them. */}
      {pastDue === null ? <Credit {...properties} /> : null}
    </div>
  )
}
