/**
 * Projections that can be counted anew from the ledger's entries, each by the service that owns its tables: how that
 * is asked for, waited for and shown. Owns no table.
 */
import * as Effect from "effect/Effect"
import type { BusHandle } from "@credits/bus"
import type { ProjectionDifference, RebuildState } from "@credits/contracts"
import { failed, usage, type CommandFailure } from "./failure.ts"
import { askPricing } from "./pricing.ts"
import { progressBar } from "./progress.ts"
import { facts, table, type Cell } from "./table.ts"

const POLL_MS = 300
/** Entries a second: some minutes for ten millions, and half of a core of each side at the most. */
export const RATE = 50_000

const GOES_ON = "the same command goes on where it was"

export interface Projection {
  readonly name: string
  readonly owner: string
  readonly what: string
  readonly begin: (bus: BusHandle, apply: boolean, rate: number) => Effect.Effect<RebuildState, CommandFailure>
  readonly state: (bus: BusHandle) => Effect.Effect<RebuildState, CommandFailure>
}

export const PROJECTIONS: ReadonlyArray<Projection> = [
  {
    name: "usage",
    owner: "pricing",
    what: "usage by day, account and model, and totals of accounts",
    begin: (bus, apply, rate) => askPricing<RebuildState>(bus, { op: "projection-rebuild", apply, rate }),
    state: (bus) => askPricing<RebuildState>(bus, { op: "projection-status" }),
  },
]

export const projectionOf = (name: string): Effect.Effect<Projection, CommandFailure> => {
  const found = PROJECTIONS.find((projection) => projection.name === name)
  if (found !== undefined) return Effect.succeed(found)
  const names = PROJECTIONS.map((projection) => projection.name).join(", ")
  return Effect.fail(usage(`there is no projection ${name}`, `one of ${names}`))
}

/** Begins, waits and draws a bar. A command that dies here stops nothing: asked again it finds the same rebuild. */
export const runRebuild = (
  bus: BusHandle,
  projection: Projection,
  apply: boolean,
  rate: number,
): Effect.Effect<RebuildState, CommandFailure> =>
  Effect.gen(function* () {
    const progress = progressBar("entries")
    let state = yield* projection.begin(bus, apply, rate)
    if (state.apply !== apply)
      return yield* failed("busy", `${projection.name} is being rebuilt already`, "`credits projection list` shows it")
    while (state.state === "running") {
      yield* Effect.sleep(POLL_MS)
      state = yield* projection
        .state(bus)
        .pipe(Effect.mapError(() => failed("rebuild_failed", `${projection.owner} does not answer any more`, GOES_ON)))
      progress.at(state.entries, state.total)
    }
    progress.end()
    if (state.state === "done") return state
    const detail = state.state === "failed" ? state.detail : `${projection.owner} was restarted`
    return yield* failed("rebuild_failed", detail, GOES_ON)
  })

const differencesTable = (differences: ReadonlyArray<ProjectionDifference>): string =>
  table(
    [
      { title: "ACCOUNT" },
      { title: "MODEL" },
      { title: "DAY" },
      { title: "FIGURE" },
      { title: "NOW", align: "right" },
      { title: "REBUILT", align: "right" },
    ],
    differences.map(({ account, model, day, figure, live, rebuilt }): ReadonlyArray<Cell> => [
      account,
      model,
      day,
      figure,
      live,
      rebuilt,
    ]),
  )

export const rebuildText = (state: RebuildState): string => {
  const { name, entries, comparison, swapped } = state
  const head = facts([
    ["projection", name],
    ["entries", entries],
    ["differing", comparison?.differing ?? null],
    ["hash now", comparison?.liveHash ?? null],
    ["hash rebuilt", comparison?.rebuiltHash ?? null],
    ["put in its place", swapped ? "yes" : "no"],
  ])
  const differences = comparison?.differences ?? []
  return differences.length === 0 ? head : `${head}\n\n${differencesTable(differences)}`
}
