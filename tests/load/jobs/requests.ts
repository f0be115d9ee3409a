/** Load job: questions over request–reply, closed or open loop, through the same `askOwner` that gateways use. */
import { askOwner, type BusHandle, closeBus, connectBus } from "@credits/bus"
import { SUBJECTS } from "@credits/contracts"
import { makeId, partitionOf } from "@credits/kernel"
import {
  accountNumber,
  type CallOutcome,
  closedLoop,
  type LoadCall,
  type LoadResult,
  openLoop,
  random,
  steadySchedule,
} from "@credits/testkit"
import type { Prepared, RequestsJob } from "./job.ts"

/** Distinct request texts; a closed loop may need more than it guessed and then makes them as it goes. */
const PREPARED_MAX = 400_000
/** A tenth of a cent: small enough that no load uses an account up. */
const AMOUNT = "1000000"

const echoSubject = (partition: number): string => `bench.echo.${partition}`

const isEcho = (job: RequestsJob): boolean => job.what === "echo" || job.what === "echo-asker"

interface Question {
  readonly subject: string
  readonly text: string
}

const questions = (job: RequestsJob): ((index: number) => Question) => {
  const source = random(job.seed)
  const bytes = new Uint8Array(10)
  const make = (): Question => {
    const account = accountNumber(source.below(job.accounts))
    const partition = partitionOf(account)
    if (job.what === "statement") {
      const text = JSON.stringify({ op: "statement", account, limit: 50 })
      return { subject: SUBJECTS.ledgerRequest(partition), text }
    }
    const id = makeId("req", Date.now(), source.bytes(bytes))
    const text = `{"op":"authorize","id":"${id}","account":"${account}","amount":"${AMOUNT}","ttl":3600000}`
    return { subject: isEcho(job) ? echoSubject(partition) : SUBJECTS.ledgerRequest(partition), text }
  }
  const wanted =
    job.load.kind === "open" ? job.load.perSecond * job.load.seconds : Math.min(PREPARED_MAX, job.load.seconds * 45_000)
  const prepared = Array.from({ length: Math.ceil(wanted) }, make)
  return (index) => prepared[index] ?? make()
}

const WARMUP_MS = 1_000

/** Every account's wallet once, so that all of them are in the ledger's memory. */
const readWallets = async (job: RequestsJob, bus: BusHandle): Promise<LoadResult> => {
  let next = 0
  const reader = async (): Promise<void> => {
    while (next < job.accounts) {
      const account = accountNumber(next++)
      const subject = SUBJECTS.ledgerRequest(partitionOf(account))
      await askOwner(bus.connection, subject, JSON.stringify({ op: "wallet", account }), { deadlineMs: 10_000 })
    }
  }
  await Promise.all(Array.from({ length: 64 }, reader))
  return closedLoop({ callers: 1, seconds: 0, warmupMs: 0, call: () => Promise.resolve("ok") })
}

export const prepareRequests = async (job: RequestsJob): Promise<Prepared<LoadResult>> => {
  const bus = await connectBus({ servers: job.servers, name: job.name, firstConnectMs: 5_000 })
  if (job.what === "wallets") return { run: () => readWallets(job, bus), close: () => closeBus(bus) }
  const question = questions(job)
  const call: LoadCall = async (index): Promise<CallOutcome> => {
    const { subject, text } = question(index)
    const answer =
      job.what === "echo"
        ? (await bus.connection.request(subject, text, { timeout: 10_000 })).string()
        : await askOwner(bus.connection, subject, text, { deadlineMs: 10_000, silenceMs: 3_000 })
    return answer.startsWith('{"ok"') ? "ok" : "refused"
  }
  return {
    run: () =>
      job.load.kind === "closed"
        ? closedLoop({ callers: job.load.callers, seconds: job.load.seconds, call, warmupMs: WARMUP_MS })
        : openLoop({
            schedule: steadySchedule(job.load.perSecond, job.load.seconds),
            call,
            warmupMs: WARMUP_MS,
          }),
    close: () => closeBus(bus),
  }
}
