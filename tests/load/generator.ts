/** Starts load processes and talks to them. Owns their life; what they do is in `jobs/`. */
import { type ChildProcess, fork } from "node:child_process"
import { join } from "node:path"
import type { Job, ResultOf } from "./jobs/job.ts"
import { type Cpu, measureCpu } from "./processes.ts"

export interface Generator<A> {
  /** Starts the clock and resolves with the result; the process then ends. */
  run(): Promise<A>
  /** Cores it used itself while it ran; known afterwards. */
  cores(): number
}

interface Finished {
  readonly result: unknown
  readonly cores: number
}
type Report = { readonly prepared: true } | Finished | { readonly failed: string }

const report = (child: ChildProcess, name: string): Promise<Report> =>
  new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`load process ${name} ended with ${code}`))
    child.once("exit", ended)
    child.once("message", (text) => {
      child.off("exit", ended)
      const message = text as Report
      if ("failed" in message) reject(new Error(`load process ${name}: ${message.failed}`))
      else resolve(message)
    })
  })

/** Resolves when the process has prepared what it will send. */
export const startGenerator = async <J extends Job>(job: J): Promise<Generator<ResultOf[J["job"]]>> => {
  const child = fork(join(import.meta.dirname, "worker.ts"), [], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    execArgv: ["--max-old-space-size=6000"],
    serialization: "advanced",
  })
  const prepared = report(child, job.name)
  child.send(job)
  await prepared
  let cores = 0
  return {
    run: async () => {
      const reported = report(child, job.name)
      child.send("go")
      const finished = (await reported) as Finished
      cores = finished.cores
      return finished.result as ResultOf[J["job"]]
    },
    cores: () => cores,
  }
}

/** Prepares and runs at once. */
export const generate = async <J extends Job>(job: J): Promise<ResultOf[J["job"]]> => (await startGenerator(job)).run()

export interface Measured<A> {
  readonly result: A
  /** Cores used while it ran, by process; the generator's own too. */
  readonly cpu: Cpu
}

/** Prepares, then measures the processes only while the job runs. */
export const generateMeasured = async <J extends Job>(
  job: J,
  pids: Readonly<Record<string, number>>,
): Promise<Measured<ResultOf[J["job"]]>> => {
  const generator = await startGenerator(job)
  const cpu = measureCpu(pids)
  const result = await generator.run()
  return { result, cpu: { ...cpu(), generator: generator.cores() } }
}
