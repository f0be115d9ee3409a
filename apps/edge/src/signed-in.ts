/**
 * Somebody signed in: the one place where the edge learns who an account belongs to. Kept for `get-session`; whoever
 * writes to customers is told here too.
 */
import { Effect } from "effect"
import { Contacts } from "./notifications.ts"
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
}: SignedInAccount): Effect.Effect<void, EdgeStoreUnavailable, EdgeStore | Contacts> =>
  Effect.gen(function* () {
    const store = yield* EdgeStore
    const contacts = yield* Contacts
    yield* store.tellPerson(accountId, { email, name }, Date.now())
    // No address that the issuer vouches for: whatever is known already stays.
    if (email !== "") yield* contacts.contact(accountId, email, name === "" ? null : name)
  })
