/**
 * Whether there is room on the volume of the data folder, read once a second (decision 21). Owns the reading and the
 * mark; what stops below it is the business of who asks: new usage and new authorizations do, while what was begun is
 * finished in the room that is left.
 */
import { statfs } from "node:fs/promises"
import { Config } from "effect"

const MIB = 1024 * 1024
/** Leases, cursors, outcomes of payments and the write-ahead logs of every service go on for long in this much. */
const MARK_DEFAULT_MIB = 512
const READ_MS = 1_000

/** `CREDITS_FREE_SPACE_MIB` in bytes; 0: never stop. */
export const freeSpaceMark = Config.Int("CREDITS_FREE_SPACE_MIB").pipe(
  Config.withDefault(MARK_DEFAULT_MIB),
  Config.map((mib) => Math.max(0, mib) * MIB),
)

export interface FreeSpaceOptions {
  /** A folder on the volume in question. */
  readonly folder: string
  /** Bytes. */
  readonly mark: number
  /** Bytes free to us below a folder; rejects when the folder is not on this machine. Default: ask the system. */
  readonly read?: ((folder: string) => Promise<number>) | undefined
}

const askSystem = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Going on needs an eighth more than the mark, so that a volume that hovers around it does not switch every second. */
const enoughAgain = (mark: number): number => mark + mark / 8

export class FreeSpace {
  readonly #options: FreeSpaceOptions
  readonly #onChange: (space: FreeSpace) => void
  #timer: NodeJS.Timeout | undefined
  #isLow = false
  #free: number | null = null
  #isStopped = false

  private constructor(options: FreeSpaceOptions, onChange: (space: FreeSpace) => void) {
    this.#options = options
    this.#onChange = onChange
  }

  /** The first reading is taken before this resolves: nobody begins to take in what there is no room for. */
  static async watch(
    options: FreeSpaceOptions,
    onChange: (space: FreeSpace) => void = () => undefined,
  ): Promise<FreeSpace> {
    const space = new FreeSpace(options, onChange)
    await space.#look()
    return space
  }

  /** Below the mark: take in nothing and promise nothing that is not begun already. */
  get isLow(): boolean {
    return this.#isLow
  }

  /** Bytes, as last read; null where the folder is not on this machine. */
  get free(): number | null {
    return this.#free
  }

  /** What a service reports of it among its metrics. */
  get metrics(): { readonly freeSpaceBytes: number | null; readonly intakeStopped: number } {
    return { freeSpaceBytes: this.#free, intakeStopped: this.#isLow ? 1 : 0 }
  }

  /** One sentence for the log. */
  get sentence(): string {
    const { folder, mark } = this.#options
    const mib = (bytes: number | null): string => `${Math.floor((bytes ?? 0) / MIB)} MiB`
    const found = `${mib(this.#free)} free in ${folder}`
    return this.#isLow
      ? `low_space: ${found}, less than ${mib(mark)}; usage and authorizations stop until there is room`
      : `low_space is over: ${found}; usage and authorizations go on`
  }

  async #look(): Promise<void> {
    const { folder, mark, read = askSystem } = this.#options
    // A folder that cannot be looked at stops nobody: the databases and streams are elsewhere, or say so themselves.
    this.#free = await read(folder).catch(() => null)
    if (this.#isStopped) return
    const isLow = this.#free !== null && this.#free < (this.#isLow ? enoughAgain(mark) : mark)
    if (isLow !== this.#isLow) {
      this.#isLow = isLow
      this.#onChange(this)
    }
    this.#timer = setTimeout(() => void this.#look(), READ_MS).unref()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }
}
