/**
 * A way to a server that a test makes silent, as a firewall does that forgets connections: both ends believe that they
 * are connected and nothing arrives any more. Owns the connections that go this way; looks at nothing they carry.
 */
import { connect, createServer, type AddressInfo, type Socket } from "node:net"

export interface SilentWay {
  /** The same server by this way. */
  readonly url: string
  /** What the connections of now carry is swallowed from here on; those made later are as ever. */
  swallow(): void
  stop(): Promise<void>
}

export const silentWayTo = async (url: string): Promise<SilentWay> => {
  const { hostname, port } = new URL(url)
  const ends = new Set<Socket>()
  let silenced: Array<() => void> = []
  // Half open: an end's goodbye is swallowed too.
  const server = createServer({ allowHalfOpen: true }, (ours) => {
    const theirs = connect(Number(port), hostname)
    let isSilent = false
    silenced.push(() => void (isSilent = true))
    for (const [end, other] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      ends.add(end)
      end.on("error", () => undefined)
      end.on("data", (chunk) => isSilent || other.write(chunk))
      end.on("end", () => isSilent || other.end())
      end.on("close", () => {
        ends.delete(end)
        if (!isSilent) other.destroy()
      })
    }
  })
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  const ourUrl = new URL(url)
  ourUrl.port = String((server.address() as AddressInfo).port)
  return {
    url: ourUrl.href,
    swallow: () => {
      for (const silence of silenced) silence()
      silenced = []
    },
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped())
        for (const end of ends) end.destroy()
      }),
  }
}
