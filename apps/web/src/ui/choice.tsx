/** One of several: a radio button that is a whole box. The arrow keys move between those of one name. */
import type { ReactNode } from "react"

interface Properties {
  readonly name: string
  readonly value: string
  readonly label: ReactNode
  readonly hint?: ReactNode
  readonly isChosen: boolean
  readonly onChoose: () => void
}

export const Choice = ({ name, value, label, hint, isChosen, onChoose }: Properties) => (
  <label
    className={
      "flex min-h-10 cursor-pointer items-start gap-3 rounded-xl border border-line px-3 py-2.5 text-sm " +
      "hover:bg-raised has-checked:border-credit has-checked:bg-credit-soft has-focus-visible:outline-2 " +
      "has-focus-visible:outline-offset-2 has-focus-visible:outline-credit"
    }
  >
    <input
      type="radio"
      name={name}
      value={value}
      checked={isChosen}
      onChange={onChoose}
      className="mt-0.5 size-4 shrink-0 accent-credit outline-none"
    />
    <span>
      <span className="block font-medium">{label}</span>
      {hint === undefined ? null : <span className="block text-soft">{hint}</span>}
    </span>
  </label>
)
