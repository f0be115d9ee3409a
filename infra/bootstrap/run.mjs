/**
 * `node infra/bootstrap/run.mjs VERB [ARGUMENTS]`: what `npm start`, `npm test`, `npm run …` and `npx credits` call.
 * Makes the machine ready for the verb (Node, pnpm, packages, nats-server, bundles), then runs its program in our
 * place.
 *
 * Plain JavaScript without dependencies, because it runs before there are any and on Nodes that cannot read TypeScript.
 */
import { join } from "node:path"
import { ensureBundles } from "./bundles.mjs"
import { repositoryDir } from "./cache.mjs"
import { ensureChromium } from "./chromium.mjs"
import { become } from "./command.mjs"
import { ensureDependencies } from "./dependencies.mjs"
import { ensureNatsServer } from "./nats-server.mjs"
import { ensureNode, withNodeOnPath } from "./node.mjs"
import { say, SetupFailed } from "./progress.mjs"
import { isAtLeast } from "./version.mjs"

/**
 * What each verb runs, and what it needs besides Node and the packages. `directory` is where the program works: set-up
 * and tests belong to the checkout; the command line belongs to the folder it was typed in.
 * @typedef {{ program: string | null, args?: readonly string[], bundles: boolean, natsServer: boolean, inCheckout:
 * boolean }} Verb
 */
const verbs = /** @type {Record<string, Verb>} */ ({
  setup: { program: null, bundles: true, natsServer: true, inCheckout: true },
  start: { program: "apps/dev/dist/main.js", bundles: true, natsServer: true, inCheckout: true },
  demo: { program: "apps/dev/dist/demo.js", bundles: true, natsServer: true, inCheckout: true },
  credits: { program: "apps/ops/dist/main.js", bundles: true, natsServer: false, inCheckout: false },
  bench: { program: "tests/load/main.ts", bundles: true, natsServer: true, inCheckout: true },
  test: { program: "infra/test/run.ts", bundles: true, natsServer: true, inCheckout: true },
  check: { program: "infra/test/check.ts", bundles: false, natsServer: false, inCheckout: true },
  fix: { program: "infra/test/check.ts", args: ["--fix"], bundles: false, natsServer: false, inCheckout: true },
})

const OLDEST_NODE = "20.0.0"

/**
 * Whether these filters can reach a browser test; a run of one package's tests does not need a browser.
 * @param {readonly string[]} args
 */
const mayMeetBrowserTests = (args) => {
  const filters = args.filter((arg) => !arg.startsWith("-"))
  return filters.length === 0 || filters.some((filter) => /^(\.\/)?tests(\/?$|\/browser)|browser/.test(filter))
}

/**
 * @param {string} name
 * @param {readonly string[]} args
 */
const main = async (name, args) => {
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined
  if (verb === undefined) {
    throw new SetupFailed(`"${name}" is not a verb`, `use one of: ${Object.keys(verbs).join(", ")}`)
  }
  if (!isAtLeast(process.versions.node, OLDEST_NODE)) {
    throw new SetupFailed(`Node ${process.versions.node} is too old`, "install Node 20 or newer (https://nodejs.org)")
  }
  const node = await ensureNode()
  await ensureDependencies(node)
  let env = withNodeOnPath(node, process.env)
  if (verb.natsServer) env = { ...env, CREDITS_NATS_SERVER: await ensureNatsServer(node) }
  if (name === "test" && mayMeetBrowserTests(args)) {
    const chromium = await ensureChromium()
    env = { ...env, CREDITS_CHROMIUM: chromium ?? "none" }
  }
  if (verb.bundles) await ensureBundles(node)
  if (verb.program === null) return say("ready")
  await become(node, ["--enable-source-maps", join(repositoryDir, verb.program), ...(verb.args ?? []), ...args], {
    cwd: verb.inCheckout ? repositoryDir : process.cwd(),
    env,
  })
}

try {
  const [name = "", ...args] = process.argv.slice(2)
  await main(name, args)
} catch (error) {
  if (!(error instanceof SetupFailed)) throw error
  say(`${error.message}\n  next: ${error.next}`)
  process.exitCode = 1
}
