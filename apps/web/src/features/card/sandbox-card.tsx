/** The card form of development: a choice of test cards, each with what its bank will do. */
import { type FormEvent, useState } from "react"
import { Button } from "../../ui/button.tsx"
import { Choice } from "../../ui/choice.tsx"
import { RefusalNotice } from "../shell/refusal-notice.tsx"
import type { CaptureProperties } from "./card-capture.tsx"
import { useSaveCard } from "./save-card.ts"

/** Set-up tokens of the sandbox processor (contract section 5). */
const TEST_CARDS = [
  { token: "tok_ok", label: "Works", hint: "Every payment succeeds" },
  { token: "tok_insufficient_funds", label: "Too little money", hint: "Declined; may work later" },
  { token: "tok_stolen", label: "Reported stolen", hint: "Declined for good" },
  { token: "tok_authentication_required", label: "Asks for confirmation", hint: "The bank wants to hear from you" },
  { token: "tok_ok_then_decline", label: "Works once", hint: "Later payments are declined" },
  { token: "tok_timeout_then_ok", label: "Answer gets lost", hint: "Charged, but the answer is lost once" },
  { token: "tok_slow", label: "Slow", hint: "Takes two seconds" },
] as const

export const SandboxCard = ({ onSaved, onCancel, label = "Use this card" }: CaptureProperties) => {
  const [token, setToken] = useState<string>(TEST_CARDS[0].token)
  const save = useSaveCard(onSaved)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!save.isPending) save.mutate(token)
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <fieldset className="grid gap-2">
        <legend className="mb-2 text-sm font-medium">Choose a test card</legend>
        <div className="grid gap-2 sm:grid-cols-2">
          {TEST_CARDS.map((card) => (
            <Choice
              key={card.token}
              name="test-card"
              value={card.token}
              label={card.label}
              hint={card.hint}
              isChosen={token === card.token}
              onChoose={() => setToken(card.token)}
            />
          ))}
        </div>
      </fieldset>
      {save.isError ? <RefusalNotice error={save.error} /> : null}
      <div className="flex flex-wrap gap-2">
        <Button type="submit" voice="plain" isBusy={save.isPending}>
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
