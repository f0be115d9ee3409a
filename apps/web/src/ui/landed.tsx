/** What a dialog turned into: focus goes there, so that it is read out and the next Tab goes on from it. */
import { type ReactNode, useEffect, useRef } from "react"

export const Landed = ({ children }: { readonly children: ReactNode }) => {
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    place.current?.focus()
  }, [])
  return (
    <div ref={place} tabIndex={-1} className="grid gap-4 outline-none">
      {children}
    </div>
  )
}
