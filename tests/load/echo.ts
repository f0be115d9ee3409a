/**
 * The bare responder of the baselines: answers every question at once with a text as long as a hold's. What NATS and
 * the client cost by themselves, with the same subjects, questions and client code as an authorization.
 */
import { connectBus, serve } from "@credits/bus"
import { makeHoldId } from "@credits/kernel"
import { accountNumber } from "@credits/testkit"

const bus = await connectBus({ servers: process.argv[2]!, name: "bench-echo", firstConnectMs: 5_000 })
const holdId = makeHoldId(accountNumber(1), 1_700_000_000_000, new Uint8Array(10))
const answer = JSON.stringify({
  ok: { holdId, held: "1000000", expiresAt: 1_700_000_900_000, availableAfter: "499999999000000" },
})
serve(bus.connection, "bench.echo.*", () => answer)
await bus.connection.flush()
process.send!("ready")
