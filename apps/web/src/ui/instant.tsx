/** An instant in the reader's zone; UTC on hover and to whoever reads the markup. */
import { type InstantForm, localText, utcText } from "../format/instant.ts"

interface Properties {
  readonly at: string
  readonly form?: InstantForm
}

export const Instant = ({ at, form = "day" }: Properties) => (
  <time dateTime={at} title={utcText(at)} className="whitespace-nowrap tabular-nums">
    {localText(at, form)}
  </time>
)
