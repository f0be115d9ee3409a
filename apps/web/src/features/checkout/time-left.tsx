/** How long a quote still holds, by this machine's clock. Quiet: nobody needs a clock read out every second. */
import { useEffect, useState } from "react"
import { clockText } from "./phase.ts"

export const TimeLeft = ({ until }: { readonly until: number }) => {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return (
    <span role="timer" className="tabular-nums">
      {clockText(until - now)}
    </span>
  )
}
