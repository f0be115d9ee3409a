/** Which kinds of message come where. What is about money always comes, and says so. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { textOf } from "../../api/client.ts"
import { type Channel, type Preference, preferencesQuery, setPreference } from "../../api/notifications.ts"
import { Card } from "../../ui/card.tsx"
import { Failed, Skeleton } from "../../ui/waiting.tsx"
import { groupWords } from "./words.ts"

const CHANNELS: ReadonlyArray<readonly [Channel, string]> = [
  ["inApp", "Here"],
  ["email", "E-mail"],
]

const Row = ({ group, preference }: { readonly group: string; readonly preference: Preference }) => {
  const client = useQueryClient()
  const change = useMutation({
    mutationFn: (next: { readonly channel: Channel; readonly isOn: boolean }) =>
      setPreference(client, { group, ...next }),
  })
  const { name, examples } = groupWords(group)
  const shown = change.isPending ? { ...preference, [change.variables.channel]: change.variables.isOn } : preference
  return (
    <tr className="border-t border-line align-top">
      <th scope="row" className="py-3 pr-4 text-left font-normal">
        <span className="block font-medium">{name}</span>
        <span className="block text-soft">{examples}</span>
        {preference.isFixed ? <span className="block text-soft">About money: always told.</span> : null}
        {change.isError ? (
          <span role="alert" className="block text-danger">
            {textOf(change.error)}
          </span>
        ) : null}
      </th>
      {CHANNELS.map(([channel, label]) => (
        <td key={channel} className="px-3 py-3 text-center">
          <input
            type="checkbox"
            aria-label={`${name}: ${label}`}
            checked={shown[channel]}
            disabled={preference.isFixed || change.isPending}
            onChange={(event) => change.mutate({ channel, isOn: event.target.checked })}
            className="size-6 accent-credit"
          />
        </td>
      ))}
    </tr>
  )
}

export const PreferencesCard = () => {
  const { data, error, refetch } = useQuery(preferencesQuery)
  if (data === undefined) {
    return error === null ? (
      <Skeleton className="h-96" />
    ) : (
      <Failed what="Your choices" error={error} onRetry={() => void refetch()} />
    )
  }
  return (
    <Card title="What comes where" id="preferences">
      <table className="w-full text-sm">
        <thead>
          <tr>
            <th scope="col" className="pb-2 text-left font-normal">
              <span className="sr-only">Kind</span>
            </th>
            {CHANNELS.map(([channel, label]) => (
              <th key={channel} scope="col" className="px-3 pb-2 text-center font-medium whitespace-nowrap">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Object.entries(data.groups).map(([group, preference]) => (
            <Row key={group} group={group} preference={preference} />
          ))}
        </tbody>
      </table>
    </Card>
  )
}
