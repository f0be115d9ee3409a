/**
 * One purchase, from its quote to its end. Owns the calls, the key that makes a repeat the same purchase, and when a
 * quote is renewed; what it all means is `phase.ts`.
 */
import type { BeingConfirmed, Charge, Quote, Subscription } from "@credits/contracts/http"
import { queryOptions, useIsMutating, useMutation, useQuery } from "@tanstack/react-query"
import { useCallback, useEffect, useEffectEvent, useRef, useState } from "react"
import { ApiProblem, call, newKey, textOf } from "../../api/client.ts"
import { queryClient, subscriptionQuery } from "../../api/queries.ts"
import {
  endOf,
  hasBought,
  isDecided,
  type Outcome,
  outcomeOfAnswer,
  outcomeOfRefusal,
  type Phase,
  phaseOf,
  type Refusal,
  type Wanted,
} from "./phase.ts"

/** While a payment is undecided the subscription is also asked for, should the event stream be down. */
const AWAIT_MS = 2_000
const CONFIRM_KEY = ["confirm"]

/** A purchase is being sent, also one whose dialog was closed meanwhile. */
export const useIsPaying = (): boolean => useIsMutating({ mutationKey: CONFIRM_KEY }) > 0

const quoteQuery = ({ plan, interval }: Wanted) =>
  queryOptions({
    queryKey: ["quote", plan, interval],
    queryFn: ({ signal }) =>
      call<Quote>("POST", "/api/v1/subscription/quote", { body: { plan, interval }, idempotencyKey: newKey(), signal }),
    // A quote is made for one opened dialog and renewed by it alone.
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  })

const refusalOf = (error: unknown): Refusal =>
  error instanceof ApiProblem ? error : { code: "unexpected", message: textOf(error), isTransient: false, extras: {} }

/** Why the quote on the screen is not the one that was there before. */
export type Renewed = "expired" | "stale"

export interface Checkout {
  readonly phase: Phase
  readonly outcome: Outcome | null
  readonly renewed: Renewed | null
  readonly isRenewing: boolean
  /** Of the quote, by this machine's clock. */
  readonly quoteEndsAt: number | null
  readonly pay: () => void
  readonly askAgain: () => void
}

const readAgain = () =>
  Promise.all(
    ["subscription", "wallet", "charges", "payment-method"].map((name) =>
      queryClient.invalidateQueries({ queryKey: [name] }),
    ),
  )

/** How the charge ended, in the words of the account's own history. */
const lookUp = async (chargeId: string): Promise<Charge | undefined> => {
  const { items } = await call<{ readonly items: ReadonlyArray<Charge> }>("GET", "/api/v1/billing/history?limit=10")
  return items.find((charge) => charge.chargeId === chargeId)
}

/** Remembers a payment that was seen undecided, and tells when it is decided. */
const useAwaited = (subscription: Subscription | undefined, onEnd: (chargeId: string | null) => void) => {
  const pending = subscription?.pendingPayment ?? null
  const awaited = useRef<{ readonly chargeId: string | null } | null>(null)
  const [isAwaited, setAwaited] = useState(false)
  if (pending !== null && !isAwaited) setAwaited(true)
  const ended = useEffectEvent(onEnd)
  useEffect(() => {
    if (pending !== null) awaited.current = { chargeId: pending.chargeId }
    else if (awaited.current !== null) {
      const { chargeId } = awaited.current
      awaited.current = null
      ended(chargeId)
    }
  }, [pending])
  return isAwaited
}

/** The quote, and another one when it runs out. */
const useQuote = (wanted: Wanted, isHeld: boolean) => {
  const query = useQuery(quoteQuery(wanted))
  const [renewed, setRenewed] = useState<Renewed | null>(null)
  const { data: quote, refetch, dataUpdatedAt } = query
  // The business clock may be elsewhere; only how long the quote lives is taken from it.
  const lifeMs = quote === undefined ? null : Date.parse(quote.expiresAt) - Date.parse(quote.quotedAt)
  const endsAt = lifeMs === null ? null : dataUpdatedAt + lifeMs
  const renew = useCallback(
    async (why: Renewed | null) => {
      const found = await refetch()
      setRenewed(found.isSuccess ? why : null)
    },
    [refetch],
  )
  useEffect(() => {
    if (endsAt === null || isHeld) return
    const timer = setTimeout(() => void renew("expired"), Math.max(0, endsAt - Date.now()))
    return () => clearTimeout(timer)
  }, [endsAt, isHeld, renew])
  const known = query.isError ? refusalOf(query.error) : quote
  return { quote: known, isRenewing: query.isFetching && quote !== undefined, renewed, endsAt, renew }
}

