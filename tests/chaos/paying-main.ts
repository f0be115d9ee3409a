/**
 * The paying rounds by hand: `node tests/chaos/paying-main.ts [--rounds 20] [--victims subscriptions,payments]
 * [--deeds purchases,renewals,advance] [--seed 1]`. Prints a line a round; exit code 1 at the first difference, with
 * the data
 * folder left where it is.
 */
import { parseArgs } from "node:util"
import { DEEDS, PAYING_VICTIMS, PayingChaos } from "./paying-rounds.ts"

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    victims: { type: "string", default: PAYING_VICTIMS.join(",") },
    deeds: { type: "string", default: DEEDS.join(",") },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) },
  },
})

/** The words of a list that there are. @throws Error naming the first that there is not */
const known = <Word extends string>(option: string, text: string, words: ReadonlyArray<Word>): ReadonlyArray<Word> =>
  text.split(",").map((name) => {
    const word = words.find((each) => each === name)
    if (word === undefined) throw new Error(`--${option} knows ${words.join(", ")}, not ${name}`)
    return word
  })

const victims = known("victims", values.victims, PAYING_VICTIMS)
const deeds = known("deeds", values.deeds, DEEDS)
const print = (text: string): void => void process.stdout.write(`${text}\n`)

print(`seed ${values.seed}: ${values.rounds} rounds of ${victims.join(", ")} during ${deeds.join(", ")}`)
const run = await PayingChaos.start(Number(values.seed))
let failed = false
try {
  for (let round = 1; round <= Number(values.rounds) && !failed; round++) {
    for (const [victim, deed] of victims.flatMap((each) => deeds.map((deed) => [each, deed] as const))) {
      const { killedAfterMs, settledMs, differences } = await run.round(deed, victim)
      print(
        `round ${round} ${victim.padEnd(13)} ${deed.padEnd(9)} killed after ${String(killedAfterMs).padStart(3)} ms, ` +
          `settled ${(settledMs / 1000).toFixed(1)} s later`,
      )
      if (differences.length === 0) continue
      failed = true
      print(`  ${differences.join("\n  ")}\n${run.log()}\n  data folder: ${run.dataDir}`)
      break
    }
  }
  print(failed ? "FAILED" : "every obligation charged once and granted once")
} catch (error) {
  failed = true
  print(`${String(error)}\n${run.log()}\n  data folder: ${run.dataDir}`)
} finally {
  await run.stop(!failed)
}
process.exit(failed ? 1 : 0)
