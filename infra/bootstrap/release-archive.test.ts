/**
 * Goal: only an archive with the release's own checksum is unpacked. Method: texts for the names and checksums, and a
 * release served from this machine, whole or spoiled.
 */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { archiveName, checksumOf, fromReleaseArchive } from "./release-archive.mjs"
import { isAtLeast } from "./version.mjs"

const listedSum = "0123456789abcdef".repeat(4)

describe("the release archive", () => {
  it("is named as the release names it, on Linux and macOS, Intel and Arm", () => {
    assert.match(archiveName("linux", "x64"), /^nats-server-v2\.15\.\d+-linux-amd64$/)
    assert.match(archiveName("darwin", "arm64"), /^nats-server-v2\.15\.\d+-darwin-arm64$/)
    assert.throws(() => archiveName("win32", "x64"), /no release is built for win32-x64/)
    assert.throws(() => archiveName("linux", "mips"), /no release is built for linux-mips/)
  })

  it("has exactly the checksum of its own line", () => {
    const listed = [
      `${"f".repeat(64)}  a.tar.gz.sig`,
      `${listedSum.toUpperCase()}  a.tar.gz`,
      `${"e".repeat(64)} *b.tar.gz`,
      "",
    ].join("\n")
    assert.strictEqual(checksumOf(listed, "a.tar.gz"), listedSum)
    assert.strictEqual(checksumOf(listed, "b.tar.gz"), "e".repeat(64))
    assert.throws(() => checksumOf(listed, "c.tar.gz"), /does not list c\.tar\.gz/)
    assert.throws(() => checksumOf("<html>sign in</html>", "a.tar.gz"), /does not list/)
  })
})

describe("a release that is served", () => {
  const withRelease = async (spoil: boolean, use: (address: string, folder: string) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), "credits-release-"))
    const name = archiveName(process.platform, process.arch)
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, "nats-server"), "#!/bin/sh\necho nats-server: v2.15.1\n")
    chmodSync(join(folder, name, "nats-server"), 0o755)
    execFileSync("tar", ["-czf", "archive", name], { cwd: folder })
    const archive = readFileSync(join(folder, "archive"))
    const sum = spoil ? "0".repeat(64) : createHash("sha256").update(archive).digest("hex")
    const server = createServer((request, answer) => {
      if (request.url?.endsWith("/SHA256SUMS") === true) answer.end(`${sum}  ${name}.tar.gz\n`)
      else if (request.url?.endsWith(`/${name}.tar.gz`) === true) answer.end(archive)
      else answer.writeHead(404).end()
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    assert.isObject(address)
    try {
      await use(`http://127.0.0.1:${(address as { port: number }).port}`, join(folder, "cache"))
    } finally {
      server.close()
      rmSync(folder, { recursive: true })
    }
  }

  it("leaves its program in the cache and nothing else", () =>
    withRelease(false, async (address, folder) => {
      const path = await fromReleaseArchive(process.execPath, folder, address).find()
      assert.strictEqual(path, join(folder, "nats-server"))
      assert.strictEqual(execFileSync(join(folder, "nats-server"), { encoding: "utf8" }), "nats-server: v2.15.1\n")
      assert.deepStrictEqual(readdirSync(folder), ["nats-server"])
    }))

  it("is refused when the archive differs from its checksum", () =>
    withRelease(true, async (address, folder) => {
      const failure = await fromReleaseArchive(process.execPath, folder, address).find().then(String, String)
      assert.match(failure, /the archive's SHA-256 is [0-9a-f]{64}, the release says 0{64}/)
      assert.isFalse(existsSync(join(folder, "nats-server")))
    }))

  it("is refused when it is not there, with the address in the reason", () =>
    withRelease(false, async (address, folder) => {
      const failure = await fromReleaseArchive(process.execPath, folder, `${address}:1`).find().then(String, String)
      assert.match(failure, /SHA256SUMS: /)
    }))
})

describe("versions", () => {
  it("are compared part by part as numbers", () => {
    assert.isTrue(isAtLeast("nats-server: v2.15.0", "2.15.0"))
    assert.isTrue(isAtLeast("v2.16.0", "2.15.9"))
    assert.isTrue(isAtLeast("3.0.0", "2.15.0"))
    assert.isFalse(isAtLeast("2.9.10", "2.15.0"))
    assert.isFalse(isAtLeast("2.14.99", "2.15.0"))
    assert.isFalse(isAtLeast("no version", "2.15.0"))
  })
})
