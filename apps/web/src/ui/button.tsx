/** Buttons and links that look like them: one shape, four voices, at least 40 px high. */
import type { ButtonHTMLAttributes, ReactNode } from "react"

export type Voice = "main" | "plain" | "quiet" | "danger"

const BASE =
  "inline-flex min-h-10 items-center justify-center gap-2 rounded-full px-4 py-2 text-sm font-medium " +
  "transition-colors disabled:opacity-60 aria-disabled:opacity-60"

const VOICES: Readonly<Record<Voice, string>> = {
  main: "bg-credit text-on-credit hover:brightness-110",
  plain: "border border-strong bg-surface text-ink hover:bg-raised",
  quiet: "text-ink underline decoration-strong underline-offset-4 hover:decoration-ink px-2",
  danger: "border border-danger bg-surface text-danger hover:bg-danger-soft",
}

export const buttonClass = (voice: Voice = "main", extra = ""): string => `${BASE} ${VOICES[voice]} ${extra}`

interface Properties extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly voice?: Voice
  /** Shows that the click is being worked on, and takes no second one. */
  readonly isBusy?: boolean
  readonly children: ReactNode
}

export const Button = ({ voice = "main", isBusy = false, children, className, ...rest }: Properties) => (
  <button
    type="button"
    {...rest}
    aria-busy={isBusy}
    disabled={rest.disabled === true || isBusy}
    className={buttonClass(voice, className)}
  >
    {isBusy ? <Spinner /> : null}
    {children}
  </button>
)

export const Spinner = () => (
  <span
    aria-hidden
    className="size-4 animate-spin rounded-full border-2 border-current border-r-transparent motion-reduce:hidden"
  />
)
