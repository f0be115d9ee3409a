/** Reporting a charge: opens a billing case that support sees with its evidence (R5.2). */
import type { Charge } from "@credits/contracts/http"
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useId, useState } from "react"
import { call, newKey } from "../../api/client.ts"
import { headline } from "../../format/money.ts"
import { RefusalNotice } from "../shell/refusal-notice.tsx"
import { Button } from "../../ui/button.tsx"
import { Dialog } from "../../ui/dialog.tsx"

const REASON_MAX = 2_000

const Form = ({ charge, onClose }: { readonly charge: Charge; readonly onClose: () => void }) => {
  const client = useQueryClient()
  const id = useId()
  const [reason, setReason] = useState("")
  const [key, setKey] = useState(newKey)
  const open = useMutation({
    mutationFn: () =>
      call("POST", "/api/v1/billing/reviews", {
        body: { chargeId: charge.chargeId, reason: reason.trim() },
        idempotencyKey: key,
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["reviews"] })
      onClose()
    },
    onError: () => setKey(newKey()),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    open.mutate()
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <div className="grid gap-1.5">
        <label htmlFor={id} className="text-sm font-medium">
          What is wrong with it?
        </label>
        <textarea
          id={id}
          required
          rows={4}
          maxLength={REASON_MAX}
          value={reason}
          onChange={({ target }) => setReason(target.value)}
          placeholder="For example: charged twice, or not ordered by me"
          className="w-full rounded-xl border border-strong bg-surface px-3 py-2 placeholder:text-soft"
        />
      </div>
      {open.error === null ? null : <RefusalNotice error={open.error} />}
      <div className="flex flex-wrap justify-end gap-3">
        <Button voice="plain" onClick={onClose}>
          Close
        </Button>
        <Button type="submit" isBusy={open.isPending} disabled={reason.trim() === ""}>
          Report
        </Button>
      </div>
    </form>
  )
}

interface Properties {
  /** Null: closed. */
  readonly charge: Charge | null
  readonly onClose: () => void
}

export const ReportDialog = ({ charge, onClose }: Properties) => (
  <Dialog
    isOpen={charge !== null}
    onClose={onClose}
    title="Report a problem"
    description={
      charge === null
        ? undefined
        : `${charge.description}, ${headline(charge.amountUsd)}. Support answers in this page.`
    }
  >
    {charge === null ? null : <Form charge={charge} onClose={onClose} />}
  </Dialog>
)
