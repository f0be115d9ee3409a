/** Changes of a subscription that take no choice: cancel, resume, pay. One key each, so that a repeat is the same. */
import type { Subscription } from "@credits/contracts/http"
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { useState } from "react"
import { ApiProblem, call, newKey } from "../../api/client.ts"

export const useChange = (verb: "cancel" | "resume" | "pay", onDone?: () => void) => {
  const client = useQueryClient()
  const [key, setKey] = useState(newKey)
  return useMutation({
    mutationFn: () =>
      call<Subscription | { readonly code: string }>("POST", `/api/v1/subscription/${verb}`, {
        body: {},
        idempotencyKey: key,
      }),
    onSuccess: async (answer) => {
      if ("plan" in answer) client.setQueryData(["subscription"], answer)
      onDone?.()
      await client.invalidateQueries()
    },
    onSettled: async (_answer, error) => {
      // An answer is kept for ever under its key: the next wish is another request.
      if (!(error instanceof ApiProblem) || !error.isTransient) setKey(newKey())
      await client.invalidateQueries({ queryKey: ["subscription"] })
    },
  })
}
