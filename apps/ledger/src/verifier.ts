/**
 * The checks of `ledger verify` over entries in the order they were written: chains, identities, snapshots, state
 * hashes (I1, I10). Owns what is a problem and its words; reading the database is verify.ts.
 */
import { chainHash, entriesOf, type NewBlock, type StoredEntry } from "@credits/actor"
import type { EntryKind } from "@credits/contracts"
import { assertHolds, assertIdentity, emptyAccount, evolve, type Account } from "./account.ts"
import { decodeBody } from "./entry.ts"
import { LoadedAccounts, type SnapshotRow } from "./loaded.ts"
import { encodeSnapshot } from "./snapshot.ts"
import { StateHash } from "./state-hash.ts"

/** What a partition's row says. */
export interface PartitionHead {
  readonly seq: number
  readonly chain: string
  /** Blocks below it are in snapshots. */
  readonly floor: number
}

const PROBLEMS_MAX = 20

/** Walks every entry once and keeps what the checks need. */
export class Verifier {
  readonly problems: Array<string> = []
  problemCount = 0
  entries = 0
  charges = 0
  readonly accounts = new Map<string, { account: Account; head: number }>()
  readonly #chains = new Map<number, { seq: number; chain: string }>()
  readonly #heads: ReadonlyMap<number, PartitionHead>
  readonly #snapshots: ReadonlyMap<string, SnapshotRow>
  readonly #loaded: LoadedAccounts
  readonly #broken = new Set<string>()
  readonly #checked = new Set<string>()
  /** Accounts whose snapshot is named as wrong: that they load wrongly follows from it. */
  readonly #misremembered = new Set<string>()

  constructor(heads: ReadonlyMap<number, PartitionHead>, snapshots: ReadonlyMap<string, SnapshotRow>) {
    this.#heads = heads
    this.#snapshots = snapshots
    this.#loaded = new LoadedAccounts(snapshots, new Map([...heads].map(([id, { floor }]) => [id, floor])))
  }

  get snapshotsChecked(): number {
    return this.#checked.size
  }

  problem(text: string): void {
    this.problemCount += 1
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(text)
  }

  take(block: NewBlock): void {
    this.#link(block)
    for (const stored of entriesOf(block)) {
      this.entries += 1
      if (this.#broken.has(stored.account)) continue
      try {
        this.#replay(stored)
      } catch (error) {
        this.#broken.add(stored.account)
        this.problem(error instanceof Error ? error.message : String(error))
      }
    }
  }

  #link(block: NewBlock): void {
    const { partition, seq, count, chain, text } = block
    const link = this.#chains.get(partition) ?? { seq: 0, chain: "" }
    if (seq !== link.seq + 1) this.problem(`partition ${partition}: entry ${seq} follows ${link.seq}`)
    if (chainHash(link.chain, text) !== chain)
      this.problem(`partition ${partition}: the hash chain breaks at block ${block.id} (entry ${seq})`)
    this.#chains.set(partition, { seq: seq + count - 1, chain })
  }

  #replay(stored: StoredEntry): void {
    let known = this.accounts.get(stored.account)
    if (known === undefined)
      this.accounts.set(stored.account, (known = { account: emptyAccount(stored.account), head: 0 }))
    const { account } = known
    if (stored.prev !== known.head)
      this.problem(`account ${stored.account}: entry ${stored.n} points to ${stored.prev}, not ${known.head}`)
    if (stored.n !== account.n + 1) this.problem(`account ${stored.account}: entry ${stored.n} follows ${account.n}`)
    const entry = decodeBody(stored.kind as EntryKind, stored.at, stored.body)
    evolve(account, entry)
    assertIdentity(account)
    if (entry.kind === "charged") this.charges += 1
    known.head = stored.id
    this.#loaded.take(stored, entry)
    const snapshot = this.#snapshots.get(stored.account)
    if (snapshot === undefined || snapshot.head !== stored.id) return
    this.#checked.add(stored.account)
    if (encodeSnapshot(account) !== snapshot.state)
      this.#misremember(stored.account, "its snapshot is not what its entries give (I10)")
  }

  #misremember(account: string, what: string): void {
    this.#misremembered.add(account)
    this.problem(`account ${account}: ${what}`)
  }

  finish(): void {
    for (const [id, { seq, chain }] of this.#heads) {
      const link = this.#chains.get(id) ?? { seq: 0, chain: "" }
      if (link.seq !== seq) this.problem(`partition ${id}: its row says ${seq} entries, there are ${link.seq}`)
      if (link.chain !== chain) this.problem(`partition ${id}: the chain's head is not its row's`)
    }
    for (const [account, { head, state }] of this.#snapshots) {
      if (this.#checked.has(account) || this.#broken.has(account)) continue
      if (head === 0 && state === encodeSnapshot(emptyAccount(account))) continue
      this.#misremember(account, `its snapshot is of entry ${head}, which the account does not have (I10)`)
    }
    for (const { account } of this.accounts.values()) {
      if (this.#broken.has(account.id)) continue
      try {
        assertHolds(account)
      } catch (error) {
        this.problem((error as Error).message)
      }
    }
  }

  /**
   * The hash of all states from entries alone, and of what an owner that starts now would have. Accounts whose entries
   * contradict themselves were named before; every other one that would be loaded wrongly is named here.
   */
  hashes(): { readonly stateHash: string; readonly loadedHash: string } {
    const [state, loaded] = [new StateHash(), new StateHash()]
    for (const id of [...this.accounts.keys()].sort()) {
      const rebuilt = encodeSnapshot(this.accounts.get(id)!.account)
      const text = this.#loaded.textOf(id, rebuilt)
      state.add(id, rebuilt)
      loaded.add(id, text)
      if (text === rebuilt || this.#broken.has(id) || this.#misremembered.has(id)) continue
      this.problem(`account ${id}: what its owner would load is not what its entries give (I10)`)
    }
    return { stateHash: state.end(), loadedHash: loaded.end() }
  }
}
