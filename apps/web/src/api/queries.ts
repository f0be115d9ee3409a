/**
 * What the pages read, each with its key and its path. Live data (wallet, subscription, notifications) is kept fresh by
 * `live.ts`; the rest goes stale by itself.
 */
import type {
  Charge,
  ControlKey,
  Entry,
  PaymentMethod,
  Plans,
  Review,
  Subscription,
  UsageRow,
  Wallet,
} from "@credits/contracts/http"
import { infiniteQueryOptions, MutationCache, QueryCache, QueryClient, queryOptions } from "@tanstack/react-query"
import { ApiProblem, call } from "./client.ts"

/** Minutes a catalogue or price may be old: it changes a few times a year. */
const CATALOGUE_STALE_MS = 5 * 60_000

/** A session that ended is found by whatever is asked next: from then on the page is a visitor's. */
const forgetSession = (error: unknown): void => {
  if (error instanceof ApiProblem && error.status === 401) queryClient.setQueryData(sessionQuery.queryKey, null)
}

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: forgetSession }),
  mutationCache: new MutationCache({ onError: forgetSession }),
  // `call` repeats what is worth repeating.
  defaultOptions: { queries: { retry: false, refetchOnWindowFocus: true, staleTime: 10_000 } },
})

export interface Session {
  readonly user: { readonly id: string; readonly name: string | null; readonly email: string | null }
}

export interface Site {
  readonly mode: "development" | "sandbox" | "production"
  readonly signIn: "open" | "oidc" | "none"
  readonly cardForm: "sandbox" | "stripe"
  readonly supportUrl: string | null
}

const get =
  <A>(path: string) =>
  ({ signal }: { readonly signal: AbortSignal }): Promise<A> =>
    call<A>("GET", path, { signal })

/** `null` when signed out. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: get<Session | null>("/api/auth/get-session"),
  staleTime: 60_000,
})

export const siteQuery = queryOptions({
  queryKey: ["site"],
  queryFn: get<Site>("/api/v1/public/site"),
  staleTime: Infinity,
})

export const plansQuery = queryOptions({
  queryKey: ["plans"],
  queryFn: get<Plans>("/api/v1/plans"),
  staleTime: CATALOGUE_STALE_MS,
})

/** Events and answers overtake each other: what is shown never goes back. */
const neverBack =
  <A>(isOlder: (after: A, before: A) => boolean) =>
  (before: unknown, after: unknown): unknown =>
    before !== undefined && isOlder(after as A, before as A) ? before : after

export const walletQuery = queryOptions({
  queryKey: ["wallet"],
  queryFn: get<Wallet>("/api/v1/wallet"),
  structuralSharing: neverBack<Wallet>(
    (after, before) => after.accountId === before.accountId && after.seq < before.seq,
  ),
})

export const subscriptionQuery = queryOptions({
  queryKey: ["subscription"],
  queryFn: get<Subscription>("/api/v1/subscription"),
  structuralSharing: neverBack<Subscription>((after, before) => after.asOf < before.asOf),
})

/** `null`: no card is saved. */
export const paymentMethodQuery = queryOptions({
  queryKey: ["payment-method"],
  queryFn: async ({ signal }): Promise<PaymentMethod | null> => {
    try {
      return await call<PaymentMethod>("GET", "/api/v1/payment-method", { signal })
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 404) return null
      throw error
    }
  },
})

/** Usage by model and UTC day since `from`, an instant. */
export const usageQuery = (from: string) =>
  queryOptions({
    queryKey: ["usage", from],
    queryFn: get<{ readonly items: ReadonlyArray<UsageRow> }>(
      `/api/v1/wallet/usage?${new URLSearchParams({ from, by: "model,day" })}`,
    ),
  })

interface Page<A> {
  readonly items: ReadonlyArray<A>
  readonly nextCursor: string | null
}

/** Half of the lines of a busy wallet are holds, which are folded away. */
const STATEMENT_PAGE = 40

export interface StatementFilter {
  readonly kind?: Entry["kind"] | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
}

export const statementParameters = (filter: StatementFilter): URLSearchParams =>
  new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== undefined && value !== ""))

/** The statement, newest first, a page at a time. */
export const statementQuery = (filter: StatementFilter) =>
  infiniteQueryOptions({
    queryKey: ["statement", filter],
    queryFn: ({ pageParam, signal }) => {
      const parameters = statementParameters(filter)
      parameters.set("limit", String(STATEMENT_PAGE))
      if (pageParam !== null) parameters.set("cursor", pageParam)
      return call<Page<Entry>>("GET", `/api/v1/wallet/entries?${parameters}`, { signal })
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  })

export const chargesQuery = infiniteQueryOptions({
  queryKey: ["charges"],
  queryFn: ({ pageParam, signal }) =>
    call<Page<Charge>>(
      "GET",
      `/api/v1/billing/history?limit=20${pageParam === null ? "" : `&cursor=${encodeURIComponent(pageParam)}`}`,
      { signal },
    ),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.nextCursor,
})

export const reviewsQuery = queryOptions({
  queryKey: ["reviews"],
  queryFn: get<{ readonly items: ReadonlyArray<Review> }>("/api/v1/billing/reviews"),
})

export const controlKeysQuery = queryOptions({
  queryKey: ["control-keys"],
  queryFn: get<{ readonly items: ReadonlyArray<typeof ControlKey.Type> }>("/api/v1/control-keys"),
})
