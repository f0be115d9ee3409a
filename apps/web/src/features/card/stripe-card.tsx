/** The card form of production: the processor's own element in its own frame. What it returns is a token. */
import { useMutation } from "@tanstack/react-query"
import { type FormEvent, useCallback, useEffect, useRef, useState } from "react"
import { Button } from "../../ui/button.tsx"
import { Failed, Skeleton } from "../../ui/waiting.tsx"
import { RefusalNotice } from "../shell/refusal-notice.tsx"
import type { CaptureProperties } from "./card-capture.tsx"
import { useSaveCard } from "./save-card.ts"
import { beginSetup, type Stripe, type StripeElement, type StripeElements } from "./stripe.ts"

interface Mounted {
  readonly stripe: Stripe
  readonly elements: StripeElements
}

const themeNow = () => (document.documentElement.dataset["theme"] === "dark" ? "night" : "stripe")

/** The element in `place`, until the form goes away. */
const useElement = () => {
  const place = useRef<HTMLDivElement>(null)
  const [mounted, setMounted] = useState<Mounted | null>(null)
  const [problem, setProblem] = useState<unknown>(null)
  useEffect(() => {
    let element: StripeElement | undefined
    let isGone = false
    const mount = async () => {
      const { stripe, clientSecret } = await beginSetup()
      if (isGone || place.current === null) return
      const elements = stripe.elements({ clientSecret, appearance: { theme: themeNow() } })
      element = elements.create("payment", { layout: "tabs", wallets: { applePay: "never", googlePay: "never" } })
      element.on("ready", () => setMounted({ stripe, elements }))
      element.on("loaderror", () => setProblem(new Error("The card form did not load.")))
      element.mount(place.current)
    }
    mount().catch(setProblem)
    return () => {
      isGone = true
      setMounted(null)
      element?.destroy()
    }
  }, [])
  return { place, mounted, problem }
}

interface FormProperties extends CaptureProperties {
  readonly problemBefore: unknown
  /** With a new secret: one saves one card. */
  readonly onRestart: (problem: unknown) => void
}

const StripeForm = ({ onSaved, onCancel, label = "Save this card", problemBefore, onRestart }: FormProperties) => {
  const { place, mounted, problem } = useElement()
  const save = useSaveCard(onSaved)
  const confirm = useMutation({
    mutationFn: async ({ stripe, elements }: Mounted) => {
      const confirmParams = { return_url: location.href }
      const { error, setupIntent } = await stripe.confirmSetup({ elements, confirmParams, redirect: "if_required" })
      const method = setupIntent?.payment_method ?? null
      if (error !== undefined || method === null) {
        throw new Error(error?.message ?? "The card could not be saved. Check its details, or use another card.")
      }
      await save.mutateAsync(typeof method === "string" ? method : method.id)
    },
  })
  useEffect(() => {
    if (save.isError) onRestart(save.error)
  }, [save.isError, save.error, onRestart])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (mounted !== null && !confirm.isPending) confirm.mutate(mounted)
  }
  if (problem !== null) {
    return <Failed what="The card form" error={problem} onRetry={() => onRestart(null)} />
  }
  const said = confirm.error ?? (confirm.isIdle ? problemBefore : null)
  return (
    <form onSubmit={submit} className="grid gap-4">
      {mounted === null ? <Skeleton className="h-40" /> : null}
      <div ref={place} />
      {said === null ? null : <RefusalNotice error={said} />}
      <div className="flex flex-wrap gap-2">
        <Button type="submit" voice="plain" disabled={mounted === null} isBusy={confirm.isPending}>
          {label}
        </Button>
        {onCancel === undefined ? null : (
          <Button voice="quiet" onClick={onCancel}>
            Keep the card as it is
          </Button>
        )}
      </div>
    </form>
  )
}

export const StripeCard = (properties: CaptureProperties) => {
  const [{ attempt, problem }, setState] = useState<{ attempt: number; problem: unknown }>({
    attempt: 0,
    problem: null,
  })
  const restart = useCallback(
    (next: unknown) => setState((before) => ({ attempt: before.attempt + 1, problem: next })),
    [],
  )
  return <StripeForm key={attempt} {...properties} problemBefore={problem} onRestart={restart} />
}
