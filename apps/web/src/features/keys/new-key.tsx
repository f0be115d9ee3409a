/** Making a control key: its name, its life, and the secret, which is shown this once. */
import type { NewControlKey } from "@credits/contracts/http"
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { call } from "../../api/client.ts"
import { controlKeysQuery } from "../../api/queries.ts"
import { Button } from "../../ui/button.tsx"
import { Dialog } from "../../ui/dialog.tsx"
import { SelectField, TextField } from "../../ui/field.tsx"
import { Landed } from "../../ui/landed.tsx"
import { Notice } from "../../ui/notice.tsx"
import { CopyButton } from "./copy-button.tsx"
import { RefusalNotice } from "../shell/refusal-notice.tsx"

type Made = typeof NewControlKey.Type

const NAME_CHARS_MAX = 60
/** Days, as the form has them. */
const LIVES = [
  ["30", "in 30 days"],
  ["90", "in 90 days"],
  ["365", "in a year"],
  ["", "never"],
] as const

const Secret = ({ made, onClose }: { readonly made: Made; readonly onClose: () => void }) => (
  <Landed>
    <Notice tone="warn" title="Copy it now">
      It is shown this once. We keep no copy: if it is lost, revoke the key and make another.
    </Notice>
    <div className="grid gap-3">
      <code
        aria-label={`Secret of ${made.name}`}
        className="block rounded-xl border border-line bg-raised p-4 font-mono text-sm break-all select-all"
      >
        {made.key}
      </code>
      <CopyButton text={made.key} label="Copy the key" />
    </div>
    <div>
      <Button onClick={onClose}>I have stored it</Button>
    </div>
  </Landed>
)

const NameForm = ({ onMade }: { readonly onMade: (made: Made) => void }) => {
  const client = useQueryClient()
  const [name, setName] = useState("")
  const [days, setDays] = useState("90")
  const create = useMutation({
    mutationFn: () => {
      const life = days === "" ? {} : { expiresInDays: Number(days) }
      return call<Made>("POST", "/api/v1/control-keys", { body: { name: name.trim(), ...life } })
    },
    onSuccess: async (made) => {
      onMade(made)
      await client.invalidateQueries({ queryKey: controlKeysQuery.queryKey })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!create.isPending) create.mutate()
  }
  return (
    <form onSubmit={submit} className="grid gap-5">
      <TextField
        label="Name"
        required
        maxLength={NAME_CHARS_MAX}
        autoComplete="off"
        value={name}
        onChange={(event) => setName(event.target.value)}
        hint="What will use it: “laptop”, “status board”."
      />
      <SelectField label="Expires" value={days} onChange={(event) => setDays(event.target.value)}>
        {LIVES.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </SelectField>
      {create.isError ? <RefusalNotice error={create.error} /> : null}
      <div>
        <Button type="submit" isBusy={create.isPending} disabled={name.trim() === ""}>
          Make the key
        </Button>
      </div>
    </form>
  )
}

export const NewKeyDialog = ({ onClose }: { readonly onClose: () => void }) => {
  const [made, setMade] = useState<Made | null>(null)
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={made === null ? "A new key" : `The key of “${made.name}”`}
      {...(made === null ? { description: "It can read your wallet, and change nothing." } : {})}
    >
      {made === null ? <NameForm onMade={setMade} /> : <Secret made={made} onClose={onClose} />}
    </Dialog>
  )
}
