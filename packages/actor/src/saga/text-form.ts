/**
 * States as text, read back to see that the text says the same twice: a form that loses something would be noticed
 * only after the next start. Owns how often that is done, because it is two thirds of what a text costs: always while a
 * combination of phases is new to this process, then now and then.
 */
import { isDeepStrictEqual } from "node:util"
import type { AnySagaMachine } from "./saga.ts"

/** Texts of each combination of phases that are all read back: many more than a test makes. */
const READ_BACK_ALL = 200
/** Afterwards one in so many. */
const READ_BACK_EVERY = 64

/** The order of the fields may differ. */
const isSameText = (one: string, other: string): boolean =>
  one === other || isDeepStrictEqual(JSON.parse(one), JSON.parse(other))

export class TextForm {
  readonly #machine: Pick<AnySagaMachine, "name" | "encode" | "decode">
  /** Phases → texts made in them. As many as the drawings have combinations. */
  readonly #made = new Map<string, number>()

  constructor(machine: Pick<AnySagaMachine, "name" | "encode" | "decode">) {
    this.#machine = machine
  }

  /** @throws Error when what is read back is another text */
  of(state: unknown, phases: string): string {
    const { name, encode, decode } = this.#machine
    const text = encode(state)
    const made = (this.#made.get(phases) ?? 0) + 1
    this.#made.set(phases, made)
    if (made > READ_BACK_ALL && made % READ_BACK_EVERY !== 0) return text
    if (!isSameText(text, encode(decode(text)))) throw new Error(`${name}: the text form does not say the same twice`)
    return text
  }
}
