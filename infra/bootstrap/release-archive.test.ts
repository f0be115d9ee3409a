/** Goal: the archive's name for a platform and the one checksum that counts. Method: pure functions on texts. */
import { assert, describe, it } from "vitest"
import { archiveName, checksumOf } from "./release-archive.mjs"
import { isAtLeast } from "./version.mjs"

const sum = "0123456789abcdef".repeat(4)

describe("the release archive", () => {
  it("is named as the release names it, on Linux and macOS, Intel and Arm", () => {
    assert.match(archiveName("linux", "x64"), /^nats-server-v2\.15\.\d+-linux-amd64$/)
    assert.match(archiveName("darwin", "arm64"), /^nats-server-v2\.15\.\d+-darwin-arm64$/)
    assert.throws(() => archiveName("win32", "x64"), /no release is built for win32-x64/)
    assert.throws(() => archiveName("linux", "mips"), /no release is built for linux-mips/)
  })

  it("has exactly the checksum of its own line", () => {
    const listed = `${"f".repeat(64)}  a.tar.gz.sig\n${sum.toUpperCase()}  a.tar.gz\n${"e".repeat(64)} *b.tar.gz\n`
    assert.strictEqual(checksumOf(listed, "a.tar.gz"), sum)
    assert.strictEqual(checksumOf(listed, "b.tar.gz"), "e".repeat(64))
    assert.throws(() => checksumOf(listed, "c.tar.gz"), /does not list c\.tar\.gz/)
    assert.throws(() => checksumOf("<html>sign in</html>", "a.tar.gz"), /does not list/)
  })
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
