/** A change that asks for a fresh sign-in: says so, with the way there and back. */
import type { ApiProblem } from "../api/client.ts"
import { buttonClass } from "./button.tsx"
import { Notice } from "./notice.tsx"

const urlOf = ({ extras }: ApiProblem): string => {
  const given = typeof extras["url"] === "string" ? extras["url"] : "/api/auth/sign-in?stepUp=1"
  const url = new URL(given, window.location.origin)
  url.searchParams.set("returnTo", window.location.pathname + window.location.search)
  return url.origin === window.location.origin ? url.pathname + url.search : url.href
}

export const StepUp = ({ problem }: { readonly problem: ApiProblem }) => (
  <Notice
    tone="warn"
    title="Please sign in again first"
    action={
      <a href={urlOf(problem)} className={buttonClass("plain")}>
        Sign in again
      </a>
    }
  >
    Changes that concern money need a sign-in of the last few minutes.
  </Notice>
)
