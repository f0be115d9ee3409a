/**
 * What waits for the next commit, and how it is told what came of it. Owns shapes only.
 */
import type { SagaAnswer } from "./saga.ts"

/** A command with who asked it. It waits from its decision until `reply` has an answer. */
export interface Waiting {
  readonly command: unknown
  /** "": nothing is stored for it. */
  readonly key: string
  /** SHA-256 of its content. */
  readonly hash: string
  /** Real milliseconds from its first decision. */
  readonly waitMs: number
  /** Called once, after the commit that answers. */
  readonly give: (answer: SagaAnswer) => void
}

export type Work =
  | { readonly t: "command"; readonly id: string; readonly waiting: Waiting }
  | { readonly t: "outcome"; readonly id: string; readonly step: string; readonly outcome: unknown }
  | {
      readonly t: "notice"
      readonly id: string
      readonly notice: unknown
      /** From inside the process: who waits for the commit. */
      readonly done: (() => void) | null
      readonly fail: (error: unknown) => void
      /** From a stream: what becomes of it when it cannot be decided. */
      readonly letter: ((error: unknown) => { readonly subject: string; readonly payload: string }) | null
    }
  | {
      readonly t: "read"
      readonly id: string
      readonly give: (state: unknown) => void
      readonly fail: (error: unknown) => void
    }
  /** The wait of a command is over. */
  | { readonly t: "over"; readonly id: string; readonly waiting: Waiting }

/** The inputs of one actor in one commit, in the order they came. None: only its due work. */
export interface Group {
  readonly id: string
  readonly works: ReadonlyArray<Work>
  /** The database refuses what this actor decides: nothing is decided, everything is told so. */
  readonly poison: Error | null
}

export const unavailable = (detail: string): SagaAnswer => ({ refused: { code: "unavailable", detail } })

/** Works by actor, in the order of each actor's first. */
export const groupsOf = (works: ReadonlyArray<Work>, due: ReadonlyArray<string>): ReadonlyArray<Group> => {
  const byActor = new Map<string, Array<Work>>()
  for (const work of works) {
    const known = byActor.get(work.id)
    if (known === undefined) byActor.set(work.id, [work])
    else known.push(work)
  }
  for (const id of due) if (!byActor.has(id)) byActor.set(id, [])
  return [...byActor].map(([id, group]) => ({ id, works: group, poison: null }))
}
