/**
 * One owned partition in memory: its row, mutable, as the next commit will write it.
 */
import type { PartitionRow } from "./rows.ts"

export interface Partition {
  readonly id: number
  readonly epoch: number
  incarnation: string
  cursor: number
  cursorIndex: number
  seq: number
  chain: string
  floor: number
  journaledSeq: number
  journaledId: number
  signalSeq: number
  lastAt: number
  /** Real time until which the lease is ours if nothing renews it. */
  leaseUntil: number
}

export const openPartition = (row: PartitionRow, leaseUntil: number): Partition => ({ ...row, leaseUntil })

/** The journal is stored up to these: the next commit writes it down. */
export const journaledUpTo = (
  owned: ReadonlyMap<number, Partition>,
  items: ReadonlyArray<readonly [partition: number, seq: number, block: number]>,
): void => {
  for (const [id, seq, block] of items) {
    const partition = owned.get(id)
    if (partition === undefined || seq <= partition.journaledSeq) continue
    partition.journaledSeq = seq
    partition.journaledId = block
  }
}

/** All that was delivered is applied: so it is for partitions without traffic. */
export const nothingWaitsBelow = (owned: ReadonlyMap<number, Partition>, delivered: number): void => {
  for (const partition of owned.values()) {
    if (partition.cursor >= delivered) continue
    partition.cursor = delivered
    partition.cursorIndex = -1
  }
}

/** What the commit wrote, with what was learned while it was on its way (Postgres lets the loop turn). */
export const committedPartition = (written: Partition, now: Partition, leaseUntil: number): Partition => {
  written.leaseUntil = leaseUntil
  if (now.incarnation !== "") written.incarnation = now.incarnation
  written.journaledSeq = Math.max(written.journaledSeq, now.journaledSeq)
  written.journaledId = Math.max(written.journaledId, now.journaledId)
  return written
}

/** Where these partitions' stream must be read from: behind the lowest message that is wholly applied. */
export const readFrom = (
  owned: ReadonlyArray<Partition>,
): { readonly cursor: number; readonly incarnation: string } => ({
  cursor: Math.min(...owned.map(({ cursor, cursorIndex }) => (cursorIndex === -1 ? cursor : cursor - 1))),
  incarnation: owned.find((partition) => partition.incarnation !== "")?.incarnation ?? "",
})
