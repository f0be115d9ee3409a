/**
 * Partitions: which of the 64 an account belongs to. FNV-1a-32 over the UTF-8 bytes of the account id, modulo 64,
 * which equals NATS `partition(64,…)` (measured equal). The count is fixed for the life of the data.
 */

export const PARTITIONS = 64

/** FNV-1a-32 of ASCII text (account ids are ASCII). */
export const fnv1a32 = (text: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i)
    hash = Math.imul(hash, 0x01000193)
  }
  return hash >>> 0
}

export const partitionOf = (accountId: string): number => fnv1a32(accountId) % PARTITIONS
