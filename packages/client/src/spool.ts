/**
 * The gateway's spool: usage events on disk from the moment `append` resolves until the stream has acknowledged them.
 *
 * Owns the directory: append-only segments `<number>.spool`, `cursor` (how far the stream has acknowledged) and `lock`.
 * Knows nothing of NATS. A segment is deleted only when every record in it is acknowledged. After a crash some events
 * are published again, never skipped; that is harmless because the event id is the idempotency key (R6.6).
 *
 * Survives kill -9 under both sync policies. `always` adds one fdatasync per group of appends and survives power loss
 * as well; with `os` a power loss may take what the kernel had not written yet (typically the last 5–30 s).
 */
import { mkdir, open, readdir, stat, unlink, type FileHandle } from "node:fs/promises"
import { join } from "node:path"
import { SpoolCursor, type SpoolPosition } from "./spool-cursor.ts"
import { takeSpoolLock } from "./spool-lock.ts"
import { encodeRecord, RECORD_OVERHEAD_BYTES, takeRecords } from "./spool-record.ts"

export interface SpoolOptions {
  readonly directory: string
  /** Bytes on disk and on their way there, at most. Default 256 MiB: about 13 minutes of 1,000 events/s. */
  readonly bytesMax?: number
  /** A segment is closed above this size. Default 8 MiB, at most a quarter of `bytesMax`. */
  readonly segmentBytesMax?: number
  /** `always` (default): fdatasync before `append` resolves. `os`: the operating system decides when. */
  readonly sync?: "always" | "os"
}

export interface SpoolBatch {
  readonly events: ReadonlyArray<Buffer>
  /** Position after the last record of the batch. */
  readonly end: SpoolPosition
}

export class SpoolInUse extends Error {
  readonly _tag = "SpoolInUse"
  constructor(directory: string) {
    super(`another process is using the spool ${directory}`)
  }
}

/** The disk refused the event; it is not accepted. */
export class SpoolWriteFailed extends Error {
  readonly _tag = "SpoolWriteFailed"
}

interface Pending {
  readonly record: Buffer
  readonly resolve: () => void
  readonly reject: (error: SpoolWriteFailed) => void
}

const MIB = 1024 * 1024
/** One write takes at most this much, so that the first waiter of a long queue is answered soon. */
const WRITE_BYTES_MAX = MIB

const segmentName = (segment: number): string => `${segment.toString().padStart(10, "0")}.spool`

const findSegments = async (directory: string): Promise<Map<number, number>> => {
  const names = (await readdir(directory)).filter((name) => /^\d{10}\.spool$/.test(name)).sort()
  const segments = new Map<number, number>()
  for (const name of names) segments.set(Number(name.slice(0, 10)), (await stat(join(directory, name))).size)
  return segments
}

