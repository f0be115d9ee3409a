/** Past due: tries the saved card again at once (R5.4). */
import { textOf } from "../../api/client.ts"
import { Button } from "../../ui/button.tsx"
import { useChange } from "./change.ts"

export const PayNow = () => {
  const pay = useChange("pay")
  return (
    <div className="grid justify-items-end gap-1">
      <Button isBusy={pay.isPending} onClick={() => pay.mutate()}>
        Pay now
      </Button>
      {pay.error === null ? null : <p role="alert">{textOf(pay.error)}</p>}
    </div>
  )
}
