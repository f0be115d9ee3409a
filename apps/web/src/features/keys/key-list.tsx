/** The account's control keys: which, how old, when last used, and revoking one. */
import type { ControlKey } from "@credits/contracts/http"
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type ReactNode, useState } from "react"
import { ApiProblem, call } from "../../api/client.ts"
import { controlKeysQuery } from "../../api/queries.ts"
import { Button } from "../../ui/button.tsx"
import { Dialog } from "../../ui/dialog.tsx"
import { Instant } from "../../ui/instant.tsx"
import { RefusalNotice } from "../shell/refusal-notice.tsx"

export type Key = typeof ControlKey.Type

const Fact = ({ label, children }: { readonly label: string; readonly children: ReactNode }) => (
  <div className="flex gap-1.5">
    <dt>{label}</dt>
    <dd>{children}</dd>
  </div>
)

interface RowProperties {
  readonly item: Key
  readonly hasExpired: boolean
  readonly onRevoke: () => void
}

const KeyRow = ({ item, hasExpired, onRevoke }: RowProperties) => (
  <li className="flex flex-wrap items-center justify-between gap-4 py-4">
    <div className="min-w-0">
      <p className="flex flex-wrap items-baseline gap-x-3">
        <span className="font-medium break-words">{item.name}</span>
        <code className="font-mono text-sm text-soft">{item.prefix}…</code>
      </p>
      <dl className="mt-1 flex flex-wrap gap-x-5 text-sm text-soft">
        <Fact label="Made">
          <Instant at={item.createdAt} />
        </Fact>
        <Fact label="Last used">
          {item.lastUsedAt === null ? "never" : <Instant at={item.lastUsedAt} form="minute" />}
        </Fact>
        <Fact label={hasExpired ? "Expired" : "Expires"}>
          {item.expiresAt === null ? "never" : <Instant at={item.expiresAt} />}
        </Fact>
      </dl>
    </div>
    <Button voice="danger" onClick={onRevoke} aria-label={`Revoke ${item.name}`}>
      Revoke
    </Button>
  </li>
)

const RevokeDialog = ({ item, onClose }: { readonly item: Key; readonly onClose: () => void }) => {
  const client = useQueryClient()
  const revoke = useMutation({
    mutationFn: async () => {
      try {
        await call("DELETE", `/api/v1/control-keys/${encodeURIComponent(item.id)}`)
      } catch (error) {
        // Revoked already, in another tab: that is what was wanted.
        if (!(error instanceof ApiProblem && error.status === 404)) throw error
      }
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: controlKeysQuery.queryKey })
      onClose()
    },
  })
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={`Revoke “${item.name}”?`}
      description="Whatever uses it is refused from then on. This cannot be undone."
    >
      <div className="grid gap-5">
        {revoke.isError ? <RefusalNotice error={revoke.error} /> : null}
        <div className="flex flex-wrap gap-3">
          <Button voice="danger" isBusy={revoke.isPending} onClick={() => revoke.mutate()}>
            Revoke the key
          </Button>
          <Button voice="quiet" onClick={onClose}>
            Keep it
          </Button>
        </div>
      </div>
    </Dialog>
  )
}

interface Properties {
  readonly items: ReadonlyArray<Key>
  /** When they were read; keys live in real time. */
  readonly readAt: number
}

export const KeyList = ({ items, readAt }: Properties) => {
  const [revoked, setRevoked] = useState<Key | null>(null)
  return (
    <>
      <ul className="divide-y divide-line border-y border-line">
        {items.map((item) => (
          <KeyRow
            key={item.id}
            item={item}
            hasExpired={item.expiresAt !== null && Date.parse(item.expiresAt) <= readAt}
            onRevoke={() => setRevoked(item)}
          />
        ))}
      </ul>
      {revoked === null ? null : <RevokeDialog item={revoked} onClose={() => setRevoked(null)} />}
    </>
  )
}
