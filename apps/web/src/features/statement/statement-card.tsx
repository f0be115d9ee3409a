/** Every change of the balance in words, newest first, with the balance after it; filtered, exported as CSV. */
import type { Entry } from "@credits/contracts/http"
import { useInfiniteQuery, useMutation } from "@tanstack/react-query"
import { useState } from "react"
import { textOf } from "../../api/client.ts"
import { type StatementFilter, statementParameters, statementQuery } from "../../api/queries.ts"
import { nanoOf, precise, signed } from "../../format/money.ts"
import { Button } from "../../ui/button.tsx"
import { Card } from "../../ui/card.tsx"
import { SelectField, TextField } from "../../ui/field.tsx"
import { Instant } from "../../ui/instant.tsx"
import { Notice } from "../../ui/notice.tsx"
import { Failed, Skeleton } from "../../ui/waiting.tsx"
import { isStep, KINDS, titleOf, usageText } from "./words.ts"

const Line = ({ entry }: { readonly entry: Entry }) => {
  const usage = usageText(entry)
  return (
    <tr className="border-b border-line align-top last:border-0">
      <td className="py-2.5 pr-3 text-soft max-sm:hidden">
        <Instant at={entry.at} form="minute" />
      </td>
      <td className="py-2.5 pr-3 wrap-anywhere">
        {titleOf(entry)}
        {usage === null ? null : <span className="block text-sm text-soft">{usage}</span>}
        <span className="block text-sm text-soft sm:hidden">
          <Instant at={entry.at} form="minute" />
        </span>
      </td>
      <td className={`py-2.5 pr-3 text-right ${nanoOf(entry.amountUsd) > 0n ? "text-credit" : ""}`}>
        {signed(entry.amountUsd)}
      </td>
      <td className="py-2.5 text-right text-soft">{precise(entry.availableAfterUsd)}</td>
    </tr>
  )
}

const Lines = ({ entries }: { readonly entries: ReadonlyArray<Entry> }) => (
  <table className="w-full text-sm tabular-nums">
    <caption className="sr-only">Statement</caption>
    <thead>
      <tr className="border-b border-line text-soft">
        <th scope="col" className="py-2 pr-3 text-left font-medium max-sm:hidden">
          When
        </th>
        <th scope="col" className="py-2 pr-3 text-left font-medium">
          What
        </th>
        <th scope="col" className="py-2 pr-3 text-right font-medium">
          Amount
        </th>
        <th scope="col" className="py-2 text-right font-medium">
          Available after
        </th>
      </tr>
    </thead>
    <tbody>
      {entries.map((entry) => (
        <Line key={entry.seq} entry={entry} />
      ))}
    </tbody>
  </table>
)

interface FilterProperties {
  readonly filter: StatementFilter
  readonly onFilter: (filter: StatementFilter) => void
}

const Filter = ({ filter, onFilter }: FilterProperties) => (
  <div className="mb-4 grid gap-3 sm:grid-cols-3">
    <SelectField
      label="Show"
      value={filter.kind ?? ""}
      onChange={({ target }) =>
        onFilter({ ...filter, kind: target.value === "" ? undefined : (target.value as Entry["kind"]) })
      }
    >
      <option value="">Everything</option>
      {KINDS.map(([kind, name]) => (
        <option key={kind} value={kind}>
          {name}
        </option>
      ))}
    </SelectField>
    <TextField
      label="From (UTC day)"
      type="date"
      value={filter.from ?? ""}
      onChange={({ target }) => onFilter({ ...filter, from: target.value === "" ? undefined : target.value })}
    />
    <TextField
      label="Until before (UTC day)"
      type="date"
      value={filter.to ?? ""}
      onChange={({ target }) => onFilter({ ...filter, to: target.value === "" ? undefined : target.value })}
    />
  </div>
)

/** The whole statement of the filter as a file: the API streams it as CSV. */
const download = async (filter: StatementFilter): Promise<void> => {
  const response = await fetch(`/api/v1/wallet/entries?${statementParameters(filter)}`, {
    headers: { accept: "text/csv" },
  })
  if (!response.ok) throw new Error("The export cannot be made right now. Try again.")
  const link = document.createElement("a")
  link.href = URL.createObjectURL(await response.blob())
  link.download = "statement.csv"
  link.click()
  // The download has its own hold on the data once it has begun.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

export const StatementCard = () => {
  const [filter, setFilter] = useState<StatementFilter>({})
  const [hasSteps, setSteps] = useState(false)
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery(
    statementQuery(filter),
  )
  const csv = useMutation({ mutationFn: () => download(filter) })
  const all = data?.pages.flatMap((page) => page.items)
  const entries = hasSteps || filter.kind !== undefined ? all : all?.filter((entry) => !isStep(entry))
  return (
    <Card
      title="Statement"
      id="statement"
      aside={
        <Button voice="quiet" isBusy={csv.isPending} onClick={() => csv.mutate()}>
          Download CSV
        </Button>
      }
    >
      <Filter filter={filter} onFilter={setFilter} />
      <label className="mb-2 flex min-h-6 items-center gap-2 text-sm">
        <input
          type="checkbox"
          className="size-5 accent-credit"
          checked={hasSteps}
          onChange={({ target }) => setSteps(target.checked)}
        />
        Also show holds and other steps that move no credit
      </label>
      {csv.error === null ? null : <Notice tone="danger">{textOf(csv.error)}</Notice>}
      {error === null ? null : <Failed what="The statement" error={error} onRetry={() => void refetch()} />}
      {entries === undefined && error === null ? <Skeleton className="h-48" /> : null}
      {entries?.length === 0 ? <p className="py-4 text-soft">Nothing here yet.</p> : null}
      {entries === undefined || entries.length === 0 ? null : <Lines entries={entries} />}
      {hasNextPage ? (
        <Button voice="plain" className="mt-4" isBusy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          Show older
        </Button>
      ) : null}
    </Card>
  )
}
