/** What was charged to the card, with receipts, and the way to report a charge that looks wrong (R5.2). */
import type { Charge, Review } from "@credits/contracts/http"
import { useInfiniteQuery, useQuery } from "@tanstack/react-query"
import { useState } from "react"
import { chargesQuery, reviewsQuery } from "../../api/queries.ts"
import { headline } from "../../format/money.ts"
import { Button, buttonClass } from "../../ui/button.tsx"
import { Card } from "../../ui/card.tsx"
import { Instant } from "../../ui/instant.tsx"
import { Badge } from "../../ui/notice.tsx"
import { Failed, Skeleton } from "../../ui/waiting.tsx"
import { ReportDialog } from "./report-dialog.tsx"
import { stateOf } from "./words.ts"

const Case = ({ review }: { readonly review: Review }) => (
  <p className="mt-1 text-sm">
    {review.status === "open" ? (
      <>
        Reported on <Instant at={review.openedAt} />: support is looking at it. Case {review.reviewId}.
      </>
    ) : (
      <>Support answered: {review.answer}</>
    )}
  </p>
)

interface RowProperties {
  readonly charge: Charge
  readonly review: Review | undefined
  readonly onReport: () => void
}

const Receipts = ({ charge }: { readonly charge: Charge }) =>
  charge.receiptUrl === null ? null : (
    <>
      <a
        href={charge.receiptUrl}
        target="_blank"
        rel="noreferrer"
        className={buttonClass("quiet")}
        aria-label={`Receipt of ${charge.description}`}
      >
        Receipt
      </a>
      <a
        href={`${charge.receiptUrl}.pdf`}
        className={buttonClass("quiet")}
        aria-label={`Receipt of ${charge.description} as PDF`}
      >
        PDF
      </a>
    </>
  )

const Row = ({ charge, review, onReport }: RowProperties) => {
  const [state, tone] = stateOf(charge)
  const isReportable = review === undefined && ["succeeded", "being_confirmed"].includes(charge.status)
  return (
    <li className="grid gap-x-4 gap-y-1 py-3 sm:grid-cols-[1fr_auto] sm:items-center">
      <div className="min-w-0">
        <p className="flex flex-wrap items-baseline gap-x-3">
          <span className="font-medium">{charge.description}</span>
          <Badge tone={tone}>{state}</Badge>
        </p>
        <p className="text-sm text-soft">
          <Instant at={charge.at} form="minute" />
          {charge.card === null ? null : `, card ending in ${charge.card.last4}`}
        </p>
        {charge.declineReason === null ? null : <p className="text-sm">{charge.declineReason}</p>}
        {review === undefined ? null : <Case review={review} />}
      </div>
      <div className="flex flex-wrap items-center gap-x-1 sm:justify-end">
        <span className="mr-2 font-medium tabular-nums">{headline(charge.amountUsd)}</span>
        <Receipts charge={charge} />
        {isReportable ? (
          <Button voice="quiet" onClick={onReport} aria-label={`Report a problem with ${charge.description}`}>
            Report a problem
          </Button>
        ) : null}
      </div>
    </li>
  )
}

export const ChargesCard = () => {
  const charges = useInfiniteQuery(chargesQuery)
  const { data: reviews } = useQuery(reviewsQuery)
  const [reported, setReported] = useState<Charge | null>(null)
  const items = charges.data?.pages.flatMap((page) => page.items)
  return (
    <Card title="Charges and receipts" id="charges">
      {charges.error === null ? null : (
        <Failed what="The charges" error={charges.error} onRetry={() => void charges.refetch()} />
      )}
      {items === undefined && charges.error === null ? <Skeleton className="h-24" /> : null}
      {items?.length === 0 ? <p className="text-soft">Your card has not been charged.</p> : null}
      <ul className="divide-y divide-line empty:hidden">
        {items?.map((charge) => (
          <Row
            key={charge.chargeId}
            charge={charge}
            review={reviews?.items.find((review) => review.chargeId === charge.chargeId)}
            onReport={() => setReported(charge)}
          />
        ))}
      </ul>
      {charges.hasNextPage ? (
        <Button
          voice="plain"
          className="mt-4"
          isBusy={charges.isFetchingNextPage}
          onClick={() => void charges.fetchNextPage()}
        >
          Show older
        </Button>
      ) : null}
      <ReportDialog charge={reported} onClose={() => setReported(null)} />
    </Card>
  )
}
