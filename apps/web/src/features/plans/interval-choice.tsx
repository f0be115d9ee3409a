/** Monthly or yearly: two radio buttons that look like one switch. The arrow keys move between them. */
import type { Interval } from "../../format/plan.ts"

interface Properties {
  readonly interval: Interval
  readonly onChange: (interval: Interval) => void
}

const CHOICES = [
  ["monthly", "Monthly"],
  ["yearly", "Yearly"],
] as const

export const IntervalChoice = ({ interval, onChange }: Properties) => (
  <fieldset className="inline-flex rounded-full border border-strong bg-surface p-1">
    <legend className="sr-only">How to pay</legend>
    {CHOICES.map(([value, label]) => (
      <label
        key={value}
        className={
          "relative cursor-pointer rounded-full px-5 py-2 text-sm font-medium text-soft has-checked:bg-ink " +
          "has-checked:text-paper has-focus-visible:outline-2 has-focus-visible:outline-offset-2 " +
          "has-focus-visible:outline-credit"
        }
      >
        <input
          type="radio"
          name="interval"
          value={value}
          checked={interval === value}
          onChange={() => onChange(value)}
          className="absolute inset-0 cursor-pointer appearance-none rounded-full opacity-0"
        />
        {label}
      </label>
    ))}
  </fieldset>
)
