/**
 * What the owner of the partitions would have in memory if it started now: every account from its snapshot and the
 * entries after it, those below its partition's floor not read. A second way to the same state, so that the first can
 * contradict it (I10). Owns no reading of databases; fed entry by entry.
 */
import { blockOf, type StoredEntry } from "@credits/actor"
import { emptyAccount, evolve, type Account } from "./account.ts"
import type { Entry } from "./entry.ts"
import { decodeSnapshot, encodeSnapshot } from "./snapshot.ts"

export interface SnapshotRow {
  /** Address of the newest entry in it. */
  readonly head: number
  readonly state: string
}

interface Loading {
  head: number
  account: Account
}

export class LoadedAccounts {
  readonly #snapshots: ReadonlyMap<string, SnapshotRow>
  readonly #floors: ReadonlyMap<number, number>
  readonly #loading = new Map<string, Loading>()
  /** Accounts read whole, from their first entry: the same work as rebuilding them, so it is not done twice. */
  readonly #whole = new Set<string>()
  readonly #failed = new Map<string, string>()

  /** `floors`: of the partitions' rows. */
  constructor(snapshots: ReadonlyMap<string, SnapshotRow>, floors: ReadonlyMap<number, number>) {
    this.#snapshots = snapshots
    this.#floors = floors
  }

  /** An entry in the order of addresses; `entry` is its decoded body. */
  take(stored: StoredEntry, entry: Entry): void {
    const { account: id } = stored
    if (blockOf(stored.id) < (this.#floors.get(stored.partition) ?? 0)) return
    if (this.#whole.has(id) || this.#failed.has(id)) return
    const snapshot = this.#snapshots.get(id)
    if (snapshot !== undefined && stored.id <= snapshot.head) return
    if (snapshot === undefined && stored.prev === 0) {
      this.#whole.add(id)
      return
    }
    this.#attempt(id, () => {
      let loading = this.#loading.get(id)
      if (loading === undefined) this.#loading.set(id, (loading = this.#begin(id, snapshot)))
      if (stored.prev !== loading.head) throw new Error(`entry ${stored.n} follows another than the one remembered`)
      evolve(loading.account, entry)
      loading.head = stored.id
    })
  }

  #begin(id: string, snapshot: SnapshotRow | undefined): Loading {
    return snapshot === undefined
      ? { head: 0, account: emptyAccount(id) }
      : { head: snapshot.head, account: decodeSnapshot(id, snapshot.state) }
  }

  #attempt(id: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#failed.set(id, error instanceof Error ? error.message : String(error))
    }
  }

  /** The account as it would be loaded, as `encodeSnapshot` writes it; `rebuilt` is its text from entries alone. */
  textOf(id: string, rebuilt: string): string {
    if (this.#whole.has(id)) return rebuilt
    let text = ""
    this.#attempt(id, () => {
      const { account } = this.#loading.get(id) ?? this.#begin(id, this.#snapshots.get(id))
      text = encodeSnapshot(account)
    })
    return this.#failed.has(id) ? `cannot be loaded: ${this.#failed.get(id)}` : text
  }
}
