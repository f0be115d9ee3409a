/** Charges in words. Pure. */
import type { Charge } from "@credits/contracts/http"
import type { Tone } from "../../ui/notice.tsx"

const STATES: Readonly<Record<Charge["status"], readonly [string, Tone | "plain"]>> = {
  processing: ["Being charged", "info"],
  being_confirmed: ["Being confirmed", "info"],
  action_required: ["Waits for you", "warn"],
  succeeded: ["Paid", "good"],
  declined: ["Declined, not charged", "plain"],
  not_executed: ["Not charged", "plain"],
  canceled: ["Canceled, not charged", "plain"],
}

export const stateOf = (charge: Charge): readonly [string, Tone | "plain"] => {
  if (charge.disputed) return ["Disputed", "warn"]
  return charge.refunded ? ["Refunded", "info"] : STATES[charge.status]
}
