/** The way to support, where this server has one (R4.1). */
import { useQuery } from "@tanstack/react-query"
import { siteQuery } from "../../api/queries.ts"

/** `url` of a refusal, if it had one. */
export const SupportLink = ({
  url,
  children = "Write to support",
}: {
  readonly url?: unknown
  readonly children?: string
}) => {
  const { data: site } = useQuery(siteQuery)
  const address = typeof url === "string" ? url : site?.supportUrl
  if (address === null || address === undefined) return null
  return (
    <a href={address} className="font-medium text-ink underline underline-offset-4">
      {children}
    </a>
  )
}
