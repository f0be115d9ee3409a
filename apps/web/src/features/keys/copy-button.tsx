/** Copies a text, and says that it did. */
import { useState } from "react"
import { Button } from "../../ui/button.tsx"

export const CopyButton = ({ text, label }: { readonly text: string; readonly label: string }) => {
  const [state, setState] = useState<"idle" | "copied" | "refused">("idle")
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setState("copied"),
      () => setState("refused"),
    )
  return (
    <div className="flex items-center gap-3">
      <Button voice="plain" onClick={() => void copy()}>
        {label}
      </Button>
      <span role="status" className="text-sm text-soft">
        {state === "copied" ? "Copied." : state === "refused" ? "Your browser did not allow it: select and copy." : ""}
      </span>
    </div>
  )
}
