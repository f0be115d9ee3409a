/** A change that was refused, in words; one that wants a fresh sign-in, with the way to it. */
import type { ReactNode } from "react"
import { ApiProblem, textOf } from "../../api/client.ts"
import { buttonClass } from "../../ui/button.tsx"
import { Notice } from "../../ui/notice.tsx"

interface Properties {
  readonly error: unknown
  readonly title?: string
  /** What did not happen. */
  readonly children?: ReactNode
}

/**
 * Where to sign in again, and back to this very place. This site only: an answer cannot send anybody elsewhere. Null:
 * the server has no sign-in of its own.
 */
const signInPath = ({ extras }: ApiProblem): string | null => {
  const told = extras["signInUrl"]
  const url = typeof told === "string" ? URL.parse(told, location.origin) : null
  if (url === null || url.origin !== location.origin) return null
  url.searchParams.set("returnTo", location.pathname + location.search)
  return url.pathname + url.search
}

/** The server's sentences begin small and have no full stop. */
const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`

export const RefusalNotice = ({ error, title, children }: Properties) => {
  if (error instanceof ApiProblem && error.code === "step_up_required") {
    const path = signInPath(error)
    const action =
      path === null ? undefined : (
        <a href={path} className={buttonClass("plain")}>
          Sign in again
        </a>
      )
    return (
      <Notice tone="warn" title="Sign in again first" action={action}>
        Your sign-in is too old for this. Nothing was changed; afterwards the same can be done.
      </Notice>
    )
  }
  return (
    <Notice tone="danger" {...(title === undefined ? {} : { title })}>
      {sentence(textOf(error))} {children}
    </Notice>
  )
}
