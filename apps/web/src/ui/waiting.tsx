/** What a place shows before its data is there, and when it could not be had. */
import { textOf } from "../api/client.ts"
import { Button } from "./button.tsx"
import { Notice } from "./notice.tsx"

/** A grey stand-in of the size of what comes; announced once as "Loading". */
export const Skeleton = ({ className = "h-24" }: { readonly className?: string }) => (
  <div role="status" aria-label="Loading" className={`animate-pulse rounded-xl bg-raised ${className}`} />
)

interface FailedProperties {
  readonly what: string
  readonly error: unknown
  readonly onRetry: () => void
}

export const Failed = ({ what, error, onRetry }: FailedProperties) => (
  <Notice
    tone="danger"
    title={`${what} cannot be shown right now`}
    action={
      <Button voice="plain" onClick={onRetry}>
        Try again
      </Button>
    }
  >
    {textOf(error)}
  </Notice>
)
