/**
 * The saga runtime: one loop a machine takes everything that waits, decides it in memory, commits it as a group and
 * only then answers, publishes and begins steps (decision 15). Owns the order of these; each part has its own file.
 */
import { createHash } from "node:crypto"
import { followClock, processName } from "@credits/bus"
import type { ControlAnswer } from "@credits/contracts"
import { StoreUnavailable } from "@credits/store"
import { Actors } from "./actors.ts"
import { Alarm } from "../alarm.ts"
import { Backlog } from "./backlog.ts"
import { addCounts, lettersIn, type Counts } from "./counts.ts"
import { DueTime } from "../due-time.ts"
import { Deciding, type Machine } from "./deciding.ts"
import { Due } from "./due.ts"
import { GroupCommit, type Decided } from "./group-commit.ts"
import { Inbox } from "./inbox.ts"
import { Lease } from "./lease.ts"
import { Outbox } from "./outbox.ts"
import { Phases } from "./phases.ts"
import type { AnyOptions, RunningSagas, SagaMetrics } from "./running.ts"
import type { SagaAnswer, SagaStep } from "./saga.ts"
import { SagaSpans } from "./saga-spans.ts"
import { Steps } from "./steps.ts"
import { FenceLost, SagaStore, type SagaRow } from "./store.ts"
import { upgradeRows } from "./upgrade.ts"
import { Waits } from "./waits.ts"
import { groupsOf, unavailable, type Work } from "./work.ts"

const WAIT_MS = 10_000
/** Between two tries while the database is in trouble. */
const TROUBLE_PAUSE_MS = [50, 100, 250, 500, 1_000] as const
/** `stop` waits this long for the bus to take what is committed. */
const PUBLISH_AT_STOP_MS = 2_000
const IDLE_MS = 1_000
const STOPPING = "the service is stopping"

/** Somebody wants everything due up to an instant to have run. */
interface Run {
  readonly now: number
  readonly done: () => void
  readonly fail: (error: unknown) => void
}

export class Runtime implements RunningSagas<unknown, unknown> {
  readonly #o: AnyOptions
  readonly #machine: Machine
  readonly #store: SagaStore
  readonly #lease: Lease
  readonly #deciding: Deciding
  readonly #actors: Actors
  readonly #inbox: Inbox
  readonly #outbox: Outbox
  readonly #steps: Steps
  readonly #backlog: Backlog
  readonly #due: Due
  readonly #group: GroupCommit
  readonly #phases = new Phases()
  readonly #spans: SagaSpans
  readonly #alarm = new Alarm()
  readonly #waits: Waits
  readonly #dueTime = new DueTime()
  #runs: Array<Run> = []
  #inCommit = 0
  #troubles = 0
  /** What was taken of the streams was not committed: they must be read again before anything else is taken. */
  #isBehind = false
  #isStopping = false
  #ending: Error | null = null
  #loop: Promise<void> = Promise.resolve()
  #forgetClock: () => void = () => undefined
  readonly #counters = { decisions: {} as Counts, letters: {} as Counts, defects: 0 }
  readonly ended: Promise<void>
  #end: { readonly resolve: () => void; readonly reject: (error: Error) => void }

