/** What is around every page: the way to the others, the live balance, light or dark, who is signed in. */
import { useQuery } from "@tanstack/react-query"
import { Link, useRouter } from "@tanstack/react-router"
import { type ReactNode, useState } from "react"
import { call } from "../../api/client.ts"
import { queryClient, sessionQuery, walletQuery } from "../../api/queries.ts"
import { headline } from "../../format/money.ts"
import { buttonClass } from "../../ui/button.tsx"
import { Live, useLiveState } from "./live.tsx"
import { UnreadCount } from "./unread.tsx"

const TAB =
  "inline-flex min-h-10 items-center gap-1.5 rounded-full px-3 text-sm text-soft hover:text-ink " +
  "aria-[current=page]:bg-raised aria-[current=page]:font-medium aria-[current=page]:text-ink"

const Tabs = ({ isSignedIn }: { readonly isSignedIn: boolean }) => (
  <nav
    aria-label="Pages"
    className="order-last -mx-2 flex w-full items-center gap-1 overflow-x-auto md:order-none md:w-auto"
  >
    {isSignedIn ? (
      <Link to="/wallet" className={TAB}>
        Wallet
      </Link>
    ) : null}
    <Link to="/pricing" className={TAB} activeOptions={{ includeSearch: false }}>
      Pricing
    </Link>
    {isSignedIn ? (
      <>
        <Link to="/notifications" className={TAB}>
          Notifications
          <UnreadCount />
        </Link>
        <Link to="/keys" className={TAB}>
          Keys
        </Link>
      </>
    ) : null}
  </nav>
)

const Balance = () => {
  const { data } = useQuery(walletQuery)
  return data === undefined ? null : (
    <span className="text-sm tabular-nums">
      <span className="sr-only">Available now </span>
      {headline(data.availableUsd)}
    </span>
  )
}

const ThemeSwitch = () => {
  const [isDark, setDark] = useState(document.documentElement.dataset["theme"] === "dark")
  const turn = () => {
    const next = isDark ? "light" : "dark"
    document.documentElement.dataset["theme"] = next
    localStorage.setItem("theme", next)
    setDark(!isDark)
  }
  return (
    <button
      type="button"
      onClick={turn}
      aria-pressed={isDark}
      aria-label="Dark theme"
      className="grid size-10 place-items-center rounded-full hover:bg-raised"
    >
      <svg aria-hidden viewBox="0 0 24 24" className="size-5" fill="none" stroke="currentColor" strokeWidth="1.8">
        <circle cx="12" cy="12" r="8" />
        <path d="M12 4a8 8 0 0 1 0 16z" fill="currentColor" stroke="none" />
      </svg>
    </button>
  )
}

const Account = ({ email }: { readonly email: string }) => {
  const router = useRouter()
  const signOut = async () => {
    await call("POST", "/api/auth/sign-out", { body: {} })
    queryClient.clear()
    await router.navigate({ to: "/pricing" })
    await router.invalidate()
  }
  return (
    <div className="flex items-center gap-1">
      <span className="hidden max-w-48 truncate text-sm text-soft lg:block">{email}</span>
      <button type="button" onClick={() => void signOut()} className={buttonClass("quiet")}>
        Sign out
      </button>
    </div>
  )
}

const Header = () => {
  const { data: session } = useQuery(sessionQuery)
  const isSignedIn = session !== null && session !== undefined
  return (
    <header className="sticky top-0 z-10 border-b border-line bg-paper">
      <div className="mx-auto flex max-w-6xl flex-wrap items-center justify-between gap-x-6 gap-y-1 px-4 py-2 sm:px-6">
        <Link to="/" className="inline-flex min-h-10 items-center gap-2 font-display text-lg">
          <img src="/favicon.svg" alt="" className="size-6" />
          <span>
            <span className="max-sm:sr-only">Open Design </span>Credits
          </span>
        </Link>
        <Tabs isSignedIn={isSignedIn} />
        <div className="ml-auto flex items-center gap-2">
          {isSignedIn ? <Balance /> : null}
          <ThemeSwitch />
          {isSignedIn ? (
            <Account email={session.user.email ?? session.user.name ?? ""} />
          ) : session === null ? (
            <Link to="/sign-in" search={{ returnTo: "/wallet" }} className={buttonClass("plain")}>
              Sign in
            </Link>
          ) : null}
        </div>
      </div>
    </header>
  )
}

const Offline = () =>
  useLiveState() === "offline" ? (
    <p role="status" className="bg-warn-soft px-4 py-2 text-center text-sm text-warn">
      Not connected. The numbers are as they were last; they come back by themselves.
    </p>
  ) : null

export const Shell = ({ children }: { readonly children: ReactNode }) => (
  <Live>
    <a href="#content" className="sr-only focus:not-sr-only focus:absolute focus:z-20 focus:bg-surface focus:p-3">
      Skip to the content
    </a>
    <Header />
    <Offline />
    <main id="content" tabIndex={-1} className="mx-auto max-w-6xl px-4 py-8 outline-none sm:px-6 sm:py-10">
      {children}
    </main>
    <footer className="mx-auto flex max-w-6xl flex-wrap gap-x-6 gap-y-2 px-4 pb-10 text-sm text-soft sm:px-6">
      <span>Amounts in USD. Your own provider key (BYOK) is never charged.</span>
      <a href="/docs" className="underline underline-offset-4">
        API
      </a>
    </footer>
  </Live>
)
