/** Follows the account's events while somebody is signed in, and tells the pages whether it can. */
import { useQuery, useQueryClient } from "@tanstack/react-query"
import { useRouter } from "@tanstack/react-router"
import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from "react"
import { followWallet, type LiveState } from "../../api/live.ts"
import { sessionQuery } from "../../api/queries.ts"

const State = createContext<LiveState>("connecting")

export const useLiveState = (): LiveState => useContext(State)

export const Live = ({ children }: { readonly children: ReactNode }) => {
  const client = useQueryClient()
  const { data: session } = useQuery(sessionQuery)
  const [state, setState] = useState<LiveState>("connecting")
  const user = session?.user.id
  useEffect(() => (user === undefined ? undefined : followWallet(client, setState)), [client, user])
  const router = useRouter()
  const before = useRef(user)
  useEffect(() => {
    // The page of somebody whose session ended is left for the sign-in, which comes back to it.
    if (before.current !== undefined && session === null) void router.invalidate()
    before.current = user
  }, [router, session, user])
  return <State value={user === undefined ? "connecting" : state}>{children}</State>
}
