/**
 * Buying a plan: the quote, the card, the terms, one button, and every way it can end. What is shown follows from the
 * phase alone, so a reload shows the same again.
 */
import type { Plan, Quote, Subscription } from "@credits/contracts/http"
import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { type ReactNode, useEffect, useRef, useState } from "react"
import { paymentMethodQuery, walletQuery } from "../../api/queries.ts"
import { headline, nanoOf } from "../../format/money.ts"
import { planName } from "../../format/plan.ts"
import { Button, buttonClass } from "../../ui/button.tsx"
import { Dialog } from "../../ui/dialog.tsx"
import { Instant } from "../../ui/instant.tsx"
import { Landed } from "../../ui/landed.tsx"
import { Notice } from "../../ui/notice.tsx"
import { Failed, Skeleton } from "../../ui/waiting.tsx"
import { RefusalNotice } from "../shell/refusal-notice.tsx"
import { SupportLink } from "../plans/support-link.tsx"
import { Consent, termsOf } from "./consent.tsx"
import { PaymentProgress } from "./payment-progress.tsx"
import { PayWith, usableCard } from "./pay-with.tsx"
import { type Outcome, type Refusal, type Wanted } from "./phase.ts"
import { QuoteLines } from "./quote-lines.tsx"
import { TimeLeft } from "./time-left.tsx"
import { type Checkout, type Renewed, useCheckout } from "./use-checkout.ts"

const Bought = ({ subscription, isNew, name }: { subscription: Subscription; isNew: boolean; name: string }) => {
  const { data: wallet } = useQuery(walletQuery)
  const { renewal, interval } = subscription
  return (
    <Landed>
      <div role="status" className="grid gap-2">
        <p className="font-display text-3xl leading-tight">
          {isNew ? `You are on ${name}` : `You have ${name} already`}
        </p>
        {wallet === undefined ? null : (
          <p>
            <span className="font-semibold tabular-nums">{headline(wallet.availableUsd)}</span> of credits are ready for
            hosted models.
          </p>
        )}
        <p className="text-sm text-soft">
          Paid {interval}.{" "}
          {renewal === null ? null : (
            <>
              Renews at <span className="tabular-nums">{headline(renewal.amountUsd)}</span> on{" "}
              <Instant at={renewal.at} />.
            </>
          )}
        </p>
      </div>
      <div>
        <Link to="/wallet" className={buttonClass()}>
          To your wallet
        </Link>
      </div>
    </Landed>
  )
}

const Refused = ({ refusal, onRetry }: { readonly refusal: Refusal; readonly onRetry: () => void }) => {
  if (refusal.isTransient) return <Failed what="The quote" error={refusal} onRetry={onRetry} />
  if (refusal.code !== "downgrade_not_available") {
    return <RefusalNotice error={refusal} title="This cannot be bought now" />
  }
  return (
    <Notice tone="warn" title="Support arranges this">
      A lower plan, or monthly instead of yearly, starts at the end of the period you paid for.{" "}
      <SupportLink url={refusal.extras["supportUrl"]} />
    </Notice>
  )
}

const Renewal = ({ why }: { readonly why: Renewed }) => (
  <Notice tone="info">
    {why === "expired"
      ? "The quote before this one ran out after ten minutes. This is a new one; nothing was charged."
      : "Your subscription changed since the quote before this one. This is a new one; nothing was charged."}
  </Notice>
)

const AfterAttempt = ({ outcome }: { readonly outcome: Outcome }) => {
  switch (outcome.kind) {
    case "declined":
      return (
        <Notice tone="danger" title="The payment did not go through">
          {outcome.detail} Your plan and credits are as they were.
        </Notice>
      )
    case "card_required":
      return <Notice tone="danger" title="Add a card first" />
    case "unanswered":
      return (
        <Notice tone="danger" title="No answer">
          {outcome.detail} You can press the button again: it is the same payment, and it is charged once.
        </Notice>
      )
    case "refused":
      return (
        <RefusalNotice error={outcome.refusal} title="This could not be bought">
          Nothing was charged.
        </RefusalNotice>
      )
    case "paid":
    case "undecided":
    case "requote":
      return null
  }
}

