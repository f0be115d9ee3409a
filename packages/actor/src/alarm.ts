/**
 * A sleep that a message can end early.
 */
export class Alarm {
  #wake: (() => void) | null = null

  /** Ends the current sleep, if there is one. */
  ring(): void {
    this.#wake?.()
  }

  async sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, ms))
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = null
  }
}
