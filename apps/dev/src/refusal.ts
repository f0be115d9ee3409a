/** A start that cannot work, said in one sentence with what to do about it; never a stack trace. */
import { Data } from "effect"

export class StartRefused extends Data.TaggedError("StartRefused")<{
  readonly reason: string
  readonly next: string
}> {
  override get message(): string {
    return `${this.reason}\n  next: ${this.next}`
  }
}
