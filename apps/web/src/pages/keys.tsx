/** Keys: reading the wallet from a program. */
import { useQuery } from "@tanstack/react-query"
import { useState } from "react"
import { controlKeysQuery } from "../api/queries.ts"
import { KeyList } from "../features/keys/key-list.tsx"
import { NewKeyDialog } from "../features/keys/new-key.tsx"
import { Button } from "../ui/button.tsx"
import { Card } from "../ui/card.tsx"
import { Failed, Skeleton } from "../ui/waiting.tsx"

const Example = () => (
  <Card title="What a key can do">
    <div className="grid gap-3 text-sm text-pretty text-soft">
      <p>
        It reads: balance, statement, usage, plan, charges. It changes nothing: no purchase, no card, no top-up, no
        other key. Model calls are made with your gateway’s key, not with this one.
      </p>
      <pre
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what is wide is scrolled by keyboard too
        tabIndex={0}
        aria-label="Example"
        className="overflow-x-auto rounded-xl bg-raised p-4 font-mono text-xs leading-relaxed text-ink"
      >
        {`curl ${location.origin}/api/v1/wallet \\\n  -H "Authorization: Bearer $CREDITS_KEY"`}
      </pre>
      <p>
        Every address is in the{" "}
        <a href="/docs" className="font-medium text-ink underline underline-offset-4">
          documentation of the API
        </a>
        .
      </p>
    </div>
  </Card>
)

const Keys = ({ onNew }: { readonly onNew: () => void }) => {
  const { data, error, refetch, dataUpdatedAt } = useQuery(controlKeysQuery)
  if (data === undefined) {
    return error === null ? (
      <Skeleton className="h-48" />
    ) : (
      <Failed what="Your keys" error={error} onRetry={() => void refetch()} />
    )
  }
  if (data.items.length === 0) {
    return (
      <div className="grid justify-items-start gap-3 rounded-card border border-dashed border-strong p-8">
        <p className="font-display text-2xl">No keys yet</p>
        <p className="max-w-prose text-pretty text-soft">
          With one, a script or a status board can show your balance without your sign-in.
        </p>
        <Button onClick={onNew}>Make a key</Button>
      </div>
    )
  }
  return <KeyList items={data.items} readAt={dataUpdatedAt} />
}

export const KeysPage = () => {
  const [isMaking, setMaking] = useState(false)
  const { data } = useQuery(controlKeysQuery)
  const hasKeys = (data?.items.length ?? 0) > 0
  return (
    <div className="grid gap-8">
      <div className="flex flex-wrap items-end justify-between gap-4">
        <div>
          <h1>Keys</h1>
          <p className="mt-2 text-soft">For programs of yours that read the wallet.</p>
        </div>
        {hasKeys ? <Button onClick={() => setMaking(true)}>Make a key</Button> : null}
      </div>
      <div className="grid items-start gap-8 lg:grid-cols-[1.6fr_1fr]">
        <Keys onNew={() => setMaking(true)} />
        <Example />
      </div>
      {isMaking ? <NewKeyDialog onClose={() => setMaking(false)} /> : null}
    </div>
  )
}
