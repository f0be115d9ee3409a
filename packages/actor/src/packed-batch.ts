/**
 * A batch's rows as plain lists of values, row after row: what a prepared statement binds and what travels between
 * threads at a fraction of the cost of an object a row. Pure.
 */
import type { Batch, Claim, NewReceipt, SealedBlock } from "./rows.ts"

/** What a statement takes for each value of a row: a block's text comes as bytes and is text in the database. */
export const BLOCK_COLUMNS = ["?", "?", "?", "?", "?", "CAST(? AS TEXT)"]
export const CLAIM_COLUMNS = ["?", "?", "?"]
/** The block id, the same for all receipts of a batch, is not among them. */
export const RECEIPT_COLUMNS = ["?", "?", "?", "?", "?"]

type Values = ReadonlyArray<string | number | Uint8Array | null>

export type PackedBatch = Omit<Batch, "blocks" | "claims" | "receipts"> & {
  /** id, partition, seq, count, chain, text */
  readonly blocks: Values
  /** key, account, content */
  readonly claims: Values
  /** key, account, content, answer, expires at */
  readonly receipts: Values
}

export const packClaims = (claims: ReadonlyArray<Claim>): Values => {
  const values: Array<string> = []
  for (const { key, account, content } of claims) values.push(key, account, content)
  return values
}

const packBlocks = (blocks: ReadonlyArray<SealedBlock>): Values => {
  const values: Array<string | number | Uint8Array> = []
  for (const { id, partition, seq, count, chain, text } of blocks) values.push(id, partition, seq, count, chain, text)
  return values
}

const packReceipts = (receipts: ReadonlyArray<NewReceipt>): Values => {
  const values: Array<string | number | null> = []
  for (const { key, account, content, answer, expiresAt } of receipts)
    values.push(key, account, content, answer, expiresAt)
  return values
}

export const packBatch = (batch: Batch): PackedBatch => ({
  ...batch,
  blocks: packBlocks(batch.blocks),
  claims: packClaims(batch.claims),
  receipts: packReceipts(batch.receipts),
})
