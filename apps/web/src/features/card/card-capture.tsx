/**
 * The one place where a card is entered, in checkout and in the wallet. Which form it shows is the server's choice:
 * test cards of the sandbox, or the processor's own element. Card data never touches our code (R10.3).
 */
import type { PaymentMethod } from "@credits/contracts/http"
import { useQuery } from "@tanstack/react-query"
import { Suspense } from "react"
import { siteQuery } from "../../api/queries.ts"
import { later } from "../../ui/later.tsx"
import { Skeleton } from "../../ui/waiting.tsx"
import { SandboxCard } from "./sandbox-card.tsx"

export interface CaptureProperties {
  readonly onSaved: (card: PaymentMethod) => void
  /** Shows a way out that changes nothing. */
  readonly onCancel?: (() => void) | undefined
  /** Of the button. */
  readonly label?: string
}

const StripeCard = later(async () => (await import("./stripe-card.tsx")).StripeCard)

export const CardCapture = (properties: CaptureProperties) => {
  const { data: site } = useQuery(siteQuery)
  if (site === undefined) return <Skeleton className="h-40" />
  if (site.cardForm === "sandbox") return <SandboxCard {...properties} />
  return (
    <Suspense fallback={<Skeleton className="h-40" />}>
      <StripeCard {...properties} />
    </Suspense>
  )
}
