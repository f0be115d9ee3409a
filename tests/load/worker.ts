/**
 * A load process: takes one job over IPC, prepares it, reports `prepared`, runs when told `go`, reports its result
 * and ends. Generators live in processes of their own, so that what they cost is seen and does not stall what they
 * measure.
 */
import { prepareCalls } from "./jobs/calls.ts"
import { prepareFund } from "./jobs/fund.ts"
import type { Job, Prepared } from "./jobs/job.ts"
import { prepareCharges, prepareJetStream, prepareUsage } from "./jobs/publish.ts"
import { prepareRequests } from "./jobs/requests.ts"

const prepare = (job: Job): Promise<Prepared<unknown>> => {
  switch (job.job) {
    case "requests":
      return prepareRequests(job)
    case "calls":
      return prepareCalls(job)
    case "fund":
      return prepareFund(job)
    case "usage":
      return prepareUsage(job)
    case "charges":
      return prepareCharges(job)
    case "jetstream":
      return prepareJetStream(job)
  }
}

const message = (): Promise<unknown> => new Promise((resolve) => process.once("message", resolve))

try {
  const prepared = await prepare((await message()) as Job)
  process.send!({ prepared: true })
  await message()
  const start = performance.now()
  const before = process.cpuUsage()
  const result = await prepared.run()
  const { user, system } = process.cpuUsage(before)
  process.send!({ result, cores: (user + system) / 1000 / (performance.now() - start) })
  await prepared.close()
} catch (error) {
  process.send!({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) })
}
process.disconnect()
