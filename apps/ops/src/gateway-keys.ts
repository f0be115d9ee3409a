/** Gateways' API keys as the command line shows them and asks the edge about them. Owns the columns. */
import * as Effect from "effect/Effect"
import type { GatewayKeyView } from "@credits/contracts"
import type { BusHandle } from "@credits/bus"
import { formatInstant } from "@credits/kernel"
import { type CommandFailure, notFound } from "./failure.ts"
import { askEdge } from "./paying.ts"
import { table } from "./table.ts"

const instantOf = (at: number | null): string | null => (at === null ? null : formatInstant(at))

export const keyJson = ({ createdAt, expiresAt, lastUsedAt, ...key }: GatewayKeyView) => ({
  ...key,
  createdAt: instantOf(createdAt),
  expiresAt: instantOf(expiresAt),
  lastUsedAt: instantOf(lastUsedAt),
})

export const keysText = (keys: ReadonlyArray<GatewayKeyView>): string =>
  keys.length === 0
    ? "there are no gateway keys"
    : table(
        [
          { title: "ID" },
          { title: "NAME" },
          { title: "BEGINS" },
          { title: "CREATED" },
          { title: "EXPIRES" },
          { title: "LAST USED" },
        ],
        keys.map((key) => [
          key.id,
          key.name,
          key.prefix ?? "–",
          formatInstant(key.createdAt),
          instantOf(key.expiresAt) ?? "never",
          instantOf(key.lastUsedAt) ?? "never",
        ]),
      )

export const findKey = (bus: BusHandle, id: string): Effect.Effect<GatewayKeyView, CommandFailure> =>
  Effect.flatMap(askEdge(bus, { op: "gateway-key-list" }), ({ items }) => {
    const key = items.find((each) => each.id === id)
    return key === undefined ? Effect.fail(notFound(`there is no gateway key ${id}`)) : Effect.succeed(key)
  })
