/**
 * Makes the streams of a backup that `credits backup restore` laid ready, before any service reads. A stream of that
 * name that is there already is either this one, from a start that was interrupted, or the start is refused.
 */
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { type BusHandle, incarnationOf, restoreStream, type StreamBackup } from "@credits/bus"
import {
  type BackedUpStream,
  type BackupManifest,
  HEADERS,
  MANIFEST_FILE,
  parseManifest,
  STREAMS,
} from "@credits/contracts"
import { StartRefused } from "./refusal.ts"

const STREAM_NOT_FOUND = 10059
const PAGE = 256

/** The form of `<partition>.<seq>` in a journal message's id. */
const JOURNAL_ID = /^(\d+)\.(\d+)$/

const incarnationNow = async (bus: BusHandle, name: string): Promise<string | undefined> => {
  try {
    return incarnationOf(await bus.jsm.streams.info(name))
  } catch (error) {
    if ((error as { readonly code?: number }).code === STREAM_NOT_FOUND) return undefined
    throw error
  }
}

const restoreOne = async (bus: BusHandle, folder: string, stream: BackedUpStream, replicas: number): Promise<void> => {
  const now = await incarnationNow(bus, stream.name)
  if (now === stream.incarnation) return
  if (now !== undefined) {
    const reason = `the backup cannot be restored: the bus has another stream ${stream.name}, made at ${now}`
    throw new StartRefused({ reason, next: "restore into a NATS server that has no streams of credits" })
  }
  await restoreStream(bus, stream as unknown as StreamBackup, join(folder, stream.file), replicas)
}

/**
 * Whether a message of the journal tells of a commit that the restored ledger does not have: it was published after the
 * ledger's database was copied. That ledger will give the same numbers to other entries. Pure.
 */
export const isBeyond = (id: string | undefined, ledgerSeqs: Readonly<Record<string, number>>): boolean => {
  const [, partition, seq] = JOURNAL_ID.exec(id ?? "") ?? []
  return partition !== undefined && Number(seq) > (ledgerSeqs[partition] ?? 0)
}

/** Takes what is beyond the restored ledger out of its journal; readers know gaps in sequences as deletions. */
const trimJournal = async (bus: BusHandle, { from, ledgerSeqs }: BackupManifest): Promise<number> => {
  const { name } = STREAMS.ledgerJournal
  const { state } = await bus.jsm.streams.info(name)
  const since = Date.parse(from) - 60_000
  let beyond = 0
  // From the end: only the last moments can be beyond, and one page before them ends the search.
  for (let last = state.last_seq; last >= state.first_seq && state.messages > 0; last -= PAGE) {
    const first = Math.max(state.first_seq, last - PAGE + 1)
    let newest = 0
    for await (const message of await bus.jsm.direct.getBatch(name, { seq: first, batch: last - first + 1 })) {
      if (message.seq > last) break
      newest = Math.max(newest, message.time.getTime())
      if (!isBeyond(message.header.get(HEADERS.id), ledgerSeqs)) continue
      await bus.jsm.streams.deleteMessage(name, message.seq, false)
      beyond += 1
    }
    if (newest !== 0 && newest < since) break
  }
  return beyond
}

/**
 * @param folder `nats/restore` of the data folder; nothing happens when it is not there
 * @throws StartRefused | BusError
 */
export const restorePending = async (
  bus: BusHandle,
  folder: string,
  replicas: number,
  say: (line: string) => void,
): Promise<void> => {
  if (!existsSync(join(folder, MANIFEST_FILE))) return
  const manifest = parseManifest(readFileSync(join(folder, MANIFEST_FILE), "utf8"))
  for (const stream of manifest.streams) {
    await restoreOne(bus, folder, stream, replicas)
    say(`restored ${stream.name}: ${stream.state.messages} messages up to ${stream.state.last_seq}`)
  }
  const beyond = await trimJournal(bus, manifest)
  if (beyond > 0)
    say(`${STREAMS.ledgerJournal.name}: ${beyond} messages are newer than the ledger that was restored; removed`)
  rmSync(folder, { recursive: true })
}
