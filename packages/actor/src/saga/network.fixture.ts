/**
 * A way to a Postgres that a test cuts: where in a commit it breaks decides what the service can know of it. Owns the
 * connections that go this way; of what they carry only commits are looked at.
 */
import { connect, createServer, type AddressInfo, type Socket } from "node:net"

/**
 * At the next commit of an actor's row: it is done and its answer is lost, or it is lost and only our end hears of it,
 * as when a firewall forgets a connection.
 */
export type Loss = "answer" | "half"

export interface Way {
  /** The same database by this way. */
  readonly url: string
  atNextCommit(loss: Loss): void
  /** Every connection breaks, now. */
  cut(): void
  stop(): Promise<void>
}

const BEGIN = /(^|[^a-z])begin\0/i
const COMMIT = /(^|[^a-z])commit\0/i
/** Leases are renewed meanwhile. */
const WRITES_ACTORS = /insert into saga\b/

export const wayTo = async (url: string): Promise<Way> => {
  const { hostname, port } = new URL(url)
  const ends = new Set<Socket>()
  let armed: Loss | null = null
  const server = createServer((ours) => {
    const theirs = connect(Number(port), hostname)
    const both = [ours, theirs]
    const cut = (): void => both.forEach((end) => end.destroy())
    let isAnswerLost = false
    let writesActors = false
    for (const end of both) {
      ends.add(end)
      end.on("error", () => undefined)
      end.on("close", () => ends.delete(end))
    }
    ours.on("data", (chunk) => {
      const text = chunk.toString("latin1")
      if (BEGIN.test(text)) writesActors = false
      writesActors ||= WRITES_ACTORS.test(text)
      const loss = writesActors && COMMIT.test(text) ? armed : null
      if (loss === null) return void theirs.write(chunk)
      armed = null
      if (loss === "half") return void ours.destroy()
      isAnswerLost = true
      theirs.write(chunk)
    })
    theirs.on("data", (chunk) => (isAnswerLost ? cut() : void ours.write(chunk)))
    ours.on("end", () => theirs.end())
    theirs.on("close", () => ours.destroy())
  })
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  const ourUrl = new URL(url)
  ourUrl.port = String((server.address() as AddressInfo).port)
  const cutAll = (): void => ends.forEach((end) => end.destroy())
  return {
    url: ourUrl.href,
    atNextCommit: (loss) => void (armed = loss),
    cut: cutAll,
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped())
        cutAll()
      }),
  }
}
