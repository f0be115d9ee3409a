/** A bar that shows a part of a whole; its number stands beside it as text. */
import { shareOf } from "../format/money.ts"

interface Properties {
  readonly part: bigint
  readonly whole: bigint
  readonly label: string
  /** A second part after the first: pending beside spent. */
  readonly second?: bigint
}

/** An SVG, so that the widths are attributes: nothing for the page's content policy to forbid. */
export const Meter = ({ part, whole, label, second = 0n }: Properties) => {
  const share = shareOf(part, whole) * 100
  const next = shareOf(second, whole) * 100
  return (
    <svg
      role="img"
      aria-label={`${label}: ${Math.round(share)} %`}
      className="h-2 w-full overflow-hidden rounded-full"
      preserveAspectRatio="none"
      viewBox="0 0 100 2"
    >
      <rect width="100" height="2" className="fill-raised" />
      <rect width={share} height="2" className="fill-credit" />
      <rect x={share} width={next} height="2" className="fill-strong" />
    </svg>
  )
}
