/** Turning auto top-up on, or changing its cap: one amount and the consent, nothing else (R9.1). */
import { CONSENT } from "@credits/contracts/consent"
import type { AutoTopUp } from "@credits/contracts/http"
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { ApiProblem, call, newKey, textOf } from "../../api/client.ts"
import { price } from "../../format/money.ts"
import { Button } from "../../ui/button.tsx"
import { Dialog } from "../../ui/dialog.tsx"
import { TextField } from "../../ui/field.tsx"
import { RefusalNotice } from "../shell/refusal-notice.tsx"

interface Properties {
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly topUp: AutoTopUp
}

const Policy = ({ topUp }: { readonly topUp: AutoTopUp }) =>
  topUp.amountUsd === null || topUp.thresholdUsd === null ? null : (
    <p className="text-sm text-soft">
      Your plan tops up {price(topUp.amountUsd)} whenever the balance is below {price(topUp.thresholdUsd)}; the last one
      of a month is cut to what the cap leaves, if that is at least $5. The month is the calendar month in UTC.
    </p>
  )

const Form = ({ topUp, onClose }: Omit<Properties, "isOpen">) => {
  const client = useQueryClient()
  const [cap, setCap] = useState(topUp.monthlyCapUsd?.replace(/\.00$/, "") ?? "")
  const [agrees, setAgrees] = useState(false)
  const [key, setKey] = useState(newKey)
  const save = useMutation({
    mutationFn: () =>
      call<AutoTopUp>("PUT", "/api/v1/wallet/auto-top-up", {
        body: { monthlyCapUsd: cap.trim().replace(/^\$/, ""), consent: true },
        idempotencyKey: key,
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["wallet"] })
      onClose()
    },
    onError: () => setKey(newKey()),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate()
  }
  const needsSignIn = save.error instanceof ApiProblem && save.error.code === "step_up_required"
  return (
    <form onSubmit={submit} className="grid gap-4">
      <TextField
        label="Most that may be charged in a calendar month, in USD"
        inputMode="decimal"
        required
        autoComplete="off"
        placeholder="50"
        value={cap}
        onChange={({ target }) => setCap(target.value)}
        hint="From 5 to 10,000. It is never exceeded, whatever happens."
        error={save.error === null || needsSignIn ? undefined : textOf(save.error)}
      />
      <Policy topUp={topUp} />
      <label className="flex items-start gap-3 text-sm">
        <input
          type="checkbox"
          required
          className="mt-0.5 size-5 shrink-0 accent-credit"
          checked={agrees}
          onChange={({ target }) => setAgrees(target.checked)}
        />
        {CONSENT.text}
      </label>
      {needsSignIn ? <RefusalNotice error={save.error} /> : null}
      <div className="flex flex-wrap justify-end gap-3">
        <Button voice="plain" onClick={onClose}>
          Leave it
        </Button>
        <Button type="submit" isBusy={save.isPending} disabled={!agrees || cap.trim() === ""}>
          {topUp.enabled ? "Save the cap" : "Turn on"}
        </Button>
      </div>
    </form>
  )
}

export const CapDialog = ({ isOpen, onClose, topUp }: Properties) => (
  <Dialog
    isOpen={isOpen}
    onClose={onClose}
    title={topUp.enabled ? "Change the monthly cap" : "Turn on auto top-up"}
    description="You set the cap, and nothing else: when and how much follows your plan."
  >
    <Form topUp={topUp} onClose={onClose} />
  </Dialog>
)
