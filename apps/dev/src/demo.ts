/**
 * `npm run demo`: fifty accounts sign in, get plans and credit from an operator, and play a usage trace through the
 * running system (or one of its own) as a model gateway would; then it prints what became of the money and proves that
 * it adds up. Progress on stderr, the result on stdout; exit code 1 when a check fails.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { closeBus, connectBus } from "@credits/bus"
import { openGateway } from "@credits/client"
import { generateTrace, loadTrace, type TraceCall } from "@credits/testkit/trace"
import { type Player, provideAll, signInAll } from "./demo/cast.ts"
import { credits } from "./demo/credits-command.ts"
import { findSystem, type FoundSystem } from "./demo/found-system.ts"
import { type DemoOptions, GENERATED_CALLS, readOptions, USAGE } from "./demo/options.ts"
import { untilDeducted, untilShown, type WalletRow } from "./demo/outcome.ts"
import { play, type PlayTally } from "./demo/play.ts"
import {
  callsSection,
  checksOf,
  checksSection,
  modelsSection,
  refusalsSection,
  walletsSection,
} from "./demo/summary.ts"
import { dim, progressBar } from "./demo/table.ts"

const say = (text: string): void => void process.stderr.write(`${text}\n`)
const print = (text: string): void => void process.stdout.write(`${text}\n`)
const count = (value: number): string => Math.round(value).toLocaleString("en-US")
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

const traceOf = (options: DemoOptions): ReadonlyArray<TraceCall> => {
  const calls = options.calls === undefined ? undefined : Math.floor(options.calls)
  return options.trace === undefined
    ? generateTrace({ calls: calls ?? GENERATED_CALLS, seed: options.seed })
    : loadTrace(options.trace).slice(0, calls)
}

const duration = (ms: number): string => {
  const minutes = Math.round(ms / 60_000)
  return minutes < 1 ? seconds(ms) : `${minutes} min`
}

type Players = ReadonlyArray<Player>

/** Plays everything through a gateway client with a spool of its own. */
const playThrough = async (
  system: FoundSystem,
  options: DemoOptions,
  trace: ReadonlyArray<TraceCall>,
  players: Players,
  run: string,
): Promise<PlayTally> => {
  const spool = mkdtempSync(join(tmpdir(), "credits-demo-spool-"))
  const gateway = await openGateway({
    servers: system.run.natsUrl,
    seed: system.seedOf("gateway"),
    spool: { directory: spool },
    firstConnectMs: 5_000,
  })
  try {
    await gateway.priced()
    const bar = progressBar("playing")
    const start = performance.now()
    const tally = await play({
      gateway,
      trace,
      players,
      seed: options.seed,
      concurrency: options.concurrency,
      speed: options.speed,
      run,
      onProgress: (done, total) => {
        const rate = done / ((performance.now() - start) / 1000)
        bar(done, total, `${count(done)} of ${count(total)} calls · ${count(rate)}/s`)
      },
    })
    await gateway.flush()
    return tally
  } finally {
    await gateway.close()
    rmSync(spool, { recursive: true, force: true })
  }
}

/** The wallets after everything is deducted, read as an operator. */
const readOut = async (system: FoundSystem, players: Players, tally: PlayTally): Promise<ReadonlyArray<WalletRow>> => {
  const { natsUrl } = system.run
  const bus = await connectBus({ servers: natsUrl, seed: system.seedOf("ops"), name: "ops", firstConnectMs: 5_000 })
  try {
    return await untilDeducted(bus, players, tally)
  } finally {
    await closeBus(bus)
  }
}

const timing = (tally: PlayTally, trace: ReadonlyArray<TraceCall>, deductedMs: number): string => {
  const span = trace.at(-1)!.atMs
  const faster = span / 1000 / tally.seconds
  return dim(
    `  played in ${seconds(tally.seconds * 1000)} (${count(tally.calls / tally.seconds)} calls/s), ` +
      `${duration(span)} of traffic ${count(Math.max(1, faster))} × faster than it happened; ` +
      `everything deducted ${seconds(deductedMs)} after the last call`,
  )
}

type Trace = ReadonlyArray<TraceCall>

const demo = async (system: FoundSystem, options: DemoOptions, trace: Trace): Promise<boolean> => {
  const run = Date.now().toString(36)
  const start = performance.now()
  const players = await signInAll(system, run)
  await provideAll(system, players)
  say(`  ${players.length} accounts signed in, given plans and credit  ${dim(seconds(performance.now() - start))}`)
  const tally = await playThrough(system, options, trace, players, run)

  const waitStart = performance.now()
  const wallets = await readOut(system, players, tally)
  const deductedMs = performance.now() - waitStart
  const cost = [...tally.models.values()].reduce((sum, model) => sum + model.cost, 0n)
  const shown = await untilShown(system, players, cost)
  say("  verifying the ledger")
  const verdict = await credits(system, "ledger", "verify")
  const verified = verdict.code === 0 && verdict.json?.["ok"] === true
  if (!verified) say(verdict.complaint)

  const checks = checksOf(tally, wallets, shown, verified)
  const sections = [
    `${callsSection(tally)}\n${timing(tally, trace, deductedMs)}`,
    modelsSection(tally, shown),
    refusalsSection(tally),
    walletsSection(wallets, tally),
    checksSection(checks),
  ]
  print(`\n${sections.join("\n\n")}`)
  return checks.every((check) => check.ok)
}

const main = async (): Promise<number> => {
  let options: DemoOptions
  try {
    options = readOptions(process.argv.slice(2))
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
    return 2
  }
  let system: FoundSystem | null = null
  const onSignal = (): void => {
    void (system?.stop() ?? Promise.resolve()).finally(() => process.exit(130))
  }
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal)
  try {
    const trace = traceOf(options)
    say("looking for a running system")
    system = await findSystem()
    say(
      system.startedInMs === null
        ? `  playing through the one at ${system.run.httpUrl}`
        : `  none runs: started one of its own in ${seconds(system.startedInMs)}; it ends with the demo`,
    )
    return (await demo(system, options, trace)) ? 0 : 1
  } catch (error) {
    say(`the demo failed: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  } finally {
    await system?.stop()
  }
}

process.exitCode = await main()
