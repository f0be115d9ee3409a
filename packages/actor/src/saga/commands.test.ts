/** What a caller may rely on: answers after the commit, one effect a key, waits; and what a defect does to others. */
import { sql } from "kysely"
import { describe, expect, it } from "vitest"
import { overBothDatabases, T0, type Given } from "./both-databases.fixture.ts"
import { errandMachine, FORGOTTEN } from "./errand.fixture.ts"
import { endOf, eventually, storedTexts, TOPUPS, type Errands } from "./parts.fixture.ts"

overBothDatabases("commands of sagas", (given) => {
  let errands: Errands
  const start = async (change?: Parameters<Given["start"]>[0]): Promise<Errands> => {
    errands = await given.start(change)
    return errands
  }

  describe("commands", () => {
    it("decides, commits state, row and fact, and only then answers", async () => {
      await start()
      const from = (await endOf(given.parts.bus, TOPUPS)) + 1
      expect(await errands.ask("a", { op: "count", by: 2 })).toEqual({ ok: "2" })
      expect(await given.rowsOf(sql`select state from saga where id = 'a'`)).toHaveLength(1)
      expect(await given.rowsOf(sql`select count from errand_row where id = 'a'`)).toEqual([{ count: "2" }])
      await errands.quiet()
      expect((await storedTexts(given.parts.bus, TOPUPS, from)).map((text) => JSON.parse(text).count)).toEqual(["2"])
    })

    it("decides many commands of many actors, each in the order they came", async () => {
      await start()
      const asked = Array.from({ length: 300 }, (_, i) => errands.ask(`a${i % 7}`, { op: "count", by: 1 }))
      const answers = await Promise.all(asked)
      for (const [i, answer] of answers.entries()) expect(answer).toEqual({ ok: String(Math.floor(i / 7) + 1) })
      const { commits, decisions } = await errands.metrics()
      expect(decisions["command"]).toBe(300)
      expect(commits).toBeLessThan(50)
    })

    it("I2 the same key and content again gets the stored answer, also after a restart", async () => {
      await start()
      expect(await errands.ask("a", { op: "count", by: 1 }, "k")).toEqual({ ok: "1" })
      expect(await errands.ask("a", { op: "count", by: 1 }, "k")).toEqual({ ok: "1" })
      await errands.stop()
      await start()
      expect(await errands.ask("a", { op: "count", by: 1 }, "k")).toEqual({ ok: "1" })
      expect((await errands.state("a")).count).toBe(1n)
    })

    it("I2 the same key twice in one commit is one decision", async () => {
      await start()
      const both = await Promise.all([1, 2].map(() => errands.ask("a", { op: "count", by: 1 }, "k")))
      expect(both).toEqual([{ ok: "1" }, { ok: "1" }])
    })

    it("another content under a key is id_conflict; another actor's key is another key", async () => {
      await start()
      await errands.ask("a", { op: "count", by: 1 }, "k")
      expect(await errands.ask("a", { op: "count", by: 2 }, "k")).toMatchObject({ refused: { code: "id_conflict" } })
      expect(await errands.ask("b", { op: "count", by: 2 }, "k")).toEqual({ ok: "2" })
    })

    it("keeps a refusal that is final and decides any other again", async () => {
      await start()
      const final = await errands.ask("a", { op: "refuse", final: true }, "final")
      expect(final).toEqual({ refused: { code: "no", detail: "not at 0" } })
      expect(await errands.ask("a", { op: "refuse", final: true }, "final")).toEqual(final)
      const soft = await errands.ask("a", { op: "refuse", final: false }, "soft")
      expect(soft).toMatchObject({ refused: { detail: "not at 1" } })
      expect(await errands.ask("a", { op: "refuse", final: false }, "soft")).toMatchObject({
        refused: { detail: "not at 2" },
      })
    })

    it("a command that waits is answered by a later commit, and its answer is kept", async () => {
      await start()
      expect(await errands.ask("a", { op: "go" }, "k")).toEqual({ ok: "thing 1" })
      expect(await errands.ask("a", { op: "go" }, "k")).toEqual({ ok: "thing 1" })
      expect(errands.performed).toEqual(["a:1"])
    })

    it("the same command while the first still waits joins its wait", async () => {
      const { promise, resolve } = Promise.withResolvers<string>()
      await start({ perform: () => promise })
      const first = errands.ask("a", { op: "go" }, "k")
      const again = errands.ask("a", { op: "go" }, "k")
      await eventually(() => errands.performed[0], "the step has begun")
      resolve("bread")
      expect(await Promise.all([first, again])).toEqual([{ ok: "bread" }, { ok: "bread" }])
      expect(errands.performed).toEqual(["a:1"])
    })

    it("the end of a wait gets its own answer, which is not kept: asked again, the truth by then", async () => {
      const { promise, resolve } = Promise.withResolvers<string>()
      await start({ perform: () => promise })
      expect(await errands.ask("a", { op: "go" }, "k", 0)).toEqual({ ok: "still away" })
      expect(await errands.ask("a", { op: "go" }, "k", 1)).toEqual({ ok: "still away" })
      resolve("bread")
      await errands.quiet()
      expect(await errands.ask("a", { op: "go" }, "k", 0)).toEqual({ ok: "bread" })
    })

    it("a wait whose end cannot be decided is over too, and takes nobody's place", async () => {
      const reply: typeof errandMachine.reply = (state, asked, final) => {
        if (final && state.id === "a") throw new Error("thrown on purpose")
        return errandMachine.reply(state, asked, final)
      }
      const { promise, resolve } = Promise.withResolvers<string>()
      await start({ machine: { ...errandMachine, reply }, perform: () => promise })
      const stuck = errands.ask("b", { op: "go" }, "", 200)
      expect(await errands.ask("a", { op: "go" }, "", 1)).toMatchObject({ refused: { code: "unavailable" } })
      await errands.ask("b", { op: "meet", at: [FORGOTTEN] })
      expect(await stuck).toMatchObject({ refused: { code: "unavailable" } })
      expect((await errands.status()).detail).toMatchObject({ waiting: 0 })
      resolve("bread")
    })

    it("a wait that ends in a refusal which is not final leaves no receipt: the command is decided again", async () => {
      const outcomes = ["nothing", "bread"]
      await start({ perform: async () => outcomes.shift()! })
      expect(await errands.ask("a", { op: "go" }, "k")).toMatchObject({ refused: { code: "nothing_found" } })
      expect(await errands.ask("a", { op: "go" }, "k")).toEqual({ ok: "bread" })
      expect(errands.performed).toEqual(["a:1", "a:2"])
    })

    it("a command that waited before a restart is answered from the state when it is asked again", async () => {
      await start({ perform: () => new Promise(() => undefined) })
      const waiting = errands.ask("a", { op: "go" }, "k")
      await eventually(() => errands.performed[0], "the step has begun")
      await errands.stop()
      expect(await waiting).toMatchObject({ refused: { code: "unavailable" } })
      await start()
      expect(await errands.ask("a", { op: "go" }, "k")).toEqual({ ok: "thing 1" })
      expect(errands.performed).toEqual(["a:1"])
    })
  })

  describe("defects", () => {
    it("a decision that throws leaves its actor untouched; the others of its commit go on", async () => {
      await start()
      const [before, thrown, after, other] = await Promise.all([
        errands.ask("a", { op: "count", by: 1 }),
        errands.ask("a", { op: "throw" }),
        errands.ask("a", { op: "count", by: 1 }),
        errands.ask("b", { op: "count", by: 5 }),
      ])
      expect([before, after, other]).toEqual([{ ok: "1" }, { ok: "2" }, { ok: "5" }])
      expect(thrown).toMatchObject({ refused: { code: "unavailable" } })
      expect((await errands.metrics()).defects).toBe(1)
      expect(errands.reports.filter((text) => text.startsWith("error errand a: command"))).toHaveLength(1)
    })

    it("a change of phase without an arrow and a text that reads differently are defects", async () => {
      await start()
      expect(await errands.ask("a", { op: "jump" })).toMatchObject({ refused: { code: "unavailable" } })
      expect(await errands.ask("a", { op: "mumble" })).toMatchObject({ refused: { code: "unavailable" } })
      expect(await errands.ask("a", { op: "count", by: 1 })).toEqual({ ok: "1" })
      expect(errands.reports.join("\n")).toMatch(/no arrow from free to back/)
      expect(errands.reports.join("\n")).toMatch(/does not say the same twice/)
    })

    it("a row that the database refuses is found among the others and is alone in failing", async () => {
      await start()
      const good = Array.from({ length: 20 }, (_, i) => errands.ask(`a${i % 5}`, { op: "count", by: 1 }))
      const [bad] = [errands.ask("a2", { op: "unwritable" }), errands.ask("a2", { op: "count", by: 1 })]
      expect(await bad).toMatchObject({ refused: { code: "unavailable" } })
      for (const answer of await Promise.all(good)) expect(answer).toHaveProperty("ok")
      expect((await errands.state("a2")).count).toBe(5n)
    })

    it("due work that does not end stops its actor only, is seen, and is not run in a loop", async () => {
      await start()
      await errands.ask("b", { op: "meet", at: [T0 + 5] })
      await errands.ask("a", { op: "meet", at: [FORGOTTEN] })
      given.clock.freeze(T0 + 10)
      await errands.runDue(T0 + 10)
      expect((await errands.state("b")).appointments).toEqual([])
      await expect(errands.state("a")).rejects.toThrow("does not end")
      expect(await errands.status()).toMatchObject({ nextDue: FORGOTTEN, detail: { stuck: 1 } })
    })
  })
})
