/**
 * Who plays: fifty accounts that sign in, and what operators give them. Plus, Pro and Max with their cycle's credits;
 * some on Free, who may only bring their own key; some with so little that calls are refused. Owns the roles and their
 * set-up.
 */
import { formatUsd, usd } from "@credits/kernel"
import { creditsDone } from "./credits-command.ts"
import type { FoundSystem } from "./found-system.ts"

export interface Role {
  readonly name: string
  readonly plan: "free" | "plus" | "pro" | "max"
  /** USD given by an operator; "0" = none. */
  readonly fundedUsd: string
  readonly accounts: number
  /** Share of the calls of one account, against the others'. */
  readonly weight: number
}

export const ROLES: ReadonlyArray<Role> = [
  { name: "Max", plan: "max", fundedUsd: "300.00", accounts: 4, weight: 8 },
  { name: "Pro", plan: "pro", fundedUsd: "120.00", accounts: 12, weight: 4 },
  { name: "Plus", plan: "plus", fundedUsd: "20.00", accounts: 22, weight: 2 },
  { name: "Plus, nearly empty", plan: "plus", fundedUsd: "0.12", accounts: 7, weight: 2 },
  { name: "Free", plan: "free", fundedUsd: "0", accounts: 5, weight: 1 },
]

const NAMES = (
  "ada alan amelia anders barbara blaise carl cecilia chien claude donald dorothy edsger emmy enrico euclid frances " +
  "grace hedy henri hypatia isaac james jean john joan kathleen katherine kurt leonhard linus lise mae margaret " +
  "maria marie max michael niklaus niels radia rosalind richard rita sofia srinivasa stephanie tim vera wernher"
).split(" ")

export interface Player {
  readonly name: string
  readonly role: Role
  readonly account: string
  readonly accessToken: string
}

const SIGN_INS_AT_ONCE = 8

const signIn = async (system: FoundSystem, email: string): Promise<{ accountId: string; accessToken: string }> => {
  const response = await fetch(`${system.run.httpUrl}/api/v1/dev/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email }),
  })
  if (!response.ok) throw new Error(`sign-in of ${email} answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as { accountId: string; accessToken: string }
}

/** Signs everyone in under new addresses, so that every run begins with fresh wallets. */
export const signInAll = async (system: FoundSystem, run: string): Promise<ReadonlyArray<Player>> => {
  const roles = ROLES.flatMap((role) => Array.from({ length: role.accounts }, () => role))
  const players: Array<Player> = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < roles.length) {
      const index = next++
      const name = NAMES[index % NAMES.length]!
      const { accountId, accessToken } = await signIn(system, `${name}.${run}@demo.example`)
      players[index] = { name, role: roles[index]!, account: accountId, accessToken }
    }
  }
  await Promise.all(Array.from({ length: SIGN_INS_AT_ONCE }, worker))
  return players
}

const accountsOf = (players: ReadonlyArray<Player>, wanted: (role: Role) => boolean): ReadonlyArray<string> =>
  players.filter((player) => wanted(player.role)).map((player) => player.account)

/** Plans and credit through the command line, one call for all accounts that get the same. */
export const provideAll = async (system: FoundSystem, players: ReadonlyArray<Player>): Promise<void> => {
  const flags = ["--apply", "--reason", "demo"]
  for (const plan of new Set(ROLES.map((role) => role.plan))) {
    if (plan === "free") continue
    const accounts = accountsOf(players, (role) => role.plan === plan)
    await creditsDone(system, "account", "entitle", ...accounts, "--plan", plan, ...flags)
  }
  for (const amount of new Set(ROLES.map((role) => role.fundedUsd))) {
    if (usd(amount) === 0n) continue
    const accounts = accountsOf(players, (role) => role.fundedUsd === amount)
    await creditsDone(system, "account", "adjust", ...accounts, "--amount", formatUsd(usd(amount)), ...flags)
  }
}
