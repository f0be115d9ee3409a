/**
 * Goal: the mirror and its key are read from the source files that machines have. Method: such files, as texts and as
 * folders.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { aptSourceLine, parseLines, parseStanzas, readAptSources } from "./apt-sources.mjs"

const debian = `Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb-src
URIs: http://mirror.example/sources
Suites: bookworm

Types: deb
Enabled: no
URIs: http://mirror.example/off
Suites: bookworm
`

describe("apt sources", () => {
  it("a stanza gives the mirror, its suites and its keyring; sources and disabled ones are left out", () => {
    assert.deepStrictEqual(parseStanzas(debian), [
      {
        uri: "http://mirror.example/debian",
        suites: ["bookworm", "bookworm-updates"],
        key: { path: "/usr/share/keyrings/debian-archive-keyring.gpg" },
      },
    ])
  })

  it("a line gives the same, with or without options", () => {
    const lines = `# deb http://old.example/ buster main
deb http://one.example/debian bookworm main contrib
deb [arch=amd64 signed-by=/keys/two.gpg] http://two.example/debian trixie main
deb-src http://three.example/debian bookworm main`
    assert.deepStrictEqual(parseLines(lines), [
      { uri: "http://one.example/debian", suites: ["bookworm"], key: null },
      { uri: "http://two.example/debian", suites: ["trixie"], key: { path: "/keys/two.gpg" } },
    ])
  })

  it("reads sources.list and both kinds in sources.list.d, and no file that is switched off by its name", () => {
    const folder = mkdtempSync(join(tmpdir(), "credits-apt-"))
    mkdirSync(join(folder, "sources.list.d"))
    writeFileSync(join(folder, "sources.list"), "deb http://a.example bookworm main\n")
    writeFileSync(join(folder, "sources.list.d", "b.sources"), debian)
    writeFileSync(join(folder, "sources.list.d", "c.list.disabled"), "deb http://c.example bookworm main\n")
    const uris = readAptSources(folder).map((source) => source.uri)
    rmSync(folder, { recursive: true })
    assert.deepStrictEqual(uris, ["http://a.example", "http://mirror.example/debian"])
  })

  it("asks the same mirror, under the same key, for another suite", () => {
    const source = { uri: "http://mirror.example/debian", suites: ["bookworm"], key: { path: "/keys/a.gpg" } }
    assert.strictEqual(
      aptSourceLine(source, "forky", "main", "/unused"),
      "deb [target=Packages signed-by=/keys/a.gpg] http://mirror.example/debian forky main",
    )
    assert.strictEqual(
      aptSourceLine({ ...source, key: null }, "sid", "main", "/unused"),
      "deb [target=Packages] http://mirror.example/debian sid main",
    )
  })

  it("keys that stand in the stanza itself are handed to apt as a file", () => {
    const folder = mkdtempSync(join(tmpdir(), "credits-apt-"))
    const [source] = parseStanzas(
      "Types: deb\nURIs: http://k.example\nSuites: bookworm\n" +
        "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n",
    )
    assert.isDefined(source)
    const line = aptSourceLine(source, "forky", "main", folder)
    const key = readFileSync(join(folder, "mirror.asc"), "utf8")
    rmSync(folder, { recursive: true })
    assert.strictEqual(
      line,
      `deb [target=Packages signed-by=${join(folder, "mirror.asc")}] http://k.example forky main`,
    )
    assert.strictEqual(key, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n")
  })
})
