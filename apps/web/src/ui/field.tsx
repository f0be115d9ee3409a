/** A labelled form field; its hint and its error are read out with it. */
import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from "react"

const BOX =
  "block w-full min-h-10 rounded-xl border border-strong bg-surface px-3 py-2 text-ink " +
  "placeholder:text-soft aria-invalid:border-danger"

interface Labelled {
  readonly label: ReactNode
  readonly hint?: ReactNode
  readonly error?: string | undefined
}

const Frame = ({ id, label, hint, error, children }: Labelled & { id: string; children: ReactNode }) => (
  <div className="grid gap-1.5">
    <label htmlFor={id} className="text-sm font-medium">
      {label}
    </label>
    {children}
    {error === undefined ? null : (
      <p id={`${id}-error`} role="alert" className="text-sm text-danger">
        {error}
      </p>
    )}
    {hint === undefined ? null : (
      <p id={`${id}-hint`} className="text-sm text-soft">
        {hint}
      </p>
    )}
  </div>
)

const describedBy = (id: string, { hint, error }: Labelled): { "aria-describedby"?: string } => {
  const ids = [error === undefined ? [] : [`${id}-error`], hint === undefined ? [] : [`${id}-hint`]].flat()
  return ids.length === 0 ? {} : { "aria-describedby": ids.join(" ") }
}

export const TextField = ({
  label,
  hint,
  error,
  ...rest
}: Labelled & Omit<InputHTMLAttributes<HTMLInputElement>, "id">) => {
  const id = useId()
  const frame = { label, hint, error }
  return (
    <Frame id={id} {...frame}>
      <input {...rest} {...describedBy(id, frame)} id={id} aria-invalid={error !== undefined} className={BOX} />
    </Frame>
  )
}

export const SelectField = ({
  label,
  hint,
  error,
  children,
  ...rest
}: Labelled & Omit<SelectHTMLAttributes<HTMLSelectElement>, "id">) => {
  const id = useId()
  const frame = { label, hint, error }
  return (
    <Frame id={id} {...frame}>
      <select {...rest} {...describedBy(id, frame)} id={id} className={BOX}>
        {children}
      </select>
    </Frame>
  )
}
