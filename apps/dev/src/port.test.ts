import { createServer, type Server } from "node:net"
import { assert, describe, it } from "vitest"
import { freePort, hostToAsk } from "./port.ts"

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

describe("who listens on a host", () => {
  it("is asked there, on the loopback when that is among several", () => {
    const hosts = ["127.0.0.1", "0.0.0.0", "", "::", "::1", "192.0.2.7", "2001:db8::7", "edge.internal"]
    assert.deepEqual(hosts.map(hostToAsk), [
      "127.0.0.1",
      "127.0.0.1",
      "127.0.0.1",
      "[::1]",
      "[::1]",
      "192.0.2.7",
      "[2001:db8::7]",
      "edge.internal",
    ])
  })
})
