/** A message in the page: what is the matter and what to do. Errors are announced at once, the rest politely. */
import type { ReactNode } from "react"

export type Tone = "info" | "good" | "warn" | "danger"

const TONES: Readonly<Record<Tone, string>> = {
  info: "bg-info-soft text-info",
  good: "bg-credit-soft text-credit",
  warn: "bg-warn-soft text-warn",
  danger: "bg-danger-soft text-danger",
}

interface Properties {
  readonly tone: Tone
  readonly title?: ReactNode
  readonly action?: ReactNode
  readonly children?: ReactNode
}

export const Notice = ({ tone, title, action, children }: Properties) => (
  <div
    role={tone === "danger" ? "alert" : "status"}
    className={`flex flex-wrap items-center justify-between gap-3 rounded-xl px-4 py-3 text-sm ${TONES[tone]}`}
  >
    <div className="min-w-0 flex-1 basis-60">
      {title === undefined ? null : <p className="font-semibold">{title}</p>}
      {children === undefined ? null : <div className="text-pretty">{children}</div>}
    </div>
    {action}
  </div>
)

/** A word about a state, in colour and in text. */
export const Badge = ({ tone, children }: { readonly tone: Tone | "plain"; readonly children: ReactNode }) => (
  <span
    className={`inline-flex items-center rounded-full px-2.5 py-0.5 text-xs font-medium whitespace-nowrap ${
      tone === "plain" ? "bg-raised text-ink" : TONES[tone]
    }`}
  >
    {children}
  </span>
)
