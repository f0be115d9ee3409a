/**
 * Goal: support sees where a customer is signed in and signs them out everywhere, and nobody else. Method: a running
 * edge, browsers with cookies, the command line against it.
 */
import { closeBus, connectBus, serve } from "@credits/bus"
import { SUBJECTS } from "@credits/contracts"
import { startSystem, type SystemUnderTest } from "@credits/testkit"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { shellWith, type Shell } from "./testing/terminal.ts"

const START_MS = 90_000

let system: SystemUnderTest
let credits: Shell
beforeAll(async () => {
  system = await startSystem({ services: ["pricing", "notifications", "edge"] })
  credits = shellWith({ CREDITS_DATA_DIR: system.dataDir })
}, START_MS)
afterAll(() => system.stop())

interface Browser {
  readonly account: string
  readonly cookie: string
}

const signIn = async (email: string): Promise<Browser> => {
  const response = await fetch(`${system.url}/api/v1/dev/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email }),
  })
  const { accountId } = (await response.json()) as { accountId: string }
  return { account: accountId, cookie: response.headers.getSetCookie()[0]!.split(";")[0]! }
}
const ask = (path: string, headers: Readonly<Record<string, string>>, body?: object): Promise<Response> =>
  fetch(`${system.url}/api/${path}`, {
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  })
const isSignedIn = async ({ cookie }: Browser): Promise<boolean> => {
  const session = await (await ask("auth/get-session", { cookie })).json()
  const { status } = await ask("v1/control-keys", { cookie })
  assert.strictEqual(status, session === null ? 401 : 200)
  return session !== null
}

type Fields = Record<string, unknown>
const listed = async (account: string): Promise<ReadonlyArray<Fields>> => {
  const run = await credits("session", "list", account, "--json")
  assert.strictEqual(run.exit, 0, run.stderr)
  const { accountId, items } = run.json<{ accountId: string; items: ReadonlyArray<Fields> }>()
  assert.strictEqual(accountId, account)
  return items
}

describe("credits session", () => {
  let laptop: Browser
  let phone: Browser
  let bob: Browser
  let key: string
  beforeAll(async () => {
    laptop = await signIn("ada@example.com")
    phone = await signIn("ada@example.com")
    bob = await signIn("bob@example.com")
    assert.strictEqual(phone.account, laptop.account)
    const made = await ask("v1/control-keys", { cookie: phone.cookie }, { name: "status board" })
    ;({ key } = (await made.json()) as { key: string })
  })

  it("list tells an account's sessions, newest first, with when each ends; nobody else's, no secret", async () => {
    const [newest, oldest, ...more] = await listed(laptop.account)
    assert.deepEqual(more, [])
    assert.isAbove(Date.parse(String(newest?.["authenticatedAt"])), Date.parse(String(oldest?.["authenticatedAt"])))
    for (const session of [newest, oldest]) {
      assert.deepEqual(Object.keys(session!), ["authenticatedAt", "idleAt", "endsAt"])
      assert.isBelow(Date.now(), Date.parse(String(session?.["idleAt"])))
      assert.isAtMost(Date.parse(String(session?.["idleAt"])), Date.parse(String(session?.["endsAt"])))
    }
    assert.lengthOf(await listed(bob.account), 1)
    const { stdout } = await credits("session", "list", laptop.account)
    assert.match(stdout, /SIGNED IN +ENDS UNUSED +ENDS/)
    assert.notInclude(stdout, laptop.cookie.slice(laptop.cookie.indexOf("=") + 1))
  })

  it("an account that nobody is signed in to has no sessions; what is no account is usage (2)", async () => {
    assert.deepEqual(await listed("acc_nobody"), [])
    assert.include((await credits("session", "list", "acc_nobody")).stdout, "no sessions")
    assert.strictEqual((await credits("session", "list", "ada@example.com")).exit, 2)
  })

  it("end is a dry run until --apply: it counts, and everybody stays signed in", async () => {
    const dry = await credits("session", "end", laptop.account, "--json")
    assert.strictEqual(dry.exit, 0, dry.stderr)
    const { applied, items } = dry.json<{ applied: boolean; items: ReadonlyArray<Fields> }>()
    assert.deepEqual([applied, items], [false, [{ accountId: laptop.account, status: "planned", sessions: 2 }]])
    assert.deepEqual([await isSignedIn(laptop), await isSignedIn(phone)], [true, true])
    assert.strictEqual((await credits("session", "end", laptop.account, "--apply")).exit, 2)
  })

  it("end --apply signs out every browser of the account, no other; keys go on; the audit says why", async () => {
    const done = await credits("session", "end", laptop.account, "--apply", "--reason", "laptop stolen", "--json")
    assert.strictEqual(done.exit, 0, done.stderr)
    const { items } = done.json<{ items: ReadonlyArray<Fields> }>()
    assert.deepEqual(items, [{ accountId: laptop.account, status: "done", sessions: 2 }])
    assert.deepEqual([await isSignedIn(laptop), await isSignedIn(phone), await isSignedIn(bob)], [false, false, true])
    assert.strictEqual((await ask("v1/notifications", { authorization: `Bearer ${key}` })).status, 200)
    assert.deepEqual(await listed(laptop.account), [])
    const audit = (await credits("audit", "list", "--json")).json<{ items: ReadonlyArray<Fields> }>()
    const rows = audit.items.filter(({ command }) => command === "session end")
    assert.deepEqual(
      rows.map(({ phase, reason }) => [phase, reason]),
      [
        ["ended", "laptop stolen"],
        ["began", "laptop stolen"],
      ],
    )
  })

  it("end tells how many there were, also where another edge came first and answers last", async () => {
    const carol = await signIn("carol@example.com")
    const bus = await connectBus({ servers: system.natsUrl, seed: system.seeds.edge, name: "edge" })
    // The one that is slower to end them finds none, and may still be the first to be heard.
    const later = serve(bus.connection, SUBJECTS.edgeRequest("session-end"), () => '{"ok":{"items":[]}}')
    await bus.connection.flush()
    const done = await credits("session", "end", carol.account, "--apply", "--reason", "two edges", "--json")
    assert.nestedPropertyVal(done.json(), "items[0].sessions", 1)
    await later.stop()
    await closeBus(bus)
  })

  it("a repeat ends nothing more, and signing in again works", async () => {
    const again = await credits("session", "end", laptop.account, "--apply", "--reason", "to be sure", "--json")
    assert.nestedPropertyVal(again.json(), "items[0].sessions", 0)
    laptop = await signIn("ada@example.com")
    assert.isTrue(await isSignedIn(laptop))
    assert.lengthOf(await listed(laptop.account), 1)
  })
})
