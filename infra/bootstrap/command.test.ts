/**
 * Goal: a step that fails says why in one line, and the program that takes our place ends the way we end. Method:
 * small shell and node programs, in processes of their own.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { assert, describe, it } from "vitest"
import { run } from "./command.mjs"

const failureOf = (script: string, timeoutMs = 10_000): Promise<string> =>
  run("sh", ["-c", script], { timeoutMs }).then(
    () => "no failure",
    (error: Error) => error.message,
  )

describe("running a step", () => {
  it("answers what it printed", async () => {
    assert.strictEqual(await run("sh", ["-c", "echo out; echo noise >&2"], { timeoutMs: 10_000 }), "out\n")
  })

  it("that fails gives the line that names the error, else its last line, else how it ended", async () => {
    assert.strictEqual(await failureOf("echo 'E: no such suite' >&2; echo bye >&2; exit 100"), "E: no such suite")
    assert.strictEqual(
      await failureOf("echo npm error code X >&2; echo npm error network down >&2; exit 1"),
      "npm error network down",
    )
    assert.strictEqual(await failureOf("echo first; echo last; exit 2"), "last")
    assert.strictEqual(await failureOf("exit 7"), "sh ended with 7")
  })

  it("that takes too long is stopped", async () => {
    assert.strictEqual(await failureOf("exec sleep 60", 100), "sh took longer than 0.1 s")
  })

  it("whose program is missing fails with its name", async () => {
    const failure = await run("no-such-program", [], { timeoutMs: 1000 }).then(String, String)
    assert.match(failure, /no-such-program ENOENT/)
  })
})

describe("taking our place", () => {
  /** A process that becomes `node -e program`. */
  const become = (program: string, ...args: readonly string[]) => {
    const module = JSON.stringify(new URL("command.mjs", import.meta.url).href)
    const words = JSON.stringify(["-e", program, ...args])
    const script = `import(${module}).then((m) => m.become(process.execPath, ${words}, { env: process.env }))`
    return spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] })
  }

  it("hands on arguments, output and exit code", async () => {
    const child = become("console.log(process.argv.slice(1).join('|')); process.exit(6)", "a b", "--c")
    const output: string[] = []
    child.stdout.on("data", (chunk) => output.push(String(chunk)))
    const [code] = await once(child, "close")
    assert.strictEqual(code, 6)
    assert.deepStrictEqual(output.join(""), "a b|--c\n")
  })

  it("hands on signals, and waits for the program to end in its own way", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const child = become(
        `process.on("${signal}", () => { console.log("clean"); process.exit(9) }); ` +
          `setInterval(() => {}, 1e6); console.log("up")`,
      )
      await once(child.stdout, "data")
      child.kill(signal)
      const [code] = await once(child, "close")
      assert.strictEqual(code, 9)
    }
  })

  it("a program that a signal ends gives the shell's code for it", async () => {
    const child = become("process.kill(process.pid, 'SIGKILL')")
    const [code] = await once(child, "close")
    assert.strictEqual(code, 128 + 9)
  })
})
