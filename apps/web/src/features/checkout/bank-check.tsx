/**
 * "Your bank asks you to confirm" (R10.2): the processor's own dialog in production; in the sandbox two buttons play
 * the bank. How it ended is never taken from here, only from the subscription.
 */
import { useMutation, useQuery } from "@tanstack/react-query"
import { call, textOf } from "../../api/client.ts"
import { queryClient, siteQuery, subscriptionQuery } from "../../api/queries.ts"
import { Button } from "../../ui/button.tsx"

interface Properties {
  readonly chargeId: string | null
  readonly clientSecret: string | null
}

type BankAnswer = "succeeded" | "failed"

const askBank = async (isSandbox: boolean, { chargeId, clientSecret }: Properties, outcome: BankAnswer) => {
  if (isSandbox) {
    if (chargeId !== null) await call("POST", `/__sandbox/authenticate/${chargeId}`, { body: { outcome } })
    return
  }
  const { passBankCheck } = await import("../card/stripe.ts")
  const problem = clientSecret === null ? null : await passBankCheck(clientSecret)
  if (problem !== null) throw new Error(problem)
}

export const BankCheck = (properties: Properties) => {
  const { data: site } = useQuery(siteQuery)
  const isSandbox = site?.cardForm === "sandbox"
  const check = useMutation({
    mutationFn: (outcome: BankAnswer) => askBank(isSandbox, properties, outcome),
    onSettled: () => queryClient.invalidateQueries({ queryKey: subscriptionQuery.queryKey }),
  })
  const button = (outcome: BankAnswer, label: string, voice: "main" | "plain") => (
    <Button
      voice={voice}
      isBusy={check.isPending && check.variables === outcome}
      disabled={check.isPending || check.isSuccess}
      onClick={() => check.mutate(outcome)}
    >
      {label}
    </Button>
  )
  return (
    <div className="grid gap-3">
      <div className="flex flex-wrap gap-2">
        {isSandbox ? button("succeeded", "Confirm at the test bank", "main") : null}
        {isSandbox ? button("failed", "Refuse at the test bank", "plain") : null}
        {site?.cardForm === "stripe" ? button("succeeded", "Continue at your bank", "main") : null}
      </div>
      {check.isError ? (
        <p role="alert" className="text-sm text-danger">
          {textOf(check.error)}
        </p>
      ) : null}
    </div>
  )
}
