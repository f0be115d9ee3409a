/** The recurring terms, said in full and agreed to by hand: never ticked beforehand. */
import type { Quote } from "@credits/contracts/http"
import { useId } from "react"
import { localText } from "../../format/instant.ts"
import { headline } from "../../format/money.ts"
import { Instant } from "../../ui/instant.tsx"

interface Properties {
  readonly quote: Quote
  readonly planName: string
  readonly isGiven: boolean
  readonly isLocked: boolean
  readonly onChange: (isGiven: boolean) => void
}

/** What is agreed to: other terms need another yes. */
export const termsOf = ({ plan, interval, dueTodayUsd, nextChargeUsd, nextChargeAt }: Quote): string =>
  [plan, interval, dueTodayUsd, nextChargeUsd, localText(nextChargeAt, "day")].join("|")

export const Consent = ({ quote, planName, isGiven, isLocked, onChange }: Properties) => {
  const id = useId()
  return (
    <div className="flex items-start gap-3 rounded-xl bg-raised p-3 text-sm">
      <input
        id={id}
        type="checkbox"
        checked={isGiven}
        disabled={isLocked}
        onChange={(event) => onChange(event.target.checked)}
        className="mt-0.5 size-6 shrink-0 accent-credit"
      />
      <label htmlFor={id} className="cursor-pointer text-pretty">
        I agree that {planName} renews at {headline(quote.nextChargeUsd)} every{" "}
        {quote.interval === "yearly" ? "year" : "month"} from <Instant at={quote.nextChargeAt} /> until I cancel. I can
        cancel at any time in the wallet and keep what is paid for; payments are not refunded.
      </label>
    </div>
  )
}
