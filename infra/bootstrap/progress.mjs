/**
 * What a person sees while set-up runs: one line per step, on stderr, so that stdout belongs to the program that is
 * started. Also owns the error that ends a set-up: a sentence and the next step, never a stack trace.
 */

/** A set-up step that cannot go on. `next` tells the person what to do about it. */
export class SetupFailed extends Error {
  /**
   * @param {string} message what went wrong, one sentence
   * @param {string} next what to do now
   */
  constructor(message, next) {
    super(message)
    this.name = "SetupFailed"
    this.next = next
  }
}

/** @param {string} line one line of progress */
export const say = (line) => {
  process.stderr.write(`set-up: ${line}\n`)
}

/**
 * The reason inside anything thrown, in one line.
 * @param {unknown} error
 * @returns {string}
 */
export const reasonOf = (error) => {
  const text = error instanceof Error ? error.message : String(error)
  return text.split("\n", 1)[0] ?? "unknown"
}
