/** How the edge's queries answer: a value, or that the database does not answer. */
import { Data, Effect } from "effect"

/** The edge's database does not answer: the caller is asked to come back. */
export class EdgeStoreUnavailable extends Data.TaggedError("EdgeStoreUnavailable")<{ readonly detail: string }> {}

export type Answer<A> = Effect.Effect<A, EdgeStoreUnavailable>

export const run = <A>(query: () => Promise<A>): Answer<A> =>
  Effect.tryPromise({ try: query, catch: (cause) => new EdgeStoreUnavailable({ detail: String(cause) }) })