/** A new file survives power loss only when its directory entry does. */
const syncDirectory = async (directory: string): Promise<void> => {
  const handle = await open(directory, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export class Spool {
  readonly directory: string
  readonly bytesMax: number
  readonly #segmentBytesMax: number
  readonly #sync: boolean
  readonly #unlock: () => void
  readonly #cursor: SpoolCursor
  /** Segment number → bytes that are whole. Insertion order is age. */
  readonly #segments: Map<number, number>
  #bytes = 0
  #writer!: FileHandle
  #writing = 0
  /** The highest number a segment was to have. */
  #named = 0
  #pending: Array<Pending> = []
  #busy: Promise<void> | null = null
  #reader: { readonly segment: number; readonly file: FileHandle } | null = null
  #acknowledged: SpoolPosition = { segment: 0, offset: 0 }
  #damaged = 0
  /** Called after every group of appends that reached the disk. */
  onAppended: () => void = () => {}
  /** Called when acknowledged segments were deleted: there is room again. */
  onFreed: () => void = () => {}

  private constructor(options: SpoolOptions, unlock: () => void, cursor: SpoolCursor, segments: Map<number, number>) {
    this.directory = options.directory
    this.bytesMax = options.bytesMax ?? 256 * MIB
    this.#segmentBytesMax = Math.min(options.segmentBytesMax ?? 8 * MIB, Math.floor(this.bytesMax / 4))
    this.#sync = options.sync !== "os"
    this.#unlock = unlock
    this.#cursor = cursor
    this.#segments = segments
    for (const size of segments.values()) this.#bytes += size
  }

  /**
   * Opens or creates the spool. What an earlier process left is read from `acknowledged` on. Rejects with `SpoolInUse`.
   */
  static async open(options: SpoolOptions): Promise<Spool> {
    await mkdir(options.directory, { recursive: true, mode: 0o700 })
    const unlock = takeSpoolLock(options.directory)
    if (unlock === null) throw new SpoolInUse(options.directory)
    try {
      const cursor = await SpoolCursor.open(options.directory)
      const spool = new Spool(options, unlock, cursor, await findSegments(options.directory))
      const first = [...spool.#segments.keys()][0] ?? cursor.found?.segment ?? 0
      spool.#named = Math.max(first, ...spool.#segments.keys())
      // A new segment per start: what a crash tore off at the end of the last one stays behind it.
      spool.#writer = await spool.#create()
      const found = cursor.found
      const start = found !== null && found.segment >= first ? found : { segment: first, offset: 0 }
      spool.#acknowledged = start
      await spool.#deletePassed()
      return spool
    } catch (error) {
      unlock()
      throw error
    }
  }

  get acknowledged(): SpoolPosition {
    return this.#acknowledged
  }
  /** Position after the last record on disk. */
  get written(): SpoolPosition {
    let end = this.#acknowledged
    for (const [segment, offset] of this.#segments) if (offset > 0 && segment >= end.segment) end = { segment, offset }
    return end
  }
  /** Bytes on disk and on their way there. */
  get bytes(): number {
    return this.#bytes
  }
  /** Records skipped because of their checksum: a torn tail after power loss, or a damaged disk. */
  get damaged(): number {
    return this.#damaged
  }
  /** Bytes on disk behind a position. */
  unread(from: SpoolPosition): number {
    let sum = 0
    for (const [segment, size] of this.#segments) {
      if (segment > from.segment) sum += size
      else if (segment === from.segment) sum += Math.max(0, size - from.offset)
    }
    return sum
  }
  hasRoomFor(eventBytes: number): boolean {
    return this.#bytes + eventBytes + RECORD_OVERHEAD_BYTES <= this.bytesMax
  }

  /** Resolves when the event is on disk (see the sync policy). The caller asks `hasRoomFor` first. */
  append(event: Buffer): Promise<void> {
    const record = encodeRecord(event)
    this.#bytes += record.length
    const written = new Promise<void>((resolve, reject) => this.#pending.push({ record, resolve, reject }))
    this.#busy ??= this.#write()
    return written
  }

  /** Group commit: each write takes what queued while the one before ran. */
  async #write(): Promise<void> {
    // A group never outgrows a segment: else one segment could hold the whole spool and could not be deleted while in
    // use.
    const groupBytesMax = Math.min(WRITE_BYTES_MAX, this.#segmentBytesMax)
    while (this.#pending.length > 0) {
      let bytes = 0
      let count = 0
      while (
        count < this.#pending.length &&
        (count === 0 || bytes + this.#pending[count]!.record.length <= groupBytesMax)
      ) {
        bytes += this.#pending[count++]!.record.length
      }
      const group = this.#pending.splice(0, count)
      try {
        await this.#writeGroup(
          Buffer.concat(
            group.map((pending) => pending.record),
            bytes,
          ),
        )
        for (const pending of group) pending.resolve()
        this.onAppended()
      } catch (cause) {
        this.#bytes -= bytes
        const error = new SpoolWriteFailed(`cannot write to the spool ${this.directory}`, { cause })
        for (const pending of group) pending.reject(error)
      }
    }
    this.#busy = null
  }

  async #writeGroup(bytes: Buffer): Promise<void> {
    const size = this.#segments.get(this.#writing)!
    if (size > 0 && size + bytes.length > this.#segmentBytesMax) await this.#rotate()
    const start = this.#segments.get(this.#writing)!
    try {
      let written = 0
      while (written < bytes.length) {
        written += (await this.#writer.write(bytes, written, bytes.length - written, null)).bytesWritten
      }
      if (this.#sync) await this.#writer.datasync()
    } catch (error) {
      // Half a record must not become the beginning of the next one.
      await this.#writer.truncate(start).catch(() => this.#rotate())
      throw error
    }
    this.#segments.set(this.#writing, start + bytes.length)
  }

  /** A segment that did not come to be has had its number: what is left of its file is empty and in nobody's way. */
  async #create(): Promise<FileHandle> {
    const next = ++this.#named
    const file = await open(join(this.directory, segmentName(next)), "ax", 0o600)
    try {
      if (this.#sync) await syncDirectory(this.directory)
    } catch (error) {
      await file.close()
      throw error
    }
    this.#writing = next
    this.#segments.set(next, 0)
    return file
  }

  async #rotate(): Promise<void> {
    const full = this.#writer
    this.#writer = await this.#create()
    await full.close()
  }

  /**
   * Records from a position on, at most `countMax` and `bytesMax` together; null when there are none yet. Damaged
   * records are skipped and counted, so a batch can be empty and still move on.
   */
  async read(from: SpoolPosition, countMax: number, bytesMax: number): Promise<SpoolBatch | null> {
    let position = from
    for (;;) {
      const size = this.#segments.get(position.segment) ?? 0
      if (position.offset >= size) {
        const next = [...this.#segments.keys()].find((segment) => segment > position.segment)
        if (next === undefined) return null
        position = { segment: next, offset: 0 }
        continue
      }
      const wanted = Math.min(size - position.offset, bytesMax + countMax * RECORD_OVERHEAD_BYTES)
      const file = await this.#fileOf(position.segment)
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, position.offset)
      const records = takeRecords(buffer.subarray(0, bytesRead), countMax, bytesMax)
      // Not one whole record: a torn tail. What is behind it in this segment is lost.
      this.#damaged += records.length === 0 ? 1 : records.damaged
      const offset = records.length === 0 ? size : position.offset + records.length
      return { events: records.events, end: { segment: position.segment, offset } }
    }
  }

  async #fileOf(segment: number): Promise<FileHandle> {
    if (this.#reader?.segment === segment) return this.#reader.file
    await this.#reader?.file.close()
    this.#reader = { segment, file: await open(join(this.directory, segmentName(segment)), "r") }
    return this.#reader.file
  }

  /** Everything before `position` is in the stream: remembers it and deletes the segments behind it. */
  async acknowledge(position: SpoolPosition): Promise<void> {
    this.#acknowledged = position
    this.#cursor.move(position)
    await this.#deletePassed()
  }

  async #deletePassed(): Promise<void> {
    const { segment: current, offset } = this.#acknowledged
    for (const [segment, size] of this.#segments) {
      const passed = segment < current || (segment === current && offset >= size)
      if (!passed || segment === this.#writing) break
      this.#segments.delete(segment)
      this.#bytes -= size
      await unlink(join(this.directory, segmentName(segment)))
      this.onFreed()
    }
  }

  /** Waits for what is being written, then closes the files and gives the lock back. */
  async close(): Promise<void> {
    while (this.#busy !== null) await this.#busy
    await this.#reader?.file.close()
    await this.#writer.close()
    if (this.#segments.get(this.#writing) === 0) await unlink(join(this.directory, segmentName(this.#writing)))
    await this.#cursor.close()
    this.#unlock()
  }
}
