/**
 * The worker's mailbox (decision 6): two lanes, both bounded by the host. Requests wait as texts; stream messages are
 * decoded when their turn comes and may span commits. Owns the order and what one commit takes; knows nothing of the
 * database.
 */
import type { BadCommand, Request, StreamCommand } from "./machine.ts"
import type { AnyMachine, CommandUnit, RequestUnit } from "./batch.ts"
import type { Partition } from "./partition.ts"
import type { FromWorker, ToWorker, Unsynced } from "./protocol.ts"

/** Requests of one commit. */
const REQUESTS_MAX = 1_000
/**
 * So many at once, or a quarter of what waits where that is more. A commit that took all of it would leave the bus and
 * the callers idle meanwhile, and be idle itself while they work on its answers; of a long queue it takes larger parts,
 * because each commit has a fixed cost. A partition in it costs as much as a request: of those that waited longest all
 * are taken.
 */
const REQUESTS_AT_ONCE = 96

interface QueuedMessage {
  readonly partition: number
  readonly seq: number
  readonly payload: Uint8Array
  readonly headers: string
  /** Decoded when first needed. */
  commands: ReadonlyArray<StreamCommand | BadCommand> | null
  next: number
}

interface QueuedRequest {
  readonly partition: number
  readonly restricted: boolean
  readonly reply: string
  readonly text: string
  trace: string | undefined
}

export class Mailbox<State> {
  readonly #machine: AnyMachine<State>
  #requests: Array<QueuedRequest> = []
  #messages: Array<QueuedMessage> = []
  #messagesFrom = 0
  /** Highest stream sequence delivered, whether or not applied yet. */
  delivered = 0
  /** Requests taken that the host does not know to be over. */
  #taken = 0

  constructor(machine: AnyMachine<State>) {
    this.#machine = machine
  }

  get requests(): number {
    return this.#requests.length
  }
  get messages(): number {
    return this.#messages.length - this.#messagesFrom
  }

  offerRequests(message: Extract<ToWorker, { readonly t: "requests" }>): void {
    const { partitions, restricted, replies, texts, traces = [] } = message
    const before = this.#requests.length
    for (let i = 0; i < replies.length; i++) {
      const [partition, reply, text] = [partitions[i]!, replies[i]!, texts[i]!]
      this.#requests.push({ partition, restricted: restricted[i]!, reply, text, trace: undefined })
    }
    for (const [i, trace] of traces) this.#requests[before + i]!.trace = trace
  }

  /** What the worker says passes here: its answers are counted. */
  sent(message: FromWorker | Unsynced): void {
    if (message.t === "replies") this.#taken -= message.replies.length
  }

  /** A turn answers all that it took, but for what is somebody else's now: the host must not wait for it. */
  tellUnanswered(send: (message: Extract<FromWorker, { readonly t: "unanswered" }>) => void): void {
    if (this.#taken > 0) send({ t: "unanswered", count: this.#taken })
    this.#taken = 0
  }

  offerMessages({ partitions, seqs, payloads, headers: all }: Extract<ToWorker, { readonly t: "messages" }>): void {
    for (let i = 0; i < seqs.length; i++) {
      const [partition, seq, payload, headers] = [partitions[i]!, seqs[i]!, payloads[i]!, all[i]!]
      if (seq > this.delivered) this.delivered = seq
      this.#messages.push({ partition, seq, payload, headers, commands: null, next: 0 })
    }
  }

  clearMessages(): void {
    this.#messages = []
    this.#messagesFrom = 0
    this.delivered = 0
  }

  /** Decoded requests of owned partitions; invalid ones are answered through `invalid`. */
  takeRequests(
    owned: ReadonlyMap<number, Partition>,
    invalid: (reply: string, text: string) => void,
  ): Array<RequestUnit<Request>> {
    const units: Array<RequestUnit<Request>> = []
    const next = this.#nextRequests()
    this.#taken += next.length
    for (const { partition, restricted, reply, text, trace } of next) {
      // Silent when not the owner: the caller repeats and finds the one who is (decision 6).
      if (!owned.has(partition)) continue
      const request = this.#request(text, partition, restricted)
      if ("invalid" in request) invalid(reply, request.invalid)
      else units.push({ partition, reply, request, trace, poison: "", slot: null })
    }
    return units
  }

  /** In their order; the one that has waited longest is always among them. */
  #nextRequests(): ReadonlyArray<QueuedRequest> {
    const waiting = this.#requests
    if (waiting.length <= REQUESTS_AT_ONCE) {
      this.#requests = []
      return waiting
    }
    const chosen = this.#waitedLongest(Math.max(REQUESTS_AT_ONCE, Math.ceil(waiting.length / 4)))
    const taken: Array<QueuedRequest> = []
    this.#requests = []
    for (const request of waiting) {
      if (chosen.has(request.partition) && taken.length < REQUESTS_MAX) taken.push(request)
      else this.#requests.push(request)
    }
    return taken
  }

