/** Cancelling, with what will happen when, before it is done (R5.1, R5.4, R1.5). */
import type { Subscription, Wallet } from "@credits/contracts/http"
import { headline, nanoOf } from "../../format/money.ts"
import { formatUsd } from "@credits/kernel"
import { RefusalNotice } from "../shell/refusal-notice.tsx"
import { Button } from "../../ui/button.tsx"
import { Dialog } from "../../ui/dialog.tsx"
import { Instant } from "../../ui/instant.tsx"
import { useChange } from "./change.ts"

interface Properties {
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly planName: string
  readonly subscription: Subscription
  readonly wallet: Wallet
}

/** What would be kept but not usable on Free. */
const frozenAfter = (wallet: Wallet): string =>
  formatUsd(wallet.lots.filter((lot) => lot.kind === "topup").reduce((sum, lot) => sum + nanoOf(lot.remainingUsd), 0n))

const Consequences = ({ subscription, wallet, planName }: Omit<Properties, "isOpen" | "onClose">) => {
  const end = subscription.currentPeriodEnd
  const frozen = frozenAfter(wallet)
  const isPastDue = subscription.status === "past_due"
  return (
    <ul className="grid list-disc gap-2 pl-5 text-sm">
      {isPastDue || end === null ? (
        <li>{planName} ends now, and the failed payment is not tried again.</li>
      ) : (
        <>
          <li>
            {planName} and its credits stay until <Instant at={end} form="minute" />. It is paid until then.
          </li>
          <li>Nothing is charged for the plan any more. What is paid is not refunded.</li>
        </>
      )}
      <li>After that the account is Free: hosted models stop, your own provider keys (BYOK) go on working.</li>
      {wallet.autoTopUp?.enabled === true ? <li>Auto top-up pauses now and charges nothing.</li> : null}
      {nanoOf(frozen) > 0n ? (
        <li>
          What is left of your top-up credits ({headline(frozen)} today) is frozen on Free, and yours again with a new
          plan.
        </li>
      ) : null}
      {isPastDue ? null : <li>Until the end you can resume at any time, as if nothing had happened.</li>}
    </ul>
  )
}

export const CancelDialog = ({ isOpen, onClose, ...about }: Properties) => {
  const cancel = useChange("cancel", onClose)
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title={`Cancel ${about.planName}?`}>
      <div className="grid gap-5">
        <Consequences {...about} />
        {cancel.error === null ? null : <RefusalNotice error={cancel.error} />}
        <div className="flex flex-wrap justify-end gap-3">
          <Button voice="plain" onClick={onClose}>
            Keep {about.planName}
          </Button>
          <Button voice="danger" isBusy={cancel.isPending} onClick={() => cancel.mutate()}>
            Cancel {about.planName}
          </Button>
        </div>
      </div>
    </Dialog>
  )
}
