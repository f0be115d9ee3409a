/** A saved card in a line, and what is wrong with it. Owns the words for brands and states of a card. */
import type { PaymentMethod } from "@credits/contracts/http"
import { Badge } from "../../ui/notice.tsx"

const BRANDS: Readonly<Record<string, string>> = {
  amex: "American Express",
  diners: "Diners Club",
  jcb: "JCB",
  mastercard: "Mastercard",
  unionpay: "UnionPay",
  visa: "Visa",
}

/** "Visa •••• 4242". */
export const cardText = ({ brand, last4 }: Pick<PaymentMethod, "brand" | "last4">): string =>
  `${BRANDS[brand] ?? brand} •••• ${last4}`

export const expiryText = ({ expMonth, expYear }: PaymentMethod): string =>
  `${String(expMonth).padStart(2, "0")}/${expYear}`

const PROBLEMS: Readonly<Record<PaymentMethod["status"], string | null>> = {
  usable: null,
  blocked: "refused by its bank for good",
  expired: "expired",
}

export const CardLine = ({ card }: { readonly card: PaymentMethod }) => {
  const problem = PROBLEMS[card.status]
  return (
    <span className="inline-flex flex-wrap items-center gap-x-3 gap-y-1 tabular-nums">
      <svg aria-hidden viewBox="0 0 28 20" className="h-5 w-7 text-soft" fill="none" stroke="currentColor">
        <rect x="1" y="1" width="26" height="18" rx="3" strokeWidth="1.5" />
        <path d="M1 6.5h26" strokeWidth="3" />
        <path d="M5 14h7" strokeWidth="1.5" />
      </svg>
      <span className="font-medium">{cardText(card)}</span>
      <span className="text-sm text-soft">expires {expiryText(card)}</span>
      {problem === null ? null : <Badge tone="danger">{problem}</Badge>}
    </span>
  )
}
