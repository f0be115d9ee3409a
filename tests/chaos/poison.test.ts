/**
 * Goal: a defect meets only the command that has it (decision 5). Method: a partition worker on a real database whose
 * machine throws where it is told to; everything else of the same batch must count, in order, once.
 */
import type { DeadLetter } from "@credits/contracts"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type Add, UNLUCKY, UNREADABLE } from "./counting-machine.ts"
import { until } from "./facts.ts"
import { WorkerBench } from "./worker-bench.ts"

const adding = (id: string, account: string, add: number): Add => ({ id, account, add, hash: `h-${id}` })
const letterOf = ({ payload }: { readonly payload: string }): DeadLetter => JSON.parse(payload) as DeadLetter

describe("decision 5: one poison command stops nobody else", () => {
  let bench: WorkerBench
  let generation = 0
  beforeEach(async () => {
    bench = await WorkerBench.start({ partitions: [0, 1] })
    generation = bench.said("owned").at(-1)!.generation
  })
  afterEach(() => bench.stop())

  const consumed = (messages: number) =>
    until(
      `${messages} messages are consumed`,
      () => bench.said("consumed").reduce((sum, said) => sum + said.messages, 0),
      (sum) => sum >= messages,
    )

  it("a decision that throws becomes a dead letter `defect`; all before and after it counts", async () => {
    bench.messages(
      generation,
      [1, [adding("a", "acc-p0-x", 1), adding("bad", "acc-p0-x", UNLUCKY), adding("b", "acc-p0-x", 2)]],
      [2, [adding("c", "acc-p1-y", 4), adding("bad", "acc-p1-y", UNLUCKY)]],
      [3, [adding("d", "acc-p0-z", 8)]],
    )
    await consumed(3)
    expect(await bench.totals([0, 1])).toEqual({ "acc-p0-x": 3, "acc-p1-y": 4, "acc-p0-z": 8 })
    const letters = (await bench.deadLetters([0, 1])).map(letterOf)
    expect(letters.map(({ reason, account, origin }) => [reason, account, origin.seq, origin.index])).toEqual([
      ["defect", "acc-p0-x", 1, 1],
      ["defect", "acc-p1-y", 2, 1],
    ])
    expect(letters[0]!.detail).toContain("thirteen")
    expect(JSON.parse(letters[0]!.payload)).toMatchObject({ id: "bad", add: UNLUCKY })
    // It counts afterwards as before.
    bench.messages(generation, [4, [adding("e", "acc-p0-x", 16)]])
    await consumed(4)
    expect((await bench.totals([0]))["acc-p0-x"]).toBe(19)
  })

  it("a request whose decision throws is answered `unavailable`, the others of its batch are decided", async () => {
    const answers = await bench
      .request(
        { id: "1", account: "acc-p0-x", add: 1 },
        { id: "2", account: "acc-p0-x", add: UNLUCKY },
        { id: "3", account: "acc-p0-x", add: 2 },
        { id: "4", account: "acc-p1-y", add: 4 },
      )
      .all()
    const parsed = answers.map((text) => JSON.parse(text!) as { ok?: { total: number }; refused?: { code: string } })
    expect(parsed.map(({ ok, refused }) => ok?.total ?? refused?.code)).toEqual([1, "unavailable", 3, 4])
    expect(await bench.totals([0, 1])).toEqual({ "acc-p0-x": 3, "acc-p1-y": 4 })
  })

  it("a message that cannot even be decoded becomes a dead letter; the next one counts", async () => {
    bench.messages(generation, [1, UNREADABLE], [2, [adding("a", "acc-p0-x", 1)]])
    await consumed(2)
    expect(await bench.totals([0])).toEqual({ "acc-p0-x": 1 })
    const letters = (await bench.deadLetters([0])).map(letterOf)
    expect(letters.map(({ reason, origin }) => [reason, origin.seq])).toEqual([["defect", 1]])
  })

  it("due work that throws stops its own account only: others' due work and commands go on", async () => {
    const due = Date.now() + 300
    await bench
      .request(
        { id: "1", account: "acc-p0-stuck", add: 1, due },
        { id: "2", account: "acc-p0-fine", add: 1, due },
        { id: "3", account: "acc-p1-fine", add: 1, due: due + 50 },
      )
      .all()
    await until(
      "the others' alarms rang",
      () => bench.totals([0, 1]),
      (totals) => totals["acc-p0-fine"] === 1_001 && totals["acc-p1-fine"] === 1_001,
    )
    bench.messages(generation, [1, [adding("a", "acc-p0-fine", 1), adding("b", "acc-p0-stuck", 1)]])
    await consumed(1)
    expect((await bench.totals([0]))["acc-p0-fine"]).toBe(1_002)
    const letters = (await bench.deadLetters([0])).map(letterOf)
    expect(letters.map(({ account }) => account)).toEqual(["acc-p0-stuck"])
    const answers = await bench.request({ id: "4", account: "acc-p0-stuck", add: 1 }).all()
    expect(JSON.parse(answers[0]!)).toHaveProperty("refused")
    // The worker did not fall over meanwhile.
    expect(bench.said("lost")).toEqual([])
  })
})
