/**
 * Load job: whole calls as a gateway makes them: authorize, then the usage event that settles the hold, through
 * @credits/client.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openGateway } from "@credits/client"
import { accountNumber, closedLoop, type LoadCall, type LoadResult, random, usageEvents } from "@credits/testkit"
import type { CallsJob, Prepared } from "./job.ts"

/** A cent: more than the call can cost, so that settling releases something. */
const AMOUNT = 10_000_000n
const TTL_MS = 3_600_000

export const prepareCalls = async (job: CallsJob): Promise<Prepared<LoadResult>> => {
  const directory = mkdtempSync(join(process.env["CREDITS_BENCH_DIR"] ?? tmpdir(), "credits-bench-spool-"))
  const gateway = await openGateway({ servers: job.servers, spool: { directory }, firstConnectMs: 5_000 })
  const source = random(job.seed)
  const make = usageEvents({ seed: job.seed + 1, source: "bench" })
  const run = job.seed.toString(36)
  const call: LoadCall = async (index) => {
    const account = accountNumber(source.below(job.accounts))
    const requestId = `call-${run}-${index}`
    const answer = await gateway.authorize({ account, requestId, model: job.model, amount: AMOUNT, ttlMs: TTL_MS })
    if ("refused" in answer) return "refused"
    const tokens = { inputTokens: 50 + source.below(1_000), outputTokens: 10 + source.below(400) }
    const { holdId } = answer.ok
    const { model, provider } = job
    await gateway.usage(make({ account, model, provider, at: Date.now(), requestId, holdId, ...tokens }))
    return "ok"
  }
  return {
    run: async () => {
      const result = await closedLoop({ callers: job.callers, seconds: job.seconds, call, warmupMs: 1_000 })
      await gateway.flush()
      return result
    },
    close: async () => {
      await gateway.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
