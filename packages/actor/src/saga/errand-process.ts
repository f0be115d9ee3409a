/**
 * A process for the kill -9 tests: runs errands over a nats-server and a database file, answers commands on
 * `errands.request`, and writes each step it does into a second file under the step's id.
 * `node packages/actor/src/saga/errand-process.ts <nats url> <data folder> <service>`
 */
import { join } from "node:path"
import { connectBus, realClock, serve } from "@credits/bus"
import { openDatabaseNow, openSqliteFile } from "@credits/store"
import { STREAMS, SUBJECTS } from "@credits/contracts"
import type { ErrandCommand } from "./errand.fixture.ts"
import { startErrands } from "./parts.fixture.ts"

const [servers, dataDir, service] = process.argv.slice(2) as [string, string, string]

export interface ErrandRequest {
  readonly id: string
  readonly key: string
  readonly command: ErrandCommand
}

const done = openSqliteFile(join(dataDir, "done.db"))
const note = done.prepare("insert into done (step) values (?) on conflict do nothing")
const bus = await connectBus({ servers, name: "errands" })
const database = await openDatabaseNow<unknown>({ service, dataDir })
const errands = await startErrands({ bus }, database, realClock, {
  perform: async (step) => {
    note.run(step.id)
    return `thing ${step.number}`
  },
  streams: [
    {
      stream: STREAMS.payments.name,
      filters: [SUBJECTS.paymentsFact],
      route: (text) => [JSON.parse(text) as { readonly id: string; readonly notice: string }],
    },
  ],
})
serve(bus.connection, "errands.request", async (text) => {
  const { id, key, command } = JSON.parse(text) as ErrandRequest
  return JSON.stringify(await errands.ask(id, command, key))
})
await bus.connection.flush()
errands.ended.catch(() => process.exit(3))
process.once("SIGTERM", () => void errands.stop().then(() => process.exit(0)))
process.stdout.write("ready\n")
