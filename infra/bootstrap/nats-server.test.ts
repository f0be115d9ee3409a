/**
 * Goal: the order and the refusals of the search for a nats-server. Method: fake servers, small scripts that print a
 * version, in a folder that the test owns; no network.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { chooseNatsServer, fromCache, fromSearchPath, fromVariable } from "./nats-server.mjs"

describe("choosing a nats-server", () => {
  let folder = ""
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "credits-nats-"))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** A program named nats-server that prints this, in a folder of its own; answers the folder. */
  const fake = (name: string, printed: string, mode = 0o755): string => {
    const home = join(folder, name)
    mkdirSync(home, { recursive: true })
    const path = join(home, "nats-server")
    writeFileSync(path, `#!/bin/sh\necho "${printed}"\n`)
    chmodSync(path, mode)
    return home
  }

  const choose = async (ways: Parameters<typeof chooseNatsServer>[0]) => {
    const told: string[] = []
    return { path: await chooseNatsServer(ways, (line) => told.push(line)), told }
  }

  it("takes the named one before the PATH, and the PATH before the cache", async () => {
    const named = join(fake("named", "nats-server: v2.15.0"), "nats-server")
    const onPath = fake("on-path", "nats-server: v2.16.3")
    const cached = fake("cached", "nats-server: v2.15.1")
    const all = [fromVariable(named), fromSearchPath(`/nowhere:${onPath}`), fromCache(cached)]
    assert.deepStrictEqual(await choose(all), { path: named, told: [] })
    assert.deepStrictEqual(await choose(all.slice(1)), { path: join(onPath, "nats-server"), told: [] })
    assert.deepStrictEqual(await choose(all.slice(2)), { path: join(cached, "nats-server"), told: [] })
  })

  it("passes over one that is too old and says which version it has", async () => {
    const old = join(fake("old", "nats-server: v2.9.10"), "nats-server")
    const cached = fake("cached-new", "nats-server: v2.15.1")
    const { path, told } = await choose([fromVariable(old), fromCache(cached)])
    assert.strictEqual(path, join(cached, "nats-server"))
    assert.deepStrictEqual(told, [`no nats-server from CREDITS_NATS_SERVER: ${old} is 2.9.10, older than 2.15.0`])
  })

  it("passes over a file that is no program, one that does not run and one that prints no version", async () => {
    const plain = join(fake("plain", "nats-server: v2.15.1", 0o644), "nats-server")
    const mute = fake("mute", "hello")
    const broken = fake("broken", "")
    writeFileSync(join(broken, "nats-server"), "#!/bin/sh\necho 'wrong libc' >&2\nexit 1\n")
    const { path, told } = await choose([fromVariable(plain), fromSearchPath(mute), fromCache(broken)])
    assert.isNull(path)
    assert.deepStrictEqual(told, [
      `no nats-server from CREDITS_NATS_SERVER: ${plain} is not a program`,
      `no nats-server from the PATH: ${join(mute, "nats-server")} does not say its version`,
      "no nats-server from the cache: wrong libc",
    ])
  })

  it("does not look where nobody asked to look, and says nothing about it", async () => {
    assert.deepStrictEqual(await choose([fromVariable(undefined), fromVariable("")]), { path: null, told: [] })
  })

  it("gives one line for each way that fails, the empty PATH and the empty cache included", async () => {
    const { told } = await choose([
      fromSearchPath(""),
      fromCache(join(folder, "none")),
      { name: "the mirror", find: () => Promise.reject(new Error("404 Not Found\nand more lines")) },
    ])
    assert.deepStrictEqual(told, [
      "no nats-server from the PATH: there is none",
      "no nats-server from the cache: it has none yet",
      "no nats-server from the mirror: 404 Not Found",
    ])
  })
})
