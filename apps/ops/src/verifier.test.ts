/** Goal: the verifier's verdict is shown as it is, and a verifier without one is never taken for a good one. */
import * as Effect from "effect/Effect"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { verdictText } from "./commands/ledger/verify.ts"
import { runVerifier } from "./verifier.ts"

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "credits-verifier-"))
})
afterAll(() => rm(folder, { recursive: true }))

const program = async (name: string, text: string): Promise<string> => {
  const path = join(folder, `${name}.mjs`)
  await writeFile(path, text)
  return path
}
const config = () => ({ dataDir: folder, natsUrl: undefined, natsSeed: undefined, databaseUrl: undefined })

describe("ledger verify", () => {
  it("hands over the verdict, also a bad one, with the data folder it was told", async () => {
    const path = await program(
      "bad",
      `const dir = process.env.CREDITS_DATA_DIR
       console.log(JSON.stringify({ ok: false, dir, problems: ["I1"] }))
       process.exit(1)`,
    )
    const verdict = await Effect.runPromise(runVerifier(config(), path))
    assert.deepEqual(verdict, { ok: false, dir: folder, problems: ["I1"] })
  })

  it("a verifier that dies, or says something else, is a failure and no verdict", async () => {
    for (const text of ["process.exit(3)", "console.log('fine')", "console.log('{}')"]) {
      const path = await program("silent", text)
      const failure = await Effect.runPromise(Effect.flip(runVerifier(config(), path)))
      assert.strictEqual(failure.code, "verifier_failed")
    }
  })

  it("shows counts one a line and every problem", () => {
    const text = verdictText({
      ok: false,
      entries: 7,
      totals: { spentUsd: "1.25" },
      problems: ["acc_a does not close"],
    })
    assert.include(text, "NOT OK")
    assert.match(text, /entries +7/)
    assert.match(text, /totals spentUsd +1\.25/)
    assert.include(text, "  acc_a does not close")
  })
})
