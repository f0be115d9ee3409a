/**
 * A payment that is not decided, wherever it is met: in checkout, above the plans, in the wallet. It asks for
 * nothing but the bank's own check, and never to try again (R10.2).
 */
import type { Subscription } from "@credits/contracts/http"
import { headline } from "../../format/money.ts"
import { Spinner } from "../../ui/button.tsx"
import { Instant } from "../../ui/instant.tsx"
import { BankCheck } from "./bank-check.tsx"

interface Properties {
  /** Null: it is known that there is one, and nothing more yet. */
  readonly payment: Subscription["pendingPayment"]
}

export const PaymentProgress = ({ payment }: Properties) => {
  if (payment?.status === "action_required") {
    return (
      <div role="status" className="grid gap-4 rounded-xl bg-warn-soft p-4 text-sm">
        <div className="text-warn">
          <p className="text-base font-semibold">Your bank asks you to confirm {headline(payment.amountUsd)}</p>
          <p>
            Nothing is charged until you do. Unconfirmed, the payment ends by itself within the hour, and you can choose
            again.
          </p>
        </div>
        <BankCheck chargeId={payment.chargeId} clientSecret={payment.clientSecret} />
      </div>
    )
  }
  return (
    <div role="status" className="flex gap-4 rounded-xl bg-info-soft p-4 text-sm text-info">
      <span className="mt-1">
        <Spinner />
      </span>
      <div>
        <p className="text-base font-semibold">
          {payment === null ? "The payment is" : <>{headline(payment.amountUsd)} is</>} being confirmed by the bank
        </p>
        <p>
          There is nothing more to do. You are charged at most once, and this page shows the result by itself; you may
          also leave it.
        </p>
        {payment === null ? null : (
          <p className="mt-1">
            Since <Instant at={payment.since} form="minute" />
          </p>
        )}
      </div>
    </div>
  )
}
