/** A start that cannot work, said in one sentence with what to do about it; never a stack trace. */
import { Data, Effect } from "effect"

export class StartRefused extends Data.TaggedError("StartRefused")<{
  readonly reason: string
  readonly next: string
}> {
  override get message(): string {
    return `${this.reason}\n  next: ${this.next}`
  }
}

/** A promise of the start: whatever it rejects with becomes a refusal with a sentence. */
export const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, StartRefused> =>
  Effect.tryPromise({
    try: run,
    catch: (error) => {
      if (error instanceof StartRefused) return error
      const reason = error instanceof Error ? error.message : String(error)
      return new StartRefused({ reason, next: "look at the lines above" })
    },
  })
