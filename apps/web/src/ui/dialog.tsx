/** A modal dialog: focus stays in it and goes back where it came from; Escape and the close button leave it. */
import { Dialog as Base } from "@base-ui/react/dialog"
import type { ReactNode } from "react"

interface Properties {
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly title: string
  readonly description?: ReactNode
  readonly children: ReactNode
}

export const Dialog = ({ isOpen, onClose, title, description, children }: Properties) => (
  <Base.Root open={isOpen} onOpenChange={(open) => (open ? undefined : onClose())}>
    <Base.Portal>
      <Base.Backdrop className="fixed inset-0 z-30 bg-black/50" />
      <Base.Popup
        className={
          "fixed inset-x-0 bottom-0 z-40 max-h-[92dvh] overflow-y-auto rounded-t-2xl border border-line bg-surface " +
          "p-5 text-ink shadow-2xl sm:inset-x-auto sm:top-1/2 sm:bottom-auto sm:left-1/2 sm:w-[min(34rem,94vw)] " +
          "sm:-translate-x-1/2 sm:-translate-y-1/2 sm:rounded-2xl sm:p-7"
        }
      >
        <div className="mb-4 flex items-start justify-between gap-4">
          <div>
            <Base.Title className="font-display text-2xl leading-tight">{title}</Base.Title>
            {description === undefined ? null : (
              <Base.Description className="mt-1 text-sm text-soft" render={<div />}>
                {description}
              </Base.Description>
            )}
          </div>
          <Base.Close
            aria-label="Close"
            className="-mt-1 -mr-2 grid size-10 shrink-0 place-items-center rounded-full text-xl hover:bg-raised"
          >
            <span aria-hidden>×</span>
          </Base.Close>
        </div>
        {children}
      </Base.Popup>
    </Base.Portal>
  </Base.Root>
)
