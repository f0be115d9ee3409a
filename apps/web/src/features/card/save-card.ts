/** Saving what a card element gave: a token of the processor, never a card's data (R10.3). */
import type { PaymentMethod } from "@credits/contracts/http"
import { useMutation } from "@tanstack/react-query"
import { useRef } from "react"
import { call, newKey } from "../../api/client.ts"
import { paymentMethodQuery, queryClient } from "../../api/queries.ts"

export const useSaveCard = (onSaved: (card: PaymentMethod) => void) => {
  const key = useRef(newKey())
  return useMutation({
    mutationFn: (setupToken: string) =>
      call<PaymentMethod>("POST", "/api/v1/payment-method", { body: { setupToken }, idempotencyKey: key.current }),
    onSuccess: async (card) => {
      queryClient.setQueryData(paymentMethodQuery.queryKey, card)
      onSaved(card)
      // A new card may have begun a payment that was owed (R5.4) or woken auto top-up (R9.4).
      await Promise.all(["subscription", "wallet"].map((name) => queryClient.invalidateQueries({ queryKey: [name] })))
    },
    // Another token is another request.
    onSettled: () => {
      key.current = newKey()
    },
  })
}
