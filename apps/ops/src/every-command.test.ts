/**
 * Goal: no command forgets the conventions of all (contract section 6), and shells complete them. Method: the table of
 * commands is the command tree itself; whoever adds one is asked here.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { helpOfAll, type CommandHelp } from "./help.ts"
import { shellWith } from "./testing/terminal.ts"

let folder: string
let all: ReadonlyArray<CommandHelp>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "credits-every-"))
  writeFileSync(join(folder, "file.json"), "{}")
  all = await helpOfAll()
})
afterAll(() => rmSync(folder, { recursive: true }))

/** What a command needs besides `--apply` to be understood. */
const ARGUMENTS: Readonly<Record<string, ReadonlyArray<string>>> = {
  "account adjust": ["acc_a", "--amount", "1"],
  "account entitle": ["acc_a", "--plan", "plus"],
  "account freeze": ["acc_a"],
  "account unfreeze": ["acc_a"],
  "backup restore": ["FILE"],
  "catalogue publish": ["FILE"],
  "charge look-up": ["chg_1"],
  "charge refund": ["chg_1"],
  "charge resolve": ["chg_1", "--outcome", "succeeded"],
  "dlq discard": ["1"],
  "dlq redrive": ["1"],
  "gateway-key create": ["test"],
  "gateway-key revoke": ["key_1"],
  "prices import": [],
  "prices publish": ["FILE"],
  "prices rerate": ["--from", "2026-11-01T00:00:00Z", "--to", "2026-11-02T00:00:00Z", "--book", "b"],
  "projection rebuild": ["usage"],
  "review answer": ["rev_1", "--answer", "because"],
  "session end": ["acc_a"],
  "stream replay": ["USAGE"],
  "subscription cancel": ["acc_a"],
  "subscription downgrade": ["acc_a", "--plan", "plus"],
  "topup suspend": ["acc_a"],
  "webhook add": ["https://example.com/hook"],
  "webhook remove": ["whk_1"],
}

describe("every command", () => {
  it("has help with a description, an example, and takes --json", () => {
    assert.isAbove(all.length, 35)
    for (const { path, text } of all) {
      const name = path.join(" ")
      for (const part of ["DESCRIPTION", "USAGE", "EXAMPLES", "--json", `credits ${name}`])
        assert.include(text, part, name)
    }
  })

  it("that changes something is a dry run, and refuses --apply without --reason before anything", async () => {
    const changing = all.filter(({ text }) => text.includes("--apply "))
    assert.deepEqual(changing.map(({ path }) => path.join(" ")).toSorted(), Object.keys(ARGUMENTS).toSorted())
    // Nothing runs here: a command that asked somebody first would fail otherwise.
    const credits = shellWith({ CREDITS_DATA_DIR: join(folder, "nothing") })
    for (const { path } of changing) {
      const args = ARGUMENTS[path.join(" ")]!.map((each) => (each === "FILE" ? join(folder, "file.json") : each))
      const run = await credits(...path, ...args, "--apply", "--json")
      assert.strictEqual(run.exit, 2, `${path.join(" ")}: ${run.stderr}`)
      assert.include(run.stderr, "--apply needs --reason", path.join(" "))
      assert.nestedPropertyVal(run.json(), "error.code", "usage", path.join(" "))
    }
  })

  it("an unknown flag, and a noun without its verb, are usage (2)", async () => {
    const credits = shellWith({ CREDITS_DATA_DIR: folder })
    for (const { path } of all) assert.strictEqual((await credits(...path, "--no-such-flag")).exit, 2, path.join(" "))
    for (const noun of new Set(all.filter(({ path }) => path.length > 1).map(({ path }) => path[0]!))) {
      assert.strictEqual((await credits(noun)).exit, 2, noun)
    }
  })
})

describe("shell completion", () => {
  const script = async (shell: string): Promise<string> => (await shellWith({})("--completions", shell)).stdout

  it("bash: run as the shell runs it, it offers nouns, verbs and flags", async () => {
    const file = join(folder, "credits.bash")
    writeFileSync(file, await script("bash"))
    const offered = (...words: ReadonlyArray<string>): ReadonlyArray<string> => {
      const line = words.join(" ")
      const list = words.map((word) => `'${word}'`).join(" ")
      const word = `COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}`
      const state = `${word}; COMP_LINE='${line}'; COMP_POINT=${line.length}`
      const run = spawnSync("bash", ["-c", `. '${file}'; ${state}; _credits; printf '%s\\n' "\${COMPREPLY[@]}"`], {
        encoding: "utf8",
      })
      assert.strictEqual(run.status, 0, run.stderr)
      return run.stdout.split("\n").map((word) => word.trim())
    }
    assert.includeMembers([...offered("credits", "")], ["account", "dlq", "stream", "top", "doctor"])
    assert.includeMembers([...offered("credits", "dlq", "")], ["list", "show", "redrive", "discard"])
    assert.deepEqual(offered("credits", "stream", "re").filter(Boolean), ["replay"])
    assert.includeMembers(
      [...offered("credits", "dlq", "redrive", "--")],
      ["--apply", "--reason", "--reason-code", "--all"],
    )
  })

  it.each(["zsh", "fish"])("%s: names every command, and is a script that shell can read", async (shell) => {
    const text = await script(shell)
    for (const { path } of all) assert.include(text, path.at(-1)!, path.join(" "))
    const file = join(folder, `credits.${shell}`)
    writeFileSync(file, text)
    const read = spawnSync(shell, ["-n", file], { encoding: "utf8" })
    // Where the shell is not installed there is nobody to ask.
    if (read.error === undefined) assert.strictEqual(read.status, 0, read.stderr)
  })
})
