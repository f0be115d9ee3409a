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
export const partitionRow = ({ leaseUntil: _, ...row }: Partition): PartitionRow => row