  /** Partitions in the order of their longest waiting request, until so many requests wait in them. */
  #waitedLongest(enough: number): ReadonlySet<number> {
    const counts = new Map<number, number>()
    for (const { partition } of this.#requests) counts.set(partition, (counts.get(partition) ?? 0) + 1)
    const chosen = new Set<number>()
    let found = 0
    for (const [partition, count] of counts) {
      if (found >= enough) break
      chosen.add(partition)
      found += count
    }
    return chosen
  }

  /** Decision 5: a decoder that throws is a defect of this one request, not of the worker. */
  #request(text: string, partition: number, restricted: boolean): Request | { readonly invalid: string } {
    try {
      return this.#machine.decodeRequest(text, partition, restricted)
    } catch {
      const refused = this.#machine.refusal("unavailable", "the request could not be read; it was set aside")
      return { invalid: JSON.stringify({ refused }) }
    }
  }

  /**
   * Up to `max` commands from the head of the stream lane. Messages a partition's cursor has passed are skipped.
   * `consumed` is called for every message that is finished with.
   */
  takeCommands(
    owned: ReadonlyMap<number, Partition>,
    max: number,
    consumed: (bytes: number) => void,
  ): Array<CommandUnit<StreamCommand>> {
    const units: Array<CommandUnit<StreamCommand>> = []
    while (this.#messagesFrom < this.#messages.length && units.length < max) {
      const message = this.#messages[this.#messagesFrom]!
      const partition = owned.get(message.partition)
      if (
        partition === undefined ||
        message.seq < partition.cursor ||
        (message.seq === partition.cursor && partition.cursorIndex === -1)
      ) {
        this.#finish(message, consumed)
        continue
      }
      message.commands ??= this.#decode(message, partition)
      this.#takeFrom(message, units, max)
      if (message.next >= message.commands.length) this.#finish(message, consumed)
    }
    return units
  }

  #decode(message: QueuedMessage, partition: Partition): ReadonlyArray<StreamCommand | BadCommand> {
    const decoded = this.#decoded(message)
    if (message.seq === partition.cursor) message.next = partition.cursorIndex
    return "bad" in decoded ? [decoded] : decoded
  }

  /** Decision 5: what makes the decoder throw is set aside with its bytes; else it would be read again for ever. */
  #decoded({ payload, partition }: QueuedMessage): ReadonlyArray<StreamCommand | BadCommand> | BadCommand {
    try {
      return this.#machine.decodeMessage(payload, partition)
    } catch (error) {
      const bytes = `base64:${Buffer.from(payload).toString("base64")}`
      return { bad: "defect", detail: `it cannot be decoded: ${String(error)}`, payload: bytes }
    }
  }

  #takeFrom(message: QueuedMessage, units: Array<CommandUnit<StreamCommand>>, max: number): void {
    const commands = message.commands!
    while (message.next < commands.length && units.length < max) {
      const index = message.next++
      const { partition, seq, headers } = message
      units.push({
        partition,
        seq,
        headers,
        index,
        last: index === commands.length - 1,
        command: commands[index]!,
        poison: "",
        slot: null,
      })
    }
  }

  #finish(message: QueuedMessage, consumed: (bytes: number) => void): void {
    this.#messagesFrom += 1
    consumed(message.payload.byteLength)
    if (this.#messagesFrom > 1_000 || this.#messagesFrom === this.#messages.length) {
      this.#messages = this.#messages.slice(this.#messagesFrom)
      this.#messagesFrom = 0
    }
  }
}
