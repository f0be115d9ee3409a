/**
 * A service that reads a stream into its database (the ledger its commands, pricing its usage), as its own process on a
 * nats-server whose streams a test may trim, delete and make again. What was sent has numbered ids, so what was applied
 * shows whether anything was skipped.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import {
  ask,
  askOwner,
  type BusHandle,
  closeBus,
  connectBus,
  orderedReader,
  provisionStreams,
  publishAtomic,
  streamState,
} from "@credits/bus"
import {
  ATOMIC_BATCH_MESSAGES_MAX,
  type ChargeTuple,
  type ControlAnswer,
  encodeCharges,
  type EntryBody,
  STREAMS,
  SUBJECTS,
} from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"
import { booksIn, entriesOfBooks } from "./audit.ts"
import { until } from "./facts.ts"

const REPOSITORY = resolve(import.meta.dirname, "../..")
const ACCOUNT = "acc_gap"
const USAGE = "openai|gpt-4o|book-1|100|20|0|0|0|0|0|1|ok|req-1"

export type ReaderName = "ledger" | "pricing"

interface Outcome {
  readonly exit: number
  readonly text: string
}

export class StreamReader {
  readonly name: ReaderName
  readonly stream: string
  readonly #nats: TestNatsServer
  readonly bus: BusHandle
  readonly #dataDir: string
  #child: ChildProcess
  /** How many were sent: ids are `e1`, `e2`, …, one a message. */
  sent = 0

  private constructor(name: ReaderName, nats: TestNatsServer, bus: BusHandle, dataDir: string) {
    this.name = name
    this.stream = name === "ledger" ? STREAMS.ledgerCommands.name : STREAMS.usage.name
    this.#nats = nats
    this.bus = bus
    this.#dataDir = dataDir
    this.#child = this.#spawn()
  }

  /** Running, ready, and with three messages applied. */
  static async start(name: ReaderName): Promise<StreamReader> {
    const nats = await natsServerForTests()
    const bus = await connectBus({ servers: nats.url, name: "test" })
    await provisionStreams(bus)
    const reader = new StreamReader(name, nats, bus, await mkdtemp(join(tmpdir(), "credits-gap-")))
    await until(
      "it is ready",
      () => reader.status(),
      ({ ready }) => ready,
    )
    if (name === "ledger") {
      const request = { op: "entitle", id: "plan", account: ACCOUNT, plan: "plus", hostedModels: true }
      await askOwner(bus.connection, SUBJECTS.ledgerRequest(partitionOf(ACCOUNT)), JSON.stringify(request))
    }
    await reader.send(3)
    await reader.caughtUp()
    return reader
  }

  #spawn(): ChildProcess {
    return spawn(process.execPath, [join(REPOSITORY, "apps", this.name, "src/main.ts")], {
      env: {
        ...process.env,
        CREDITS_NATS_URL: this.#nats.url,
        CREDITS_DATA_DIR: this.#dataDir,
        CREDITS_DATABASE_URL: "",
      },
      stdio: ["ignore", process.env["CHAOS_LOG"] === "1" ? "inherit" : "ignore", "inherit"],
    })
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(signal)
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((done) => this.#child.once("exit", done))
    this.#child.kill("SIGCONT")
    this.#child.kill("SIGKILL")
    await ended
  }

  restart(): void {
    this.#child = this.#spawn()
  }

  async status(): Promise<ControlAnswer> {
    const subject = this.name === "ledger" ? SUBJECTS.ledgerControl : SUBJECTS.pricingControl
    return JSON.parse(await ask(this.bus.connection, subject, '{"op":"status"}', 1_000)) as ControlAnswer
  }

  /** Waits until the status names the gap. */
  gap(): Promise<ControlAnswer> {
    return until(
      "the status says cursor_gap",
      () => this.status(),
      ({ ready, detail }) => !ready && JSON.stringify(detail).includes("cursor_gap"),
    )
  }

  #payload(id: string): { readonly subject: string; readonly payload: string } {
    if (this.name === "ledger") {
      const charge: ChargeTuple = [id, ACCOUNT, Date.now(), "1000", "", `h-${id}`, USAGE]
      return { subject: SUBJECTS.ledgerCommand(partitionOf(ACCOUNT)), payload: encodeCharges([charge]) }
    }
    const event = {
      specversion: "1.0",
      id,
      source: "chaos",
      type: "ai.usage.v1",
      subject: ACCOUNT,
      time: new Date().toISOString(),
      data: {
        requestId: `req-${id}`,
        mode: "hosted",
        provider: "openai",
        model: "gpt-4o",
        status: "ok",
        tokens: { convention: "inclusive", input: 100, output: 10 },
      },
    }
    return { subject: SUBJECTS.usage, payload: JSON.stringify([event]) }
  }

  /** So many messages with one event each. */
  async send(count: number): Promise<void> {
    for (let left = count; left > 0;) {
      const size = Math.min(left, ATOMIC_BATCH_MESSAGES_MAX)
      const from = this.sent
      await publishAtomic(
        this.bus.js,
        Array.from({ length: size }, (_, i) => this.#payload(`e${from + i + 1}`)),
      )
      this.sent += size
      left -= size
    }
  }

  end(): Promise<number> {
    return streamState(this.bus.jsm, this.stream).then(({ last }) => last)
  }

  async caughtUp(): Promise<void> {
    const end = await this.end()
    await until(
      `${this.name} has applied everything`,
      () => this.status(),
      ({ cursors }) => cursors[this.stream] === end,
    )
  }

  /** Only messages from this sequence on stay. */
  async trim(from: number): Promise<void> {
    await this.bus.jsm.streams.purge(this.stream, { seq: from })
  }

  /** Deleted and made again, empty. */
  async wipe(): Promise<void> {
    await this.bus.jsm.streams.delete(this.stream)
    await provisionStreams(this.bus)
  }

  /** Numbers of the events that had their effect, in that order. */
  async applied(): Promise<ReadonlyArray<number>> {
    const ids = this.name === "ledger" ? await this.#charged() : await this.#rated()
    return ids.map((id) => Number(id.slice(1)))
  }

  async #charged(): Promise<ReadonlyArray<string>> {
    const entries = entriesOfBooks(await booksIn(this.#dataDir)).filter(({ kind }) => kind === "charged")
    return entries.map(({ body }) => (body as EntryBody).cause!)
  }

  async #rated(): Promise<ReadonlyArray<string>> {
    const stream = STREAMS.ledgerCommands.name
    const { last } = await streamState(this.bus.jsm, stream)
    const ids: Array<string> = []
    if (last === 0) return ids
    const { promise, resolve: done, reject } = Promise.withResolvers<void>()
    const reader = orderedReader(this.bus, {
      stream,
      filters: [],
      startSeq: 1,
      onMessage: ({ seq, data }) => {
        const { charges } = JSON.parse(Buffer.from(data).toString()) as { charges: ReadonlyArray<ChargeTuple> }
        for (const [id] of charges) ids.push(id)
        if (seq === last) done()
      },
      onGap: ({ reason }) => reject(new Error(reason)),
    })
    try {
      await promise
    } finally {
      await reader.close()
    }
    return ids
  }

  /** `credits doctor`, as a person runs it. */
  doctor(): Promise<Outcome> {
    return new Promise((done, reject) => {
      const child = spawn(process.execPath, [join(REPOSITORY, "apps/ops/dist/main.js"), "doctor"], {
        env: {
          ...process.env,
          CREDITS_NATS_URL: this.#nats.url,
          CREDITS_DATA_DIR: this.#dataDir,
          CREDITS_DATABASE_URL: "",
        },
        stdio: ["ignore", "pipe", "pipe"],
      })
      let text = ""
      for (const out of [child.stdout, child.stderr])
        out.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
      child.once("error", reject)
      child.once("close", (code) => done({ exit: code ?? -1, text }))
    })
  }

  async stop(): Promise<void> {
    await this.kill()
    await closeBus(this.bus)
    await this.#nats.stop()
    await rm(this.#dataDir, { recursive: true, force: true })
  }
}
