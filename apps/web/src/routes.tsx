/** Which address shows which page, who may see it, and what its search parameters mean. Each page is its own file. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router"
import { plansQuery, queryClient, sessionQuery, subscriptionQuery, walletQuery } from "./api/queries.ts"
import { Shell } from "./features/shell/shell.tsx"
import { NotFoundPage } from "./pages/not-found.tsx"

const root = createRootRoute({
  component: () => (
    <Shell>
      <Outlet />
    </Shell>
  ),
  notFoundComponent: NotFoundPage,
})

const session = () => queryClient.ensureQueryData(sessionQuery)

/** Own paths only: an address that was typed for us cannot send anybody elsewhere. */
const ownPath = (path: unknown): string =>
  typeof path === "string" && /^\/(?![/\\])/.test(path) && !path.startsWith("/sign-in") ? path : "/wallet"

const walletPage = () => import("./pages/wallet.tsx")

/**
 * Asks for what the wallet needs, its code too, while it is still being found out who is signed in: one after the other
 * they would be three round trips before the first number. Signed out, the answers are 401 and thrown away.
 */
const startWallet = () => {
  void walletPage()
  void queryClient.prefetchQuery(walletQuery)
  void queryClient.prefetchQuery(subscriptionQuery)
  void queryClient.prefetchQuery(plansQuery)
}

const signedIn = async ({ location }: { readonly location: { readonly href: string } }) => {
  const found = await session()
  if (found === null) throw redirect({ to: "/sign-in", search: { returnTo: location.href } })
}

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: async () => {
    throw redirect({ to: (await session()) === null ? "/pricing" : "/wallet", replace: true })
  },
})

const pricing = createRoute({
  getParentRoute: () => root,
  path: "/pricing",
  /** `plan` opens the checkout of that plan: what a link from the wallet or an e-mail asks for. */
  validateSearch: (search): { interval?: "monthly" | "yearly"; plan?: string } => ({
    ...(search["interval"] === "yearly" || search["interval"] === "monthly" ? { interval: search["interval"] } : {}),
    ...(typeof search["plan"] === "string" ? { plan: search["plan"] } : {}),
  }),
  component: lazyRouteComponent(() => import("./pages/pricing.tsx"), "PricingPage"),
})

const wallet = createRoute({
  getParentRoute: () => root,
  path: "/wallet",
  beforeLoad: (context) => {
    startWallet()
    return signedIn(context)
  },
  component: lazyRouteComponent(walletPage, "WalletPage"),
})

const notifications = createRoute({
  getParentRoute: () => root,
  path: "/notifications",
  beforeLoad: signedIn,
  component: lazyRouteComponent(() => import("./pages/notifications.tsx"), "NotificationsPage"),
})

const keys = createRoute({
  getParentRoute: () => root,
  path: "/keys",
  beforeLoad: signedIn,
  component: lazyRouteComponent(() => import("./pages/keys.tsx"), "KeysPage"),
})

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search): { returnTo: string } => ({ returnTo: ownPath(search["returnTo"]) }),
  component: lazyRouteComponent(() => import("./pages/sign-in.tsx"), "SignInPage"),
})

export const router = createRouter({
  routeTree: root.addChildren([home, pricing, wallet, notifications, keys, signIn]),
  defaultPreload: "intent",
  scrollRestoration: true,
})

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router
  }
}
