/** The room a chart has: drawn in the pixels there are, so that its text keeps its size on a phone. */
import { type ReactNode, useEffect, useRef, useState } from "react"

/** Until the page has been laid out. */
const WIDTH_FIRST = 640

export const ChartFrame = ({ children }: { readonly children: (width: number) => ReactNode }) => {
  const frame = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(WIDTH_FIRST)
  useEffect(() => {
    const element = frame.current
    if (element === null) return
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined && entry.contentRect.width > 0) setWidth(Math.round(entry.contentRect.width))
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  return (
    <div ref={frame} className="w-full overflow-hidden">
      {children(width)}
    </div>
  )
}
