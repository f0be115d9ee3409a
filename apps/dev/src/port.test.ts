import { createServer, type Server } from "node:net"
import { assert, describe, it } from "vitest"
import { freePort } from "./port.ts"

const listening = (port: number): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(port, "127.0.0.1", () => resolve(server))
  })

const closed = (server: Server): Promise<void> => new Promise((resolve) => void server.close(() => resolve()))

describe("a wanted port", () => {
  it("is waited for while somebody just leaves it", async () => {
    const wanted = await freePort()
    const holder = await listening(wanted)
    const found = freePort(wanted)
    await closed(holder)
    assert.strictEqual(await found, wanted)
  })

  it("that stays taken is given up for another", async () => {
    const wanted = await freePort()
    const holder = await listening(wanted)
    const found = await freePort(wanted)
    assert.notStrictEqual(found, wanted)
    await closed(await listening(found))
    await closed(holder)
  })
})