/** The button that was pressed may be far below what it led to. */
const InView = ({ children }: { readonly children: ReactNode }) => {
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    // Newer browsers answer a promise, which is no clean-up of an effect.
    place.current?.scrollIntoView({ block: "nearest" })
  }, [])
  return <div ref={place}>{children}</div>
}

const payText = ({ dueTodayUsd }: Quote): string =>
  nanoOf(dueTodayUsd) === 0n ? "Confirm, nothing to pay today" : `Pay ${headline(dueTodayUsd)}`

interface FormProperties {
  readonly checkout: Checkout
  readonly quote: Quote
  readonly isPaying: boolean
  readonly name: string
}

const PaymentForm = ({ checkout, quote, isPaying, name }: FormProperties) => {
  const { data: card } = useQuery(paymentMethodQuery)
  const [agreedTo, setAgreedTo] = useState<string | null>(null)
  const [declinedSeen, setDeclinedSeen] = useState<Outcome | null>(null)
  const { outcome, renewed, isRenewing, quoteEndsAt } = checkout
  const hasAgreed = agreedTo === termsOf(quote)
  const hasCard = usableCard(card) !== null
  return (
    <div className="grid gap-5">
      {renewed === null || isPaying ? null : <Renewal why={renewed} />}
      <QuoteLines quote={quote} />
      {outcome === null || outcome === declinedSeen ? null : (
        <InView>
          <AfterAttempt outcome={outcome} />
        </InView>
      )}
      <PayWith isLocked={isPaying} onSaved={() => setDeclinedSeen(outcome)} />
      <Consent
        quote={quote}
        planName={name}
        isGiven={hasAgreed}
        isLocked={isPaying}
        onChange={(isGiven) => setAgreedTo(isGiven ? termsOf(quote) : null)}
      />
      <div className="grid gap-2">
        <Button
          className="min-h-12 w-full text-base tabular-nums"
          isBusy={isPaying || isRenewing}
          disabled={!hasAgreed || !hasCard}
          onClick={checkout.pay}
        >
          {payText(quote)}
        </Button>
        <p className="text-center text-xs text-soft">
          {hasCard
            ? hasAgreed
              ? "Charged once, however often you press."
              : "Agree to the terms to pay."
            : "Add a card to pay."}{" "}
          {quoteEndsAt === null || isPaying ? null : (
            <>
              This quote holds for <TimeLeft until={quoteEndsAt} />.
            </>
          )}
        </p>
      </div>
    </div>
  )
}

const Body = ({ checkout, name }: { readonly checkout: Checkout; readonly name: string }) => {
  const { phase } = checkout
  switch (phase.name) {
    case "quoting":
      return <Skeleton className="h-96" />
    case "refused":
      return <Refused refusal={phase.refusal} onRetry={checkout.askAgain} />
    case "pending":
      return (
        <Landed>
          <PaymentProgress payment={phase.payment} />
        </Landed>
      )
    case "bought":
      return <Bought subscription={phase.subscription} isNew={phase.isNew} name={name} />
    case "offered":
    case "paying":
      return <PaymentForm checkout={checkout} quote={phase.quote} isPaying={phase.name === "paying"} name={name} />
  }
}

interface Properties {
  readonly wanted: Wanted
  readonly plans: ReadonlyArray<Plan>
  readonly onClose: () => void
}

const Open = ({ wanted, plans, onClose }: Properties) => {
  const checkout = useCheckout(wanted)
  const name = planName(plans, wanted.plan)
  const { phase } = checkout
  const isUpgrade = "quote" in phase && phase.quote.action === "upgrade"
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={`${name}, ${wanted.interval}`}
      description={
        phase.name === "bought" ? undefined : isUpgrade ? "An upgrade: it starts at once." : "A new subscription."
      }
    >
      <Body checkout={checkout} name={name} />
    </Dialog>
  )
}

/** A dialog of another plan is another purchase: nothing of the one before is kept. */
export const CheckoutDialog = (properties: Properties) => (
  <Open key={`${properties.wanted.plan} ${properties.wanted.interval}`} {...properties} />
)
