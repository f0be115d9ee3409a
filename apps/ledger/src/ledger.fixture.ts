/**
 * A ledger process on a real nats-server for tests: started from its sources, asked like any client asks it.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { ask, askOwner, connectBus, provisionStreams, publish, type BusHandle } from "@credits/bus"
import { encodeCharges, SUBJECTS, type ChargeTuple, type ControlAnswer, type WalletAnswer } from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"

/** An answer or a refusal; tests look at the fields they are about. */
export interface Reply {
  // oxlint-disable-next-line typescript/no-explicit-any -- each request has its own answer; the test knows which
  readonly ok?: any
  // oxlint-disable-next-line typescript/no-explicit-any -- tests assert its code and fields
  readonly refused?: any
}

export interface TestLedger {
  readonly nats: TestNatsServer
  readonly bus: BusHandle
  readonly dataDir: string
  readonly request: (request: Readonly<Record<string, unknown>> & { readonly account: string }) => Promise<Reply>
  readonly wallet: (account: string) => Promise<WalletAnswer>
  readonly charge: (...charges: ReadonlyArray<ChargeTuple>) => Promise<void>
  readonly status: () => Promise<ControlAnswer>
  /** Waits until a fact holds; fails after 20 s with the last value seen. */
  readonly until: <A>(what: string, look: () => Promise<A>, holds: (value: A) => boolean) => Promise<A>
  readonly start: (env?: Readonly<Record<string, string>>) => ChildProcess
  readonly ready: () => Promise<ControlAnswer>
  /** Kills every ledger process, as a crash; nats-server and the data stay. */
  readonly kill: () => Promise<void>
  readonly stop: () => Promise<void>
}

export const until = async <A>(
  what: string,
  look: () => Promise<A>,
  holds: (value: A) => boolean,
  ms = 20_000,
): Promise<A> => {
  const deadline = performance.now() + ms
  for (;;) {
    const value = await look().catch((error: unknown) => error as A)
    if (!(value instanceof Error) && holds(value)) return value
    if (performance.now() > deadline)
      throw new Error(`${what} did not come true; last seen: ${String(JSON.stringify(value) ?? value)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The parts of a ledger, and a process of it unless the test has its own way to run one. */
export const startTestLedger = async (
  env: Readonly<Record<string, string>> = {},
  isProcessWanted = true,
): Promise<TestLedger> => {
  const nats = await natsServerForTests()
  const bus = await connectBus({ servers: nats.url, name: "test" })
  await provisionStreams(bus)
  const dataDir = await mkdtemp(join(tmpdir(), "ledger-"))
  const children = new Set<ChildProcess>()
  const start = (more: Readonly<Record<string, string>> = {}): ChildProcess => {
    const child = spawn(process.execPath, [fileURLToPath(new URL("./main.ts", import.meta.url))], {
      env: { ...process.env, CREDITS_NATS_URL: nats.url, CREDITS_DATA_DIR: dataDir, ...env, ...more },
      stdio: ["ignore", process.env["LEDGER_LOG"] === "1" ? "inherit" : "ignore", "inherit"],
    })
    children.add(child)
    return child
  }
  const status = async (): Promise<ControlAnswer> =>
    JSON.parse(await ask(bus.connection, SUBJECTS.ledgerControl, `{"op":"status"}`, 2_000)) as ControlAnswer
  const request = async (body: Readonly<Record<string, unknown>> & { readonly account: string }): Promise<Reply> =>
    JSON.parse(await askOwner(bus.connection, SUBJECTS.ledgerRequest(partitionOf(body.account)), JSON.stringify(body)))
  const kill = async (): Promise<void> => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const ended = new Promise((resolve) => child.once("exit", resolve))
      child.kill("SIGCONT")
      child.kill("SIGKILL")
      await ended
    }
  }
  if (isProcessWanted) start()
  const ledger: TestLedger = {
    nats,
    bus,
    dataDir,
    start,
    status,
    request,
    until,
    ready: () => until("the ledger is ready", status, (answer) => answer.ready),
    wallet: async (account) => (await request({ op: "wallet", account })).ok as WalletAnswer,
    charge: async (...charges) => {
      for (const charge of charges)
        await publish(bus.js, SUBJECTS.ledgerCommand(partitionOf(charge[1])), encodeCharges([charge]))
    },
    kill,
    stop: async () => {
      await kill()
      await bus.connection.close()
      await nats.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
  return ledger
}
