/** Starts a system, says which one, and waits to be killed. */
import { startSystem } from "@credits/testkit"

const system = await startSystem({ dataDir: process.argv[2]!, services: ["pricing"] })
process.stdout.write(`${JSON.stringify(["dev", "nats", "pricing"].map((name) => system.pidOf(name)))}\n`)
