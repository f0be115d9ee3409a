/**
 * The partition worker: owns partitions through leases, takes what waits in the mailbox, runs group commits. Runs in a
 * worker thread with its database handle; the host beside it talks to NATS (decisions 3–6, 10, 11).
 */
import { receiveMessageOnPort } from "node:worker_threads"
import type { ControlAnswer } from "@credits/contracts"
import { makeIds } from "./ids.ts"
import { Alarm } from "./alarm.ts"
import { NO_WORK } from "./batch.ts"
import { DueTime } from "./due-time.ts"
import { DueWork } from "./due-work.ts"
import { Executor } from "./execute.ts"
import { HoldGrace } from "./hold-grace.ts"
import { HoldWatch } from "./hold-watch.ts"
import { JournalFeed } from "./journal-feed.ts"
import { LogNotSynced, LogWriter } from "./log-sync.ts"
import { loadPartitions } from "./loading.ts"
import { Mailbox } from "./mailbox.ts"
import { OutboxFeed } from "./outbox-feed.ts"
import * as pace from "./pace.ts"
import { journaledUpTo, nothingWaitsBelow, openPartition, readFrom, type Partition } from "./partition.ts"
import type { ClockText, FromWorker, ToWorker, Unsynced } from "./protocol.ts"
import { metricsOf, statusOf } from "./status.ts"
import { Ticks } from "./ticks.ts"
import { Slots, SLOTS_MAX } from "./slots.ts"
import type { WorkerOptions } from "./worker-options.ts"

export class PartitionWorker<State> {
  readonly #o: WorkerOptions<State>
  readonly #leaseMs: number
  readonly #owned = new Map<number, Partition>()
  readonly #mailbox: Mailbox<State>
  readonly #slots: Slots<State>
  readonly #holds: HoldWatch<State>
  readonly #due: DueWork<State>
  readonly #feed: JournalFeed
  readonly #executor: Executor<State>
  #clock: ClockText = { offset: 0, frozenAt: null }
  readonly #dueTime = new DueTime()
  readonly #alarm = new Alarm()
  readonly #outbox = new OutboxFeed()
  #controls: Array<{ token: number; run: number | null }> = []
  #stopping = false
  #renewAt = 0
  #acquireAt = 0
  readonly #grace = new HoldGrace()
  /** Counts announcements: each makes the host read anew. */
  #generation = 0
  #incarnation = ""
  #gap: string | null = null
  readonly #ticks = new Ticks<State>()
  readonly #beside = new pace.Beside()
  #calledAt = 0
  #workedAt = 0

