/**
 * The state hash (I10): one text for the state of every account. It is made of accounts and what they are, in the order
 * of their ids; nothing of where entries lie (partition, block, row), how they were committed or when they were written
 * goes into it. So equal states have equal hashes on any database, after a restore and after a replay of everything.
 * Pure. Owns the canonical text of the whole; that of one account is snapshot.ts.
 */
import { createHash } from "node:crypto"

export class StateHash {
  readonly #hash = createHash("sha256")
  #last = ""

  /** `text`: of `encodeSnapshot`. Accounts come in ascending order of their ids (code units), each once. */
  add(account: string, text: string): void {
    if (account <= this.#last) throw new Error(`account ${account} comes after ${this.#last}`)
    this.#last = account
    this.#hash.update(`${account}\n${text}\n`)
  }

  /** Hex SHA-256; ends the hash. */
  end(): string {
    return this.#hash.digest("hex")
  }
}
