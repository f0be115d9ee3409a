/** The saved card: which one, whether it works, replacing and removing it. */
import type { PaymentMethod } from "@credits/contracts/http"
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { useState } from "react"
import { call } from "../../api/client.ts"
import { paymentMethodQuery } from "../../api/queries.ts"
import { RefusalNotice } from "../shell/refusal-notice.tsx"
import { Button } from "../../ui/button.tsx"
import { Card } from "../../ui/card.tsx"
import { Dialog } from "../../ui/dialog.tsx"
import { Badge } from "../../ui/notice.tsx"
import { Failed, Skeleton } from "../../ui/waiting.tsx"
import { CardCapture } from "./card-capture.tsx"

const STATES: Readonly<Record<PaymentMethod["status"], string | null>> = {
  usable: null,
  blocked: "Its bank said that it must not be charged again. Save another card.",
  expired: "It has expired. Save another card.",
}

const brandName = (brand: string): string => brand.charAt(0).toUpperCase() + brand.slice(1)
const two = (value: number): string => String(value).padStart(2, "0")

const Saved = ({ card }: { readonly card: PaymentMethod }) => (
  <>
    <p className="flex flex-wrap items-center justify-between gap-2">
      <span className="tabular-nums">
        {brandName(card.brand)} ending in {card.last4}
      </span>
      <span className="text-sm text-soft tabular-nums">
        expires {two(card.expMonth)}/{card.expYear}
      </span>
    </p>
    {STATES[card.status] === null ? null : (
      <div className="mt-2">
        <Badge tone="danger">{card.status}</Badge>
        <p className="mt-1 text-sm">{STATES[card.status]}</p>
      </div>
    )}
  </>
)

const Remove = ({ onClose }: { readonly onClose: () => void }) => {
  const client = useQueryClient()
  const remove = useMutation({
    mutationFn: () => call("DELETE", "/api/v1/payment-method"),
    onSuccess: async () => {
      await client.invalidateQueries()
      onClose()
    },
  })
  return (
    <div className="grid gap-5">
      <p className="text-sm">
        Without a card the next renewal cannot be paid: the plan would end seven days after it. Auto top-up stops too.
      </p>
      {remove.error === null ? null : <RefusalNotice error={remove.error} />}
      <div className="flex flex-wrap justify-end gap-3">
        <Button voice="plain" onClick={onClose}>
          Keep the card
        </Button>
        <Button voice="danger" isBusy={remove.isPending} onClick={() => remove.mutate()}>
          Remove the card
        </Button>
      </div>
    </div>
  )
}

export const PaymentMethodCard = () => {
  const client = useQueryClient()
  const { data: card, error, refetch } = useQuery(paymentMethodQuery)
  const [dialog, setDialog] = useState<"save" | "remove" | null>(null)
  const close = () => setDialog(null)
  return (
    <Card title="Payment method" id="payment-method">
      {error === null ? null : <Failed what="The card" error={error} onRetry={() => void refetch()} />}
      {card === undefined && error === null ? <Skeleton className="h-12" /> : null}
      {card === null ? <p className="text-soft">No card is saved.</p> : null}
      {card === undefined || card === null ? null : <Saved card={card} />}
      {card === undefined ? null : (
        <div className="mt-4 flex flex-wrap gap-2">
          <Button voice="plain" onClick={() => setDialog("save")}>
            {card === null ? "Add a card" : "Change card"}
          </Button>
          {card === null ? null : (
            <Button voice="quiet" onClick={() => setDialog("remove")}>
              Remove
            </Button>
          )}
        </div>
      )}
      <Dialog
        isOpen={dialog === "save"}
        onClose={close}
        title={card === null ? "Add a card" : "Change card"}
        description="The card processor keeps the number; we keep its last four digits."
      >
        <CardCapture
          label="Save this card"
          onSaved={() => {
            close()
            void client.invalidateQueries()
          }}
        />
      </Dialog>
      <Dialog isOpen={dialog === "remove"} onClose={close} title="Remove the card?">
        <Remove onClose={close} />
      </Dialog>
    </Card>
  )
}