  constructor(options: WorkerOptions<State>) {
    this.#o = options
    this.#leaseMs = options.leaseMs ?? pace.LEASE_MS
    this.#mailbox = new Mailbox(options.machine)
    this.#slots = new Slots(options.machine, options.restAfterSeconds)
    this.#holds = new HoldWatch(options.machine.openHolds ?? (() => null))
    this.#feed = new JournalFeed((items) => this.#send({ t: "journal", items }))
    this.#due = new DueWork({
      store: options.store,
      slots: this.#slots,
      owned: this.#owned,
      partitionOf: options.machine.partitionOf,
    })
    this.#executor = new Executor({
      machine: options.machine,
      names: options.names,
      store: options.store,
      slots: this.#slots,
      due: this.#due.heap,
      ticks: this.#ticks,
      feed: this.#feed,
      owned: this.#owned,
      leaseMs: this.#leaseMs,
      log: new LogWriter(options.store.unsyncedLog, this.#isBusy, this.#send),
      clock: () => this.#now(),
      newIds: makeIds(() => this.#now()),
      send: this.#send,
      lose: (partitions, why) => this.#lose(partitions, why),
    })
    options.port.on("message", (message: ToWorker) => this.#take(message))
  }

  readonly #send = (message: FromWorker | Unsynced, given?: ReadonlyArray<ArrayBuffer>): void => {
    this.#outbox.sent(message)
    this.#mailbox.sent(message)
    this.#o.port.postMessage(message, given)
  }

  #log(level: "info" | "error", message: string, detail: Readonly<Record<string, unknown>>): void {
    this.#send({ t: "log", level, message, detail })
  }

  /** Business time (decision 16). */
  #now(): number {
    return this.#clock.frozenAt ?? Date.now() + this.#clock.offset
  }

  #take(message: ToWorker): void {
    switch (message.t) {
      case "requests":
        this.#mailbox.offerRequests(message)
        break
      case "messages":
        // What a reader of an earlier announcement still delivered would make the cursor jump over what is read again.
        if (message.generation !== this.#generation) break
        this.#mailbox.offerMessages(message)
        break
      case "stream":
        this.#incarnation = message.incarnation
        this.#grace.streamEnds(message.last)
        for (const partition of this.#owned.values())
          if (partition.incarnation === "") partition.incarnation = message.incarnation
        break
      case "gap":
        // The loop acts on it: a commit may be on its way now.
        this.#gap = message.detail
        break
      case "clock":
        this.#clock = message.clock
        break
      case "journaled":
        this.#feed.acknowledged(message.bytes)
        journaledUpTo(this.#owned, message.items)
        break
      case "outboxed":
        this.#outbox.stored(message.ids)
        break
      case "interest":
        this.#ticks.want(message.until)
        break
      case "control":
        this.#controls.push(message)
        break
      case "stop":
        this.#stopping = true
        break
    }
    this.#alarm.ring()
  }

  #drainPort(): void {
    for (let got = receiveMessageOnPort(this.#o.port); got !== undefined; got = receiveMessageOnPort(this.#o.port)) {
      this.#take(got.message as ToWorker)
    }
  }

  /** Until `stop`. Trouble with the store discards memory and starts over from the database. */
  async run(): Promise<void> {
    let batches = 0
    // Who asks for a partition that is no longer owned is answered by its next owner.
    while (!this.#stopping || (this.#mailbox.requests > 0 && this.#owned.size > 0)) {
      try {
        this.#drainPort()
        await this.#keepOwnership()
        const worked = await this.#step()
        if (!worked) await this.#sleep()
        else if (++batches % pace.BATCHES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
      } catch (error) {
        await this.#trouble(error)
      }
      this.#mailbox.tellUnanswered(this.#send)
    }
    await this.#leave()
  }

  async #trouble(error: unknown): Promise<void> {
    if (error instanceof LogNotSynced) throw error
    const told = { error: String((error as Error).stack ?? error) }
    this.#log("error", "the database is in trouble; memory is discarded and loaded again", told)
    await this.#executor.abandon()
    this.#lose([...this.#owned.keys()], "the database is in trouble")
    this.#acquireAt = Date.now() + pace.ACQUIRE_RETRY_MS
    await new Promise((resolve) => setTimeout(resolve, 100))
  }

  #lose(partitions: ReadonlyArray<number>, why: string): void {
    if (partitions.length === 0) return
    for (const id of partitions) {
      this.#owned.delete(id)
      this.#feed.drop(id)
    }
    this.#slots.drop(new Set(partitions))
    this.#send({ t: "lost", partitions, why })
    this.#announce()
  }

  async #keepOwnership(): Promise<void> {
    const real = Date.now()
    // Decision 2: commands are missing, so balances may be wrong: nothing is answered until a person has repaired it.
    if (this.#gap !== null && this.#owned.size > 0) {
      await this.#executor.settle()
      this.#lose([...this.#owned.keys()], this.#gap)
    }
    const wanting = this.#owned.size < this.#o.partitions.length && this.#gap === null && !this.#stopping
    if (wanting && real >= this.#acquireAt) await this.#acquire(real)
    if (this.#owned.size > 0 && real >= this.#renewAt) await this.#renew()
  }

  async #acquire(real: number): Promise<void> {
    this.#acquireAt = real + pace.ACQUIRE_RETRY_MS
    const { store, partitions, owner } = this.#o
    await this.#executor.settle()
    const wanted = partitions.filter((id) => !this.#owned.has(id))
    const ahead = Date.now() - (await store.now())
    if (ahead > pace.CLOCK_AHEAD_MAX_MS) {
      this.#log("error", "this clock is ahead of the database's; no partition is taken", { aheadMs: ahead })
      return
    }
    const rows = await store.acquire(owner, this.#leaseMs, wanted)
    if (rows.length === 0) return
    await this.#executor.freshIds()
    const taken: Array<Partition> = []
    for (const row of rows) taken.push(openPartition(row, Date.now() + this.#leaseMs))
    await loadPartitions(taken, this.#slots, store, this.#leaseMs)
    for (const slot of this.#slots.all()) this.#due.heap.wait(slot, this.#o.machine.nextDue(slot.state))
    for (const p of taken) this.#feed.own(p.id, p.seq, p.journaledSeq, p.journaledId)
    // What the reader of the partitions owned so far delivered says nothing about these: all are read from their
    // cursors.
    this.#mailbox.clearMessages()
    for (const partition of taken) this.#owned.set(partition.id, partition)
    // Renew at once: loading may have taken a good part of the lease.
    await this.#renew()
    if (this.#owned.size === 0) return
    this.#grace.takenOver()
    this.#executor.deciding.holdsMayExpire = false
    this.#announce()
    await this.#outbox.resend([...this.#owned.keys()], store, this.#send)
    this.#log("info", "partitions taken", { count: rows.length, accounts: this.#slots.size })
  }

  /** What is owned now: the host subscribes to just these and reads the stream again from the lowest cursor. */
  #announce(): void {
    this.#mailbox.clearMessages()
    const all = [...this.#owned.values()]
    if (all.length === 0) return
    const { cursor, incarnation } = readFrom(all)
    this.#mailbox.delivered = cursor
    this.#generation += 1
    this.#send({ t: "owned", partitions: all.map((p) => p.id), cursor, incarnation, generation: this.#generation })
  }

  /** Renews every lease; partitions without traffic move their cursor along so that the stream can be purged. */
  async #renew(): Promise<void> {
    this.#renewAt = Date.now() + pace.RENEW_MS
    await this.#executor.settle()
    if (this.#mailbox.messages === 0) nothingWaitsBelow(this.#owned, this.#mailbox.delivered)
    // Only here: this commit touches every partition, and a row is deleted under its own partition's fence.
    const outboxDone = this.#outbox.takeDone()
    const due = this.#slots.tired(Date.now(), pace.TIRED_PER_RENEWAL)
    await this.#executor.run({ ...NO_WORK, touch: [...this.#owned.keys()], outboxDone, due })
    this.#slots.evict(SLOTS_MAX)
    if (this.#grace.isOver(this.#mailbox)) this.#executor.deciding.holdsMayExpire = true
    await this.#o.store.forgetExpired(Date.now(), 500)
    await this.#due.refresh()
    const { counters, deciding } = this.#executor
    const metrics = metricsOf(counters, this.#slots, this.#mailbox, this.#due.heap.earliest, this.#now())
    const gauges = { owned: this.#owned.size, journalPendingBytes: this.#feed.pendingBytes }
    const holds = this.#holds.look(this.#slots)
    this.#send({ t: "metrics", metrics: { ...metrics, ...gauges, ...holds, brokenAccounts: deciding.broken.size } })
  }

  /** One commit's worth of work; false when there was none. */
  async #step(): Promise<boolean> {
    await this.#answerControls()
    if (this.#owned.size === 0) return false
    // Figures of what is decided and not committed are nobody's to see.
    if (Date.now() >= this.#ticks.dueAt) await this.#executor.settle()
    const items = this.#ticks.take(Date.now(), this.#o.machine.tick)
    if (items !== null) this.#send({ t: "ticks", items })
    const requests = this.#mailbox.takeRequests(this.#owned, (reply, text) =>
      this.#send({ t: "replies", replies: [reply], texts: [text] }),
    )
    let [messages, bytes] = [0, 0]
    if (requests.length > 0) this.#calledAt = Date.now()
    const isCalm = Date.now() - this.#calledAt > pace.CALM_MS
    const dueMax = isCalm ? pace.DUE_PER_COMMIT : pace.DUE_BESIDE
    const due = await this.#due.take(this.#dueTime.upTo(this.#clock.frozenAt, this.#now()), dueMax)
    const isAhead = isCalm && due.length === 0 && this.#executor.mayRunAhead
    const max = isAhead ? pace.SLICE : isCalm ? pace.COMMANDS_MAX : this.#beside.commands
    const commands = this.#mailbox.takeCommands(this.#owned, max, (size) => {
      messages += 1
      bytes += size
    })
    const consumed = () => (messages > 0 ? this.#send({ t: "consumed", messages, bytes }) : undefined)
    if (isAhead && commands.length > 0) {
      await this.#executor.runAhead(commands)
      if (this.#isBatchFull()) await this.#executor.launch()
      this.#workedAt = Date.now()
      consumed()
      return true
    }
    if (requests.length + commands.length + due.length > 0) {
      const began = performance.now()
      await this.#executor.run({ ...NO_WORK, requests, commands, due })
      if (!isCalm && commands.length === max) this.#beside.took(performance.now() - began)
      this.#workedAt = Date.now()
      consumed()
      return true
    }
    consumed()
    if (await this.#executor.settle()) return true
    if (await this.#feed.catchUp(this.#o.store)) return true
    return this.#writeSnapshots()
  }

  readonly #hasRequests = (): boolean => (this.#drainPort(), this.#mailbox.requests > 0)
  readonly #isBusy = (): boolean => this.#hasRequests() || this.#mailbox.messages > 0

  /** A batch decided ahead grows while commands wait, and no longer once a caller does. */
  #isBatchFull(): boolean {
    const isCalled = this.#hasRequests()
    return this.#executor.openCommands >= pace.COMMANDS_AHEAD_MAX || this.#mailbox.messages === 0 || isCalled
  }

  /** Idle time pays the debt of snapshots, so that the next start has little to replay. */
  async #writeSnapshots(): Promise<boolean> {
    if (this.#slots.dirty === 0 || Date.now() - this.#workedAt < pace.IDLE_MS) return false
    await this.#executor.run({ ...NO_WORK, snapshots: pace.IDLE_SNAPSHOTS })
    return true
  }

  async #answerControls(): Promise<void> {
    const controls = this.#controls
    if (controls.length === 0) return
    this.#controls = []
    for (const { token, run } of controls) {
      if (run !== null) await this.#runDue(run)
      this.#send({ t: "control", token, answer: await this.#status() })
    }
  }

  /** Runs everything due up to an instant, for the sandbox clock (decision 16). */
  async #runDue(now: number): Promise<void> {
    this.#clock = { ...this.#clock, frozenAt: now }
    this.#dueTime.ask(now)
    await this.#renew()
    for (;;) {
      const due = await this.#due.take(this.#now(), pace.DUE_PER_COMMIT)
      if (due.length === 0) return
      await this.#executor.run({ ...NO_WORK, due })
    }
  }

  async #status(): Promise<ControlAnswer> {
    await this.#due.refresh()
    const waits = this.#mailbox.messages
    const caughtUp =
      waits === 0 && !this.#executor.isAhead && (this.#grace.hasDelivered(this.#mailbox) || this.#incarnation !== "")
    const ready = this.#owned.size === this.#o.partitions.length && this.#gap === null && caughtUp
    return statusOf([...this.#owned.values()], {
      names: this.#o.names,
      ready,
      now: this.#now(),
      nextDue: this.#due.earliest,
      ran: this.#executor.counters.dueRan,
      outboxPending: this.#outbox.pending,
      openRequests: this.#mailbox.requests,
      detail: { gap: this.#gap, incarnation: this.#incarnation, accounts: this.#slots.size, queuedMessages: waits },
    })
  }

  /** Sleeps until a message comes or something must be done. Leases use real time, due work business time. */
  async #sleep(): Promise<void> {
    if (this.#controls.length > 0 || (this.#owned.size > 0 && this.#mailbox.requests + this.#mailbox.messages > 0))
      return
    const owns = this.#owned.size > 0
    const real = Date.now()
    await this.#alarm.sleep(
      Math.min(
        owns ? this.#renewAt : Number.POSITIVE_INFINITY,
        this.#owned.size < this.#o.partitions.length ? this.#acquireAt : Number.POSITIVE_INFINITY,
        this.#clock.frozenAt === null && owns ? this.#due.earliest - this.#clock.offset : Number.POSITIVE_INFINITY,
        this.#ticks.dueAt,
        real + pace.RENEW_MS,
      ) - real,
    )
  }

  /** A planned stop: what is decided is committed, snapshots are written, the lease is given back. */
  async #leave(): Promise<void> {
    try {
      await this.#executor.settle()
      this.#workedAt = 0
      for (let i = 0; this.#slots.dirty > 0 && i < 10_000 && this.#owned.size > 0; i++) await this.#writeSnapshots()
      if (this.#owned.size > 0) await this.#renew()
      await this.#o.store.release([...this.#owned.values()].map(({ leaseUntil: _, ...row }) => row))
      await this.#o.store.close()
    } finally {
      this.#send({ t: "stopped" })
    }
  }
}
