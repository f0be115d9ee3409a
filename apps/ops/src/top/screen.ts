/** The terminal while `credits top` lives: the alternate screen, redrawn from its corner, and the key that ends it. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

const ENTER = "\u001b[?1049h\u001b[?25l"
const LEAVE = "\u001b[?25h\u001b[?1049l"
/** What the key is while the terminal gives every key as it is. */
const CONTROL_C = "\u0003"
const HOME = "\u001b[H"
const CLEAR_LINE = "\u001b[K"
const CLEAR_BELOW = "\u001b[J"

/** A coloured line has its colour at both ends. */
const COLOUR = "\u001b[31m"
const PLAIN = "\u001b[0m"
const cut = (line: string, width: number): string =>
  line.startsWith(COLOUR) ? `${line.slice(0, width + COLOUR.length)}${PLAIN}` : line.slice(0, width)

export interface Screen {
  readonly draw: (text: string) => Effect.Effect<void>
  /** `q` or Ctrl-C. */
  readonly quit: Effect.Effect<void>
}

/** Given back as it was with the scope, however the command ends. */
export const openScreen: Effect.Effect<Screen, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => {
    const { stdin, stdout } = process
    const { promise, resolve } = Promise.withResolvers<void>()
    const hear = (keys: Buffer): void => {
      const text = keys.toString()
      if (text === "q" || text === "Q" || text.includes(CONTROL_C)) resolve()
    }
    if (stdin.isTTY) stdin.setRawMode(true)
    stdin.on("data", hear)
    stdout.write(ENTER)
    const leave = (): void => {
      stdin.off("data", hear)
      if (stdin.isTTY) stdin.setRawMode(false)
      stdin.pause()
      stdout.write(LEAVE)
    }
    const draw = (text: string): void => {
      // Wider lines would wrap, and push the picture out at the top.
      const width = stdout.columns || 120
      const lines = text.split("\n").slice(0, (stdout.rows || 50) - 1)
      const shown = lines.map((line) => cut(line, width) + CLEAR_LINE)
      stdout.write(`${HOME}${shown.join("\r\n")}${CLEAR_BELOW}`)
    }
    return {
      draw: (text: string) => Effect.sync(() => draw(text)),
      quit: Effect.promise(() => promise),
      leave,
    }
  }),
  ({ leave }) => Effect.sync(leave),
)
