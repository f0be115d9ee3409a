/** Undoes a cancel before its end (R5.1). */
import { textOf } from "../../api/client.ts"
import { Button } from "../../ui/button.tsx"
import { useChange } from "./change.ts"

export const Resume = () => {
  const resume = useChange("resume")
  return (
    <div className="grid justify-items-end gap-1">
      <Button voice="plain" isBusy={resume.isPending} onClick={() => resume.mutate()}>
        Resume
      </Button>
      {resume.error === null ? null : <p role="alert">{textOf(resume.error)}</p>}
    </div>
  )
}
