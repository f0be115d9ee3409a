/** A section of a page: a titled box. Its heading names it to a screen reader. */
import { type ReactNode, useId } from "react"

interface Properties {
  readonly title: ReactNode
  /** Beside the title: a state, a link. */
  readonly aside?: ReactNode
  readonly id?: string
  readonly className?: string
  readonly children: ReactNode
}

export const Card = ({ title, aside, id, className = "", children }: Properties) => {
  const headingId = useId()
  return (
    <section
      aria-labelledby={headingId}
      className={`min-w-0 scroll-mt-24 rounded-card border border-line bg-surface p-5 sm:p-6 ${className}`}
      {...(id === undefined ? {} : { id })}
    >
      <div className="mb-4 flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h2 id={headingId} className="text-base font-semibold">
          {title}
        </h2>
        {aside === undefined ? null : <div className="text-sm text-soft">{aside}</div>}
      </div>
      {children}
    </section>
  )
}
