/** The card a purchase is paid with: the saved one, or the form for another. */
import type { PaymentMethod } from "@credits/contracts/http"
import { useQuery } from "@tanstack/react-query"
import { useState } from "react"
import { paymentMethodQuery } from "../../api/queries.ts"
import { Button } from "../../ui/button.tsx"
import { Failed, Skeleton } from "../../ui/waiting.tsx"
import { CardCapture } from "../card/card-capture.tsx"
import { CardLine } from "../card/card-line.tsx"

interface Properties {
  readonly isLocked: boolean
  /** A card was chosen after a decline: what it was declined for no longer matters. */
  readonly onSaved: () => void
}

export const usableCard = (card: PaymentMethod | null | undefined): PaymentMethod | null =>
  card?.status === "usable" ? card : null

export const PayWith = ({ isLocked, onSaved }: Properties) => {
  const { data: card, error, refetch } = useQuery(paymentMethodQuery)
  const [isChanging, setChanging] = useState(false)
  if (error !== null && card === undefined) {
    return <Failed what="Your card" error={error} onRetry={() => void refetch()} />
  }
  if (card === undefined) return <Skeleton className="h-16" />
  const saved = () => {
    setChanging(false)
    onSaved()
  }
  const mustChange = usableCard(card) === null
  return (
    <section aria-label="Card" className="grid gap-4">
      {card === null ? null : (
        <div className="flex flex-wrap items-center justify-between gap-3">
          <CardLine card={card} />
          {mustChange || isChanging ? null : (
            <Button voice="quiet" className="-mx-2" disabled={isLocked} onClick={() => setChanging(true)}>
              Use another card
            </Button>
          )}
        </div>
      )}
      {mustChange || isChanging ? (
        <CardCapture onSaved={saved} onCancel={mustChange ? undefined : () => setChanging(false)} />
      ) : null}
    </section>
  )
}
