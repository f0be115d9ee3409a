/**
 * One record of a spool segment: `<crc32, 8 hex digits> <event as JSON>\n`. Owns its bytes and nothing else.
 * JSON text never contains a raw newline, so a line is a record and a torn one is found by its checksum.
 */
import { crc32 } from "node:zlib"

/** Eight hexadecimal digits and a space. */
const PREFIX_BYTES = 9
const NEWLINE = 10
/** What a record is longer than its event. */
export const RECORD_OVERHEAD_BYTES = PREFIX_BYTES + 1

const checksum = (bytes: Buffer): string => crc32(bytes).toString(16).padStart(8, "0")

export const encodeRecord = (event: Buffer): Buffer => {
  const record = Buffer.allocUnsafe(event.length + RECORD_OVERHEAD_BYTES)
  record.write(`${checksum(event)} `, 0, "latin1")
  event.copy(record, PREFIX_BYTES)
  record[record.length - 1] = NEWLINE
  return record
}

const decodeRecord = (line: Buffer): Buffer | null => {
  if (line.length <= PREFIX_BYTES) return null
  const event = line.subarray(PREFIX_BYTES)
  return line.toString("latin1", 0, PREFIX_BYTES - 1) === checksum(event) ? event : null
}

export interface Records {
  readonly events: ReadonlyArray<Buffer>
  /** Bytes consumed: whole records, damaged ones included. 0 = not one whole record. */
  readonly length: number
  readonly damaged: number
}

/**
 * Takes whole records from the front of `chunk`: at most `countMax` events and `bytesMax` of them with a separator
 * each.
 */
export const takeRecords = (chunk: Buffer, countMax: number, bytesMax: number): Records => {
  const events: Array<Buffer> = []
  let length = 0
  let bytes = 0
  let damaged = 0
  while (events.length < countMax) {
    const newline = chunk.indexOf(NEWLINE, length)
    if (newline < 0) break
    const event = decodeRecord(chunk.subarray(length, newline))
    if (event === null) damaged++
    else {
      if (events.length > 0 && bytes + event.length + 1 > bytesMax) break
      events.push(event)
      bytes += event.length + 1
    }
    length = newline + 1
  }
  return { events, length, damaged }
}
