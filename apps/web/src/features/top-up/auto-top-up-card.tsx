/** Auto top-up: what it is set to, what this month has used of the cap, its state in words, and changing it (R9). */
import type { AutoTopUp, Subscription } from "@credits/contracts/http"
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { useState } from "react"
import { call } from "../../api/client.ts"
import { paymentMethodQuery } from "../../api/queries.ts"
import { headline, nanoOf, price } from "../../format/money.ts"
import { RefusalNotice } from "../shell/refusal-notice.tsx"
import { Button } from "../../ui/button.tsx"
import { Card } from "../../ui/card.tsx"
import { Instant } from "../../ui/instant.tsx"
import { Meter } from "../../ui/meter.tsx"
import { Badge, Notice } from "../../ui/notice.tsx"
import { CapDialog } from "./cap-dialog.tsx"
import { wordsOf } from "./words.ts"

const Month = ({ topUp }: { readonly topUp: AutoTopUp }) => {
  if (topUp.monthlyCapUsd === null) return null
  return (
    <div className="mt-4 grid gap-1.5">
      <p className="text-sm">
        <strong className="tabular-nums">{headline(topUp.spentThisMonthUsd)}</strong> of{" "}
        <span className="tabular-nums">{price(topUp.monthlyCapUsd)}</span> charged in {topUp.monthKey} (UTC)
        {nanoOf(topUp.pendingUsd) > 0n ? <>, {headline(topUp.pendingUsd)} pending</> : null}
      </p>
      <Meter
        part={nanoOf(topUp.spentThisMonthUsd)}
        second={nanoOf(topUp.pendingUsd)}
        whole={nanoOf(topUp.monthlyCapUsd)}
        label="Of the monthly cap charged"
      />
      {topUp.consentedAt === null ? null : (
        <p className="text-sm text-soft">
          You allowed this on <Instant at={topUp.consentedAt} form="minute" />.
        </p>
      )}
    </div>
  )
}

interface Properties {
  /** Null: auto top-up does not answer right now. */
  readonly topUp: AutoTopUp | null
  readonly subscription: Subscription
}

const Controls = ({ topUp, subscription }: { readonly topUp: AutoTopUp; readonly subscription: Subscription }) => {
  const client = useQueryClient()
  const { data: card } = useQuery(paymentMethodQuery)
  const [isOpen, setOpen] = useState(false)
  const turnOff = useMutation({
    mutationFn: () => call<AutoTopUp>("DELETE", "/api/v1/wallet/auto-top-up"),
    onSettled: () => client.invalidateQueries({ queryKey: ["wallet"] }),
  })
  const hasPlan = subscription.status !== "free"
  const why = hasPlan ? (card === null ? "It needs a saved card." : null) : "It needs a plan with hosted models."
  return (
    <div className="mt-4 grid gap-3">
      {turnOff.error === null ? null : <RefusalNotice error={turnOff.error} />}
      <div className="flex flex-wrap items-center gap-2">
        {topUp.enabled ? (
          <>
            <Button voice="plain" onClick={() => setOpen(true)}>
              Change the cap
            </Button>
            <Button voice="quiet" isBusy={turnOff.isPending} onClick={() => turnOff.mutate()}>
              Turn off
            </Button>
          </>
        ) : (
          <Button voice="plain" disabled={why !== null || card === undefined} onClick={() => setOpen(true)}>
            Turn on auto top-up
          </Button>
        )}
      </div>
      {!topUp.enabled && why !== null ? <p className="text-sm text-soft">{why}</p> : null}
      <CapDialog isOpen={isOpen} onClose={() => setOpen(false)} topUp={topUp} />
    </div>
  )
}

export const AutoTopUpCard = ({ topUp, subscription }: Properties) => {
  if (topUp === null) {
    return (
      <Card title="Auto top-up" id="auto-top-up">
        <Notice tone="warn">Auto top-up cannot be shown right now. Its cap holds all the same.</Notice>
      </Card>
    )
  }
  const { badge, tone, sentence } = wordsOf(topUp)
  return (
    <Card title="Auto top-up" id="auto-top-up" aside={<Badge tone={tone}>{badge}</Badge>}>
      <p className="text-sm text-pretty">{sentence}</p>
      <Month topUp={topUp} />
      <Controls topUp={topUp} subscription={subscription} />
    </Card>
  )
}
