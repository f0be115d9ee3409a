/**
 * Goal: money that was charged stays charged, whatever dies. Method: the processor's own process is killed with
 * SIGKILL in the middle of charges and started again on the same folder; answers, book and intents must agree.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { closeBus, connectBus, provisionStreams, writeClockSetting } from "@credits/bus"
import { natsServerForTests } from "@credits/testkit"
import type Stripe from "stripe"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import type { Book } from "./index.ts"
import { intentFor, savedCard, sdk } from "./stripe.fixture.ts"

let dataDir = ""
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "sandbox-main-"))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

interface Running {
  readonly child: ChildProcess
  readonly url: string
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>
}

const start = (more: NodeJS.ProcessEnv = {}): { child: ChildProcess; said: Promise<string> } => {
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], {
    env: { ...process.env, CREDITS_ENV: "development", CREDITS_SANDBOX_PORT: "0", CREDITS_DATA_DIR: dataDir, ...more },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const said = new Promise<string>((resolve) => {
    let text = ""
    const hear = (chunk: Buffer): void => {
      text += chunk.toString()
      if (/sandbox processor on http/.test(text)) resolve(text)
    }
    child.stdout.on("data", hear)
    child.stderr.on("data", hear)
    child.once("close", () => resolve(text))
  })
  return { child, said }
}

const startProcess = async (more: NodeJS.ProcessEnv = {}): Promise<Running> => {
  const { child, said } = start(more)
  const text = await said
  const url = /(http:\/\/[\d.]+:\d+)/.exec(text)?.[1]
  if (url === undefined) throw new Error(`it did not start:\n${text}`)
  const end = (signal: NodeJS.Signals) =>
    new Promise<number | null>((resolve) => {
      child.once("exit", (code) => resolve(code))
      child.kill(signal)
    })
  return { child, url, end }
}

const bookAt = async (url: string): Promise<Book> => (await (await fetch(`${url}/__sandbox/charges`)).json()) as Book

/** A start loads everything from source: a second, or several on a busy machine, and a test has up to three. */
const TEST_MS = 60_000

describe("the process", { timeout: TEST_MS }, () => {
  it("I8 killed amid charges it has lost none that it told of, and charges none again under its key", async () => {
    let running = await startProcess()
    const { customer, method } = await savedCard(sdk(running.url), "tok_ok")
    const told = new Map<string, string>()
    const asked = new Set<string>()
    for (let round = 0; round < 2; round++) {
      const stripe = sdk(running.url)
      let isDead = false
      const caller = async (number: number): Promise<void> => {
        for (let i = 0; !isDead; i++) {
          const name = `chg_${round}_${number}_${i}`
          asked.add(name)
          try {
            const intent = await pay(stripe, name)
            told.set(name, intent.id)
          } catch {
            if (!isDead) throw new Error("refused while it was alive")
          }
        }
      }
      const pay = (each: Stripe, name: string) =>
        each.paymentIntents.create(
          {
            amount: 2_500,
            currency: "usd",
            customer,
            payment_method: method,
            confirm: true,
            off_session: true,
            metadata: { charge_id: name },
          },
          { idempotencyKey: name },
        )
      const callers = Promise.all(Array.from({ length: 8 }, (_, number) => caller(number)))
      const before = told.size
      while (told.size < before + 150) await new Promise((resolve) => setTimeout(resolve, 5))
      isDead = true
      await running.end("SIGKILL")
      await callers
      running = await startProcess()
      const { items } = await bookAt(running.url)
      const charged = new Set(items.map(({ chargeId }) => chargeId))
      assert.strictEqual(charged.size, items.length, "no charge twice")
      assert.deepEqual(
        [...told.keys()].filter((name) => !charged.has(name)),
        [],
      )
      // The ones without an answer: the same key finds out, and charges only what was not charged.
      const again = sdk(running.url)
      const answers = await Promise.all([...asked].map(async (name) => [name, (await pay(again, name)).id] as const))
      for (const [name, id] of answers) assert.strictEqual(told.get(name) ?? id, id)
      const after = await bookAt(running.url)
      assert.strictEqual(after.items.length, asked.size)
    }
    const { items } = await bookAt(running.url)
    const [last] = items.slice(-1)
    const charge = await sdk(running.url).charges.retrieve(last!.id)
    assert.strictEqual(charge.metadata["charge_id"], last!.chargeId)
    // A code, not a signal: it closed in order.
    assert.isNumber(await running.end("SIGTERM"))
  })

  it("goes on with its ids and its moved clock after a restart", async () => {
    let running = await startProcess()
    const move = (now: string) =>
      fetch(`${running.url}/__sandbox/clock`, { method: "POST", body: JSON.stringify({ now }) })
    const first = await sdk(running.url).customers.create({})
    await move("2031-01-01T00:00:00.000Z")
    await running.end("SIGKILL")
    running = await startProcess()
    const second = await intentFor(sdk(running.url), first.id)
    assert.isAtLeast(second.created, Date.parse("2031-01-01T00:00:00.000Z") / 1_000)
    assert.isTrue(second.id.slice(3) > first.id.slice(4))
    await running.end("SIGTERM")
  })

  it("R12.1 follows the business clock of the bus it is told of", async () => {
    const nats = await natsServerForTests()
    const bus = await connectBus({ servers: nats.url, name: "test" })
    await provisionStreams(bus)
    const freeze = (now: string) =>
      writeClockSetting(bus, { offset: Date.parse(now) - Date.now(), frozenAt: Date.parse(now) })
    await freeze("2031-01-31T12:00:00.000Z")
    const running = await startProcess({ CREDITS_NATS_URL: nats.url })
    const createdAt = async (): Promise<number> => (await sdk(running.url).customers.create({})).created * 1_000
    assert.strictEqual(await createdAt(), Date.parse("2031-01-31T12:00:00.000Z"))
    await freeze("2031-02-28T12:00:00.000Z")
    const deadline = performance.now() + 10_000
    while ((await createdAt()) !== Date.parse("2031-02-28T12:00:00.000Z")) {
      assert.isBelow(performance.now(), deadline, "it does not follow the clock")
    }
    await running.end("SIGTERM")
    await closeBus(bus)
    await nats.stop()
  })

  it("does not start on a folder that another one uses", async () => {
    const running = await startProcess()
    const { said } = start()
    assert.include(await said, "another sandbox processor uses")
    await running.end("SIGTERM")
  })

  it("does not start in production, nor with a webhook it cannot sign, and says why", async () => {
    for (const [env, reason] of [
      [{ CREDITS_ENV: "production" }, "play money"],
      [{ CREDITS_SANDBOX_WEBHOOK_URL: "http://127.0.0.1:9/hook" }, "CREDITS_STRIPE_WEBHOOK_SECRET"],
    ] as const) {
      const { child, said } = start(env)
      assert.include(await said, reason)
      assert.notStrictEqual(child.exitCode, 0)
    }
  })
})