  constructor(options: AnyOptions) {
    this.#o = options
    this.#machine = options.machine
    const { bus, service, machine, report } = options
    this.#store = new SagaStore(options.database, machine.name)
    this.#lease = new Lease(this.#store, options.database)
    this.#deciding = new Deciding({
      machine,
      env: options.env,
      publish: (fact) => {
        if (options.publish === undefined) throw new Error(`${machine.name} has facts and nothing publishes them`)
        return options.publish(fact)
      },
      now: () => options.clock.now(),
    })
    this.#actors = new Actors(this.#store, this.#deciding)
    const wake = (): void => this.#alarm.ring()
    const shared = { bus, store: this.#store, report }
    const streams = options.streams ?? []
    this.#inbox = new Inbox({ ...shared, service, machine: machine.name, streams, wake })
    this.#waits = new Waits((id, waiting) => this.#inbox.offer({ t: "over", id, waiting }))
    this.#outbox = new Outbox({ ...shared, name: `${service}.${machine.name}` })
    this.#spans = new SagaSpans(service, machine.name)
    this.#steps = new Steps({
      concurrency: options.concurrency ?? {},
      stateOf: (id) => this.#stateNow(id),
      steps: machine.steps,
      perform: (step, state, signal, id) => this.#spans.step(id, step, () => options.perform(step, state, signal)),
      offer: (id, step, outcome) => this.#inbox.offer({ t: "outcome", id, step, outcome }),
      onRoom: () => this.#backlog.wake(),
      report,
    })
    this.#backlog = new Backlog(
      this.#store,
      this.#steps,
      (row) => this.#stepsOf(row),
      (error) => report("warning", `${machine.name}: rows with steps cannot be read: ${String(error)}`),
    )
    this.#due = new Due(this.#store)
    this.#group = new GroupCommit({
      store: this.#store,
      lease: this.#lease,
      deciding: this.#deciding,
      actors: this.#actors,
      waits: this.#waits,
      publishedTo: () => this.#outbox.publishedTo,
      write: options.write,
      decided: (decided) => this.#decided(decided),
    })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.ended = promise
    this.#end = { resolve, reject }
    // Whoever does not listen is not ended by it; `main` does.
    promise.catch(() => undefined)
  }

  async start(): Promise<this> {
    await this.#store.refuseNewer(this.#machine.version)
    await this.#lease.take((why) => this.#o.report("warning", `${this.#machine.name}: ${why}`), this.#o.signal)
    const upgraded = await upgradeRows(this.#store, this.#deciding, this.#machine.version)
    if (upgraded > 0) this.#o.report("info", `${this.#machine.name}: ${upgraded} rows brought to today's form`)
    for (const { phases, count } of await this.#store.phaseCounts()) {
      this.#phases.add(JSON.parse(phases) as Record<string, string>, count)
    }
    await this.#inbox.open()
    await this.#outbox.recount()
    this.#forgetClock = this.#o.clock.onChange?.(() => this.#alarm.ring()) ?? this.#forgetClock
    this.#loop = this.#run().catch((error: unknown) => this.#endWith(error as Error))
    await this.#backlog.round()
    return this
  }

  command(
    id: string,
    command: unknown,
    options: { readonly key: string; readonly content: string; readonly waitMs?: number },
  ): Promise<SagaAnswer> {
    if (this.#isStopping) return Promise.resolve(unavailable(STOPPING))
    if (this.#inbox.isFull || this.#waits.isFull) {
      return Promise.resolve({ refused: { code: "overloaded", detail: "too much waits already; ask again" } })
    }
    this.#spans.asked(id)
    const { key, content, waitMs = WAIT_MS } = options
    const hash = key === "" ? "" : createHash("sha256").update(content).digest("hex")
    return new Promise((give) => this.#inbox.offer({ t: "command", id, waiting: { command, key, hash, waitMs, give } }))
  }

  state(id: string): Promise<unknown> {
    const kept = this.#actors.kept(id)
    if (kept !== undefined && this.#lease.isSafe && !this.#isStopping) {
      const isDue = kept.dueAt !== null && kept.dueAt <= Math.max(this.#o.clock.now(), kept.lastAt)
      if (!isDue) return Promise.resolve(kept.state)
    }
    return new Promise((give, fail) => this.#offer({ t: "read", id, give, fail }, fail))
  }

  notify(id: string, notice: unknown): Promise<void> {
    return new Promise((done, fail) => this.#offer({ t: "notice", id, notice, done, fail, letter: null }, fail))
  }

  #offer(work: Work, fail: (error: unknown) => void): void {
    if (this.#isStopping) fail(new StoreUnavailable({ database: this.#o.service, detail: STOPPING }))
    else this.#inbox.offer(work)
  }

  async runDue(now: number): Promise<void> {
    await followClock(this.#o.clock, now)
    await new Promise<void>((done, fail) => {
      if (this.#isStopping) return done()
      this.#runs.push({ now, done, fail })
      this.#alarm.ring()
    })
  }

  /** Until stopped and empty, or ended by a lost lease or a defect of the runtime itself. */
  async #run(): Promise<void> {
    while (this.#ending === null && !(this.#isStopping && this.#inbox.isEmpty && this.#inbox.isStored)) {
      try {
        if (await this.#turn()) await new Promise((resolve) => setImmediate(resolve))
        else if (!this.#isStopping) await this.#sleep()
      } catch (error) {
        await this.#trouble(error)
      }
    }
  }

  /** One commit's worth of work; false when there was none. */
  async #turn(): Promise<boolean> {
    if (this.#isBehind) await this.#catchUp()
    const asked = [...this.#runs]
    for (const { now } of asked) this.#dueTime.ask(now)
    const upTo = this.#dueTime.upTo(this.#o.clock.setting.frozenAt, this.#o.clock.now())
    const due = this.#isStopping ? [] : await this.#due.page(upTo)
    // Whoever asked while the page was read asked for more than it shows.
    if (due.length === 0 && asked.length > 0) {
      this.#runs = this.#runs.filter((run) => !asked.includes(run))
      for (const run of asked) run.done()
    }
    const { works, cursors, letters } = this.#inbox.take()
    this.#inCommit = works.length
    const groups = groupsOf(works, due)
    const isIdle = groups.length === 0 && letters.length === 0
    // Rows of published facts and places in streams go with whatever commits next, or after a while alone.
    const mustCommit = this.#isStopping || Date.now() >= this.#lease.renewAt || this.#inbox.storeInMs === 0
    if (isIdle && !mustCommit) {
      this.#inbox.decided(cursors, false)
      return false
    }
    try {
      await this.#group.run({ groups, cursors, letters, now: this.#o.clock.now(), dueTo: upTo, mustCommit })
    } catch (error) {
      this.#inbox.putBack(works)
      throw error
    } finally {
      this.#inCommit = 0
    }
    if (this.#troubles > 0) this.#o.report("info", `${this.#machine.name}: the database answers again`)
    this.#troubles = 0
    return !isIdle
  }

  /** After trouble: commits may have happened of which nobody heard, and one may still be on its way. */
  async #catchUp(): Promise<void> {
    await this.#store.renew()
    // Once more: what was read since may be of before that commit.
    this.#actors.forget()
    await this.#inbox.open()
    await this.#outbox.recount()
    void this.#backlog.round()
    this.#isBehind = false
  }

  /** After the commit, in this order: memory, answers, outbox, steps. */
  #decided({ drafts, outcome, cursors, isStored }: Decided): void {
    this.#inbox.decided(cursors, isStored)
    const changed = drafts.filter((draft) => draft.text !== null)
    this.#actors.committed(changed)
    for (const { before, phases, dueAt } of changed) {
      if (before.isStored) this.#phases.add(before.phases, -1)
      this.#phases.add(phases, 1)
      this.#due.committed(dueAt)
    }
    addCounts(this.#counters.decisions, outcome.decisions)
    addCounts(this.#counters.letters, lettersIn(outcome.facts))
    for (const id of outcome.stuck) this.#due.failed(id)
    for (const { id, type, error } of outcome.defects) this.#defect(id, type, error)
    for (const draft of drafts) {
      this.#waits.committed(draft)
      if (draft.steps.length === 0) this.#spans.rested(draft.id)
    }
    for (const { id, waiting } of outcome.ended) this.#waits.ended(id, waiting)
    for (const [give, answer] of outcome.answers) give(answer)
    for (const done of outcome.done) done()
    this.#outbox.wake(outcome.facts.length)
    for (const { id, step } of outcome.settled) this.#steps.settle(id, step)
    const settled = new Set(outcome.settled.map(({ id }) => id))
    for (const draft of drafts) {
      if (draft.text !== null || settled.has(draft.id)) this.#steps.reconcile(draft.id, draft.steps)
    }
  }

  async #stateNow(id: string): Promise<unknown> {
    const kept = this.#actors.kept(id)
    if (kept !== undefined) return kept.state
    const [actor] = await this.#actors.of([id])
    if (actor instanceof Error) throw actor
    return actor!.state
  }

  /** A row that cannot be read stops its own steps only. */
  #stepsOf(row: SagaRow): ReadonlyArray<SagaStep> {
    try {
      return this.#deciding.actorOf(row).steps
    } catch (error) {
      this.#defect(row.id, "steps", error)
      return []
    }
  }

  #defect(id: string, type: string, error: unknown): void {
    this.#counters.defects++
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#o.report("error", `${this.#machine.name} ${id}: ${type} could not be decided: ${told}`)
  }

  async #trouble(cause: unknown): Promise<void> {
    const error = this.#store.errorOf(cause)
    if (error instanceof FenceLost) return this.#endWith(error)
    if (this.#troubles === 0) {
      this.#o.report("error", `${this.#machine.name}: ${error.message}; memory is discarded and loaded again`)
    }
    this.#actors.forget()
    this.#due.forget()
    this.#isBehind = true
    this.#inbox.fail("the database cannot be reached; ask again", this.#isStopping)
    const pause = TROUBLE_PAUSE_MS[Math.min(this.#troubles++, TROUBLE_PAUSE_MS.length - 1)]!
    await new Promise((resolve) => setTimeout(resolve, pause))
  }

  #endWith(error: Error): void {
    this.#ending = error
    this.#isStopping = true
    this.#o.report("error", `${this.#machine.name}: ${error.message}; this process must end`)
    for (const run of this.#runs.splice(0)) run.fail(error)
    void this.#close().finally(() => this.#end.reject(error))
  }

  async #close(): Promise<void> {
    this.#forgetClock()
    this.#waits.stop(STOPPING)
    this.#inbox.fail(STOPPING, true)
    await this.#backlog.stop()
    await this.#steps.stop()
    await this.#inbox.close()
    await this.#outbox.stop(this.#ending === null ? PUBLISH_AT_STOP_MS : 0)
  }

  /** Until something waits, something falls due, or the lease wants renewing. */
  async #sleep(): Promise<void> {
    if (!this.#inbox.isEmpty || this.#runs.length > 0) return
    this.#backlog.wake()
    const { setting } = this.#o.clock
    const dueIn = setting.frozenAt === null ? this.#due.earliest - this.#o.clock.now() : Number.POSITIVE_INFINITY
    await this.#alarm.sleep(Math.min(IDLE_MS, this.#lease.renewAt - Date.now(), dueIn, this.#inbox.storeInMs))
  }

  async status(): Promise<ControlAnswer> {
    const nextDue = await this.#store.earliestDue(null)
    const { gaps, cursors, isCaughtUp } = this.#inbox
    return {
      service: this.#o.service,
      ready: this.#ending === null && this.#troubles === 0 && gaps.length === 0 && isCaughtUp,
      now: this.#o.clock.now(),
      nextDue,
      ran: this.#counters.decisions["due"] ?? 0,
      cursors,
      outboxPending: this.#outbox.pending,
      openRequests: this.#inbox.size + this.#inCommit + this.#steps.open,
      detail: {
        ...(gaps.length > 0 && { cursor_gap: gaps }),
        outbox_refused: this.#outbox.refused,
        epoch: this.#store.epoch,
        owner: processName,
        trouble: this.#troubles > 0,
        stuck: this.#due.stuck,
        waiting: this.#waits.size,
      },
    }
  }

  async metrics(): Promise<SagaMetrics> {
    const nextDue = await this.#store.earliestDue(null)
    const { decisions, letters, defects } = this.#counters
    const { commits, commitMs } = this.#group
    return {
      decisions: { ...decisions },
      commits,
      commitMs,
      deadLettersByReason: { ...letters },
      defects,
      stepsDone: this.#steps.done,
      stepRetries: this.#steps.retries,
      stepsRunning: this.#steps.underWay,
      dueRan: decisions["due"] ?? 0,
      factsPublished: this.#outbox.published,
      factsPending: this.#outbox.pending,
      outboxOldestSeconds: this.#outbox.oldestSeconds,
      phases: this.#phases.counts,
      dueBacklogMs: nextDue === null ? 0 : Math.max(0, this.#o.clock.now() - nextDue),
    }
  }

  async stop(): Promise<void> {
    if (this.#isStopping) return await this.#loop
    this.#isStopping = true
    await this.#inbox.close()
    this.#alarm.ring()
    await this.#loop
    if (this.#ending !== null) return
    for (const run of this.#runs.splice(0)) run.done()
    await this.#close()
    await this.#store.release(this.#outbox.publishedTo)
    this.#end.resolve()
  }
}
