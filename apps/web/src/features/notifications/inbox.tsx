/** What the account was told, day by day: unread ones marked, each with the way to what it is about. */
import type { Notification } from "@credits/contracts/http"
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { type ReactNode, useState } from "react"
import { inboxQuery, markAllRead, markRead } from "../../api/notifications.ts"
import { textOf } from "../../api/client.ts"
import { localText, utcText } from "../../format/instant.ts"
import { Button } from "../../ui/button.tsx"
import { Notice } from "../../ui/notice.tsx"
import { Failed, Skeleton } from "../../ui/waiting.tsx"
import { daysOf, ownLink } from "./days.ts"

const timeForm = new Intl.DateTimeFormat(undefined, { timeStyle: "short" })

interface LinkProperties {
  readonly path: string
  readonly onFollow: () => void
  readonly children: ReactNode
}

/** A link of a message is an address as text, perhaps with a place in the page. */
const OwnLink = ({ path, onFollow, children }: LinkProperties) => {
  const { pathname, searchParams, hash } = new URL(path, location.origin)
  return (
    <Link
      to={pathname}
      search={Object.fromEntries(searchParams)}
      hash={hash.slice(1)}
      onClick={onFollow}
      className="inline-flex min-h-8 items-center font-medium underline underline-offset-4"
    >
      {children}
    </Link>
  )
}

const Message = ({ item }: { readonly item: Notification }) => {
  const client = useQueryClient()
  const read = useMutation({ mutationFn: () => markRead(client, item.id) })
  const isUnread = item.readAt === null
  const link = ownLink(item.link)
  return (
    <li className="grid grid-cols-[0.75rem_1fr] gap-x-3 py-4">
      <span aria-hidden className={`mt-2 size-2.5 rounded-full ${isUnread ? "bg-credit" : ""}`} />
      <div className="grid gap-1">
        <p className="flex flex-wrap items-baseline justify-between gap-x-4">
          <span className={isUnread ? "font-semibold" : "font-medium"}>
            {isUnread ? <span className="sr-only">Unread: </span> : null}
            {item.title}
          </span>
          <time dateTime={item.at} title={utcText(item.at)} className="text-sm text-soft tabular-nums">
            {timeForm.format(new Date(item.at))}
          </time>
        </p>
        <p className="max-w-prose text-pretty text-soft tabular-nums">{item.body}</p>
        <div className="flex flex-wrap items-center gap-x-5 text-sm">
          {link === null ? null : (
            <OwnLink path={link} onFollow={() => (isUnread ? read.mutate() : undefined)}>
              Look at it<span className="sr-only">: {item.title}</span>
            </OwnLink>
          )}
          {isUnread ? (
            <button
              type="button"
              disabled={read.isPending}
              onClick={() => read.mutate()}
              className="min-h-8 text-soft underline underline-offset-4 hover:text-ink"
            >
              Mark as read<span className="sr-only">: {item.title}</span>
            </button>
          ) : null}
        </div>
        {read.isError ? (
          <p role="alert" className="text-sm text-danger">
            {textOf(read.error)}
          </p>
        ) : null}
      </div>
    </li>
  )
}

const Empty = ({ isUnreadOnly }: { readonly isUnreadOnly: boolean }) => (
  <div className="grid gap-2 rounded-card border border-dashed border-strong p-8">
    <p className="font-display text-2xl">{isUnreadOnly ? "Everything is read" : "Nothing to tell yet"}</p>
    <p className="max-w-prose text-pretty text-soft">
      Receipts, renewals, low credits and everything about your card and top-ups come here.
    </p>
  </div>
)

interface BarProperties {
  readonly unreadCount: number
  readonly isUnreadOnly: boolean
  readonly onUnreadOnly: (isUnreadOnly: boolean) => void
}

const Bar = ({ unreadCount, isUnreadOnly, onUnreadOnly }: BarProperties) => {
  const client = useQueryClient()
  const readAll = useMutation({ mutationFn: () => markAllRead(client) })
  return (
    <div className="grid gap-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p role="status" className="text-sm text-soft tabular-nums">
          {unreadCount === 0 ? "Nothing unread" : `${unreadCount} unread`}
        </p>
        <div className="flex flex-wrap items-center gap-4">
          <label className="inline-flex min-h-10 cursor-pointer items-center gap-2 text-sm">
            <input
              type="checkbox"
              checked={isUnreadOnly}
              onChange={(event) => onUnreadOnly(event.target.checked)}
              className="size-6 accent-credit"
            />
            Unread only
          </label>
          <Button
            voice="plain"
            isBusy={readAll.isPending}
            disabled={unreadCount === 0}
            onClick={() => readAll.mutate()}
          >
            Mark all as read
          </Button>
        </div>
      </div>
      {readAll.isError ? <Notice tone="danger">{textOf(readAll.error)}</Notice> : null}
    </div>
  )
}

export const Inbox = () => {
  const [isUnreadOnly, setUnreadOnly] = useState(false)
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    inboxQuery(isUnreadOnly),
  )
  if (error !== null && data === undefined) {
    return <Failed what="Your notifications" error={error} onRetry={() => void refetch()} />
  }
  const items = data?.pages.flatMap((page) => page.items) ?? []
  const unreadCount = data?.pages[0]?.unreadCount ?? 0
  return (
    <div className="grid gap-6">
      <Bar unreadCount={unreadCount} isUnreadOnly={isUnreadOnly} onUnreadOnly={setUnreadOnly} />
      {data === undefined ? <Skeleton className="h-64" /> : null}
      {data !== undefined && items.length === 0 ? <Empty isUnreadOnly={isUnreadOnly} /> : null}
      {daysOf(items).map(({ day, items: ofDay }) => (
        <section key={day} aria-label={localText(ofDay[0]!.at, "day")}>
          <h2 className="mb-1 border-b border-line pb-2 text-sm font-semibold text-soft">
            {localText(ofDay[0]!.at, "day")}
          </h2>
          <ul className="divide-y divide-line">
            {ofDay.map((item) => (
              <Message key={item.id} item={item} />
            ))}
          </ul>
        </section>
      ))}
      {hasNextPage ? (
        <div>
          <Button voice="plain" isBusy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Show older ones
          </Button>
        </div>
      ) : null}
    </div>
  )
}
