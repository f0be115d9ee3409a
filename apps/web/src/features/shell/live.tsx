/** Follows the account's events while somebody is signed in, and tells the pages whether it can. */
import { useQuery, useQueryClient } from "@tanstack/react-query"
import { createContext, type ReactNode, useContext, useEffect, useState } from "react"
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
  return <State value={user === undefined ? "connecting" : state}>{children}</State>
}
