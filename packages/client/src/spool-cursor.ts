/**
 * The file that remembers how far the stream has acknowledged. Owns its one line `<segment> <offset> <crc32>`.
 * Written after the acknowledgement without a sync: behind is harmless (events go out twice), ahead is impossible.
 */
import { open, type FileHandle } from "node:fs/promises"
import { join } from "node:path"
import { crc32 } from "node:zlib"

/** Where a record begins or ends. */
export interface SpoolPosition {
  readonly segment: number
  readonly offset: number
}

/** Fixed width, so that a newer line always covers an older one. */
const encode = (position: SpoolPosition): string => {
  const text = `${position.segment.toString().padStart(10, "0")} ${position.offset.toString().padStart(12, "0")}`
  return `${text} ${crc32(text).toString(16).padStart(8, "0")}\n`
}

const decode = (text: string): SpoolPosition | null => {
  const match = /^(\d{10}) (\d{12}) ([0-9a-f]{8})\n/.exec(text)
  if (match === null || crc32(text.slice(0, 23)).toString(16).padStart(8, "0") !== match[3]) return null
  return { segment: Number(match[1]), offset: Number(match[2]) }
}

export class SpoolCursor {
  readonly #file: FileHandle
  /** As found at the start; null when there was none or it was damaged: everything on disk counts as unacknowledged. */
  readonly found: SpoolPosition | null
  #next: SpoolPosition | null = null
  #busy: Promise<void> | null = null

  private constructor(file: FileHandle, found: SpoolPosition | null) {
    this.#file = file
    this.found = found
  }

  static async open(directory: string): Promise<SpoolCursor> {
    const path = join(directory, "cursor")
    await open(path, "a", 0o600).then((file) => file.close())
    const file = await open(path, "r+")
    return new SpoolCursor(file, decode(await file.readFile("latin1")))
  }

  /** Writes soon; of several positions only the newest. A failed write leaves an older line, which is harmless. */
  move(position: SpoolPosition): void {
    this.#next = position
    this.#busy ??= this.#write()
  }

  async #write(): Promise<void> {
    while (this.#next !== null) {
      const position = this.#next
      this.#next = null
      await this.#file.write(encode(position), 0, "latin1").catch(() => {})
    }
    this.#busy = null
  }

  async close(): Promise<void> {
    while (this.#busy !== null) await this.#busy
    await this.#file.close()
  }
}