/** A quote is refused because a payment is undecided that the subscription does not show: both are asked again. */
const useBlockedQuote = (isBlocked: boolean, renew: (why: Renewed | null) => Promise<void>) => {
  useEffect(() => {
    if (!isBlocked) return
    void queryClient.invalidateQueries({ queryKey: subscriptionQuery.queryKey })
    const timer = setInterval(() => void renew(null), AWAIT_MS)
    return () => clearInterval(timer)
  }, [isBlocked, renew])
}

const useConfirm = () =>
  useMutation({
    mutationKey: CONFIRM_KEY,
    mutationFn: ({ quoteId, key }: { readonly quoteId: string; readonly key: string }) =>
      call<Subscription | BeingConfirmed>("POST", "/api/v1/subscription/confirm", {
        body: { quoteId },
        idempotencyKey: key,
      }),
    onSuccess: (answer) => {
      if (!("code" in answer)) queryClient.setQueryData(subscriptionQuery.queryKey, answer)
    },
  })

export const useCheckout = (wanted: Wanted): Checkout => {
  const [outcome, setOutcome] = useState<Outcome | null>(null)
  const isUndecided = outcome?.kind === "undecided"
  const { data: subscription } = useQuery({
    ...subscriptionQuery,
    refetchInterval: ({ state }) => (isUndecided || (state.data?.pendingPayment ?? null) !== null ? AWAIT_MS : false),
  })
  const isPending = (subscription?.pendingPayment ?? null) !== null
  const attempt = useRef<{ readonly quoteId: string; readonly key: string } | null>(null)
  const isSending = useRef(false)
  const confirm = useConfirm()
  const isHeld = confirm.isPending || isUndecided || isPending || hasBought(wanted, subscription)
  const { quote, isRenewing, renewed, endsAt, renew } = useQuote(wanted, isHeld)
  const isBlocked = quote !== undefined && "code" in quote && quote.code === "payment_being_confirmed"
  useBlockedQuote(isBlocked && !isPending, renew)

  const { plan, interval } = wanted
  const end = useCallback(
    async (chargeId: string | null) => {
      const charge = chargeId === null ? undefined : await lookUp(chargeId).catch(() => undefined)
      await readAgain()
      attempt.current = null
      setOutcome(endOf(charge))
      const now = queryClient.getQueryData(subscriptionQuery.queryKey)
      if (!hasBought({ plan, interval }, now)) await renew(null)
    },
    [plan, interval, renew],
  )
  const isAwaited = useAwaited(subscription, (chargeId) => void end(chargeId))

  const take = async (next: Outcome) => {
    if (isDecided(next)) attempt.current = null
    setOutcome(next)
    await readAgain()
    if (next.kind === "requote") await renew(next.why)
    const now = queryClient.getQueryData(subscriptionQuery.queryKey)
    // Decided between the answer and the look: nobody will tell of it any more.
    if (next.kind === "undecided" && now !== undefined && now.pendingPayment === null) await end(next.chargeId)
  }
  const pay = () => {
    if (isSending.current || isRenewing || quote === undefined || "code" in quote) return
    isSending.current = true
    if (attempt.current?.quoteId !== quote.quoteId) attempt.current = { quoteId: quote.quoteId, key: newKey() }
    setOutcome(null)
    void confirm
      .mutateAsync(attempt.current)
      .then(outcomeOfAnswer, (error: unknown) => outcomeOfRefusal(refusalOf(error)))
      .then(take)
      .finally(() => {
        isSending.current = false
      })
  }
  return {
    phase: phaseOf({ wanted, subscription, quote, isPaying: confirm.isPending, outcome, isAwaited }),
    outcome,
    renewed,
    isRenewing,
    quoteEndsAt: endsAt,
    pay,
    askAgain: () => void renew(null),
  }
}
