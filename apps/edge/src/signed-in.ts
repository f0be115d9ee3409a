/**
 * Somebody signed in: the one place where the edge learns who an account belongs to. Kept for `get-session`; whoever
 * writes to customers is told here too.
 */
import { Effect } from "effect"
import { EdgeStore } from "./store.ts"
import type { EdgeStoreUnavailable } from "./store-answer.ts"

export interface SignedInAccount {
  readonly accountId: string
  readonly email: string
  readonly name: string
}

export const accountSignedIn = ({
  accountId,
  email,
  name,
}: SignedInAccount): Effect.Effect<void, EdgeStoreUnavailable, EdgeStore> =>
  Effect.flatMap(EdgeStore, (store) => store.tellPerson(accountId, { email, name }, Date.now()))
