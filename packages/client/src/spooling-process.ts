/**
 * A process for the kill -9 test: opens a client without a server in reach, hands in events until it is killed, and
 * prints the id of each event after it was accepted.
 */
import { Spool } from "./spool.ts"
import { UsageIntake } from "./usage-intake.ts"
import { accountNumber, usageEvents } from "@credits/testkit"

const spool = await Spool.open({ directory: process.argv[2]!, segmentBytesMax: 64 * 1024, bytesMax: 64 * 1024 * 1024 })
const intake = new UsageIntake(spool, {})
const make = usageEvents({ seed: Number(process.argv[3]) })
const caller = async (account: string): Promise<void> => {
  for (;;) {
    const event = make({ account, model: "m", provider: "p", at: Date.now(), inputTokens: 1, outputTokens: 1 })
    await intake.accept(event)
    process.stdout.write(`${event.id}\n`)
  }
}
await Promise.all(Array.from({ length: 16 }, (_, i) => caller(accountNumber(i))))
