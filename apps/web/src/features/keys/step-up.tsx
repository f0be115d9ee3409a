/** A change that wants a sign-in that is fresh: the way to it, and back here. */
import { ApiProblem, textOf } from "../../api/client.ts"
import { buttonClass } from "../../ui/button.tsx"
import { Notice } from "../../ui/notice.tsx"

const isStepUp = (error: unknown): error is ApiProblem =>
  error instanceof ApiProblem && error.code === "step_up_required"

/** Own paths only: an answer cannot send anybody elsewhere. */
const signInPath = (error: ApiProblem): string => {
  const url = error.extras["url"]
  if (typeof url === "string" && /^\/(?![/\\])/.test(url)) return url
  return `/sign-in?${new URLSearchParams({ returnTo: location.pathname })}`
}

/** Any refusal in words; one that asks for a fresh sign-in with the link to it. */
export const RefusalNotice = ({ error }: { readonly error: unknown }) =>
  isStepUp(error) ? (
    <Notice
      tone="warn"
      title="Sign in again first"
      action={
        <a href={signInPath(error)} className={buttonClass("plain")}>
          Sign in again
        </a>
      }
    >
      Your sign-in is too old for this change. Afterwards you are back here.
    </Notice>
  ) : (
    <Notice tone="danger">
      <span className="inline-block first-letter:uppercase">{textOf(error)}</span>
    </Notice>
  )
