/**
 * The crash rounds by hand: `node tests/chaos/main.ts [--rounds 20] [--victims ledger,pricing,nats,all] [--seed 1]`.
 * Prints a line a round; exit code 1 at the first difference, with the data folder left where it is.
 */
import { parseArgs } from "node:util"
import { ChaosRun, type Victim, VICTIMS } from "./rounds.ts"

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    victims: { type: "string", default: VICTIMS.join(",") },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) },
  },
})
const isVictim = (name: string): name is Victim => (VICTIMS as ReadonlyArray<string>).includes(name)
const victims = values.victims.split(",").map((name) => {
  if (isVictim(name)) return name
  throw new Error(`--victims knows ${VICTIMS.join(", ")}, not ${name}`)
})
const rounds = Number(values.rounds)
const print = (text: string): void => void process.stdout.write(`${text}\n`)

print(`seed ${values.seed}: ${rounds} rounds of ${victims.join(", ")}`)
const run = await ChaosRun.start(Number(values.seed))
let failed = false
try {
  for (let round = 1; round <= rounds && !failed; round++) {
    for (const victim of victims) {
      const { accepted, backMs, killedAfter, differences } = await run.round(victim)
      const letters = await run.deadLetters()
      const back = `${(backMs / 1000).toFixed(1)} s`
      print(
        `round ${round} ${victim.padEnd(8)} killed after ${killedAfter} of ${accepted} events, ready again in ${back}`,
      )
      if (differences.length + letters === 0) continue
      failed = true
      print(`  ${letters} dead letters\n  ${differences.join("\n  ")}\n  data folder: ${run.dataDir}`)
      break
    }
  }
  const { accepted, holds, repeats, refusals } = run.load
  const refused = [...refusals].map(([code, count]) => `${count} ${code}`).join(", ") || "none"
  print(`${accepted.size} events, ${holds} holds, ${repeats} repeats, refusals: ${refused}`)
  print(failed ? "FAILED" : "every accepted event deducted exactly once")
} catch (error) {
  failed = true
  print(`${String(error)}\n${run.log()}\n  data folder: ${run.dataDir}`)
} finally {
  await run.stop(!failed)
}
process.exit(failed ? 1 : 0)
