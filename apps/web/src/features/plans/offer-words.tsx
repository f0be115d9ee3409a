/** What `offer.ts` found, in words. */
import type { Plan } from "@credits/contracts/http"
import { Link } from "@tanstack/react-router"
import type { ReactNode } from "react"
import { headline } from "../../format/money.ts"
import { planName } from "../../format/plan.ts"
import { Instant } from "../../ui/instant.tsx"
import type { Consequence, Obstacle, Price } from "./offer.ts"
import { SupportLink } from "./support-link.tsx"

/** Under the big number. */
export const PriceWords = ({ price }: { readonly price: Price }) => {
  switch (price.kind) {
    case "free":
      return <>No card needed.</>
    case "month":
      return <>Charged every month.</>
    case "year":
      return <>Charged once a year, that is {headline(price.perMonthUsd)} a month.</>
    case "first-month":
      return price.renewsAt === null ? (
        <>Then renews at {headline(price.thenUsd)} every month.</>
      ) : (
        <>
          Then renews at {headline(price.thenUsd)} on <Instant at={price.renewsAt} />.
        </>
      )
  }
}

export const priceUnit = (price: Price): string => {
  switch (price.kind) {
    case "free":
      return "for ever"
    case "month":
      return "a month"
    case "year":
      return "a year"
    case "first-month":
      return "first month"
  }
}

const toWallet = (text: string) => (
  <Link to="/wallet" className="font-medium text-ink underline underline-offset-4">
    {text}
  </Link>
)

export const ObstacleWords = ({ obstacle }: { readonly obstacle: Obstacle }): ReactNode => {
  switch (obstacle.why) {
    case "lower_plan":
      return (
        <>
          Lower plans are arranged by support, for the end of the period you paid for. <SupportLink />
        </>
      )
    case "shorter_interval":
      return (
        <>
          From yearly to monthly is arranged by support, for the end of the year you paid for. <SupportLink />
        </>
      )
    case "not_sold":
      return <>Not sold {obstacle.interval}.</>
    case "being_confirmed":
      return <>A payment of {headline(obstacle.amountUsd)} is being confirmed. You can choose when it is decided.</>
    case "action_required":
      return <>A payment of {headline(obstacle.amountUsd)} waits for you to confirm it with your bank, above.</>
    case "cancel_instead":
      return obstacle.endsAt === null ? (
        <>{toWallet("Cancel in the wallet")}, and you are on Free at once.</>
      ) : (
        <>
          {toWallet("Cancel in the wallet")}, and you are on Free from <Instant at={obstacle.endsAt} />.
        </>
      )
    case "already_canceled":
      return (
        <>
          You are on Free from <Instant at={obstacle.endsAt} />.
        </>
      )
    case "given":
      return <>You have a plan from support, at no charge.</>
  }
}

interface ConsequenceProperties {
  readonly consequence: Consequence
  readonly plans: ReadonlyArray<Plan>
}

export const ConsequenceWords = ({ consequence, plans }: ConsequenceProperties): ReactNode => {
  switch (consequence.what) {
    case "ends":
      return (
        <>
          Ends on <Instant at={consequence.at} />. Until then you keep it; {toWallet("resume in the wallet")}.
        </>
      )
    case "becomes":
      return (
        <>
          Until <Instant at={consequence.at} />, then {planName(plans, consequence.plan)}, {consequence.interval}.
        </>
      )
    case "starts":
      return (
        <>
          Yours from <Instant at={consequence.at} />.
        </>
      )
    case "renews":
      return (
        <>
          Renews at {headline(consequence.amountUsd)} on <Instant at={consequence.at} />.
        </>
      )
    case "owed":
      return (
        <>
          The renewal of {headline(consequence.amountUsd)} is unpaid. {toWallet("Pay in the wallet")} before{" "}
          <Instant at={consequence.endsAt} />, or the plan ends.
        </>
      )
    case "given_by_support":
      return <>Yours from support, at no charge.</>
    case "unused_time_credited":
      return <>Less the unused time of {planName(plans, consequence.plan)}: you see the exact amount before you pay.</>
    case "resumes":
      return <>Your cancellation is undone.</>
    case "drops_change":
      return <>The scheduled change to {planName(plans, consequence.plan)} is dropped.</>
    case "in_full_past_due":
      return <>Due in full: it closes the unpaid renewal, and nothing is credited for it.</>
    case "in_full_given":
      return <>Due in full: a plan from support is not credited.</>
  }
}
