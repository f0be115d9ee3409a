/**
 * Goal: image, compose and Kubernetes hold together with each other and with the programs. Method: the files are parsed
 * and compared with the list of services, the list of settings and the files of the checkout; each service reads the
 * configuration that Kubernetes gives it; kubectl renders all of it where it is installed.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ConfigProvider, Effect, Layer } from "effect"
import { describe, expect, it, onTestFinished } from "vitest"
import { parse } from "yaml"
import { SERVICES, type ServiceName } from "../../apps/dev/src/service.ts"
import { EdgeConfig } from "../../apps/edge/src/config.ts"
import { GatewayConfig } from "../../apps/gateway/src/config.ts"
import { LedgerConfig } from "../../apps/ledger/src/config.ts"
import { NotificationsConfig } from "../../apps/notifications/src/config.ts"
import { PaymentsConfig } from "../../apps/payments/src/config.ts"
import { PricingConfig } from "../../apps/pricing/src/config.ts"
import { SubscriptionsConfig } from "../../apps/subscriptions/src/config.ts"
import { TopupConfig } from "../../apps/topup/src/config.ts"
import { SandboxConfig } from "../../packages/sandbox-processor/src/config.ts"
import { DEVELOPER_VARIABLES, VARIABLES } from "../docs/configuration.ts"
import { makeSecrets, writeSecrets } from "../secrets.ts"
import {
  bindsOf,
  compose,
  containers,
  deployedFolders,
  environmentIn,
  environmentOf,
  filesOf,
  infra,
  kustomization,
  repository,
  targets,
} from "./files.ts"

const read = (path: string): string => readFileSync(join(infra, path), "utf8")
const inInfra = (path: string): boolean => existsSync(join(infra, path))
const isSecret = (path: string): boolean => path.startsWith("secrets/")
const secretFiles = Object.keys(makeSecrets("production").files).map((name) => `secrets/${name}`)
const targetNames = targets.map(({ name }) => name)

describe("the image", () => {
  it.each(targets.map((target) => [target.name, target] as const))(
    "%s runs a program that the build makes, from a folder that it copies",
    (_name, { program, folders }) => {
      expect([program].filter((path) => !existsSync(join(repository, path)))).toEqual([])
      expect(folders.some((folder) => program.startsWith(`${folder}/dist/`))).toBe(true)
      const made = [...deployedFolders, "apps/web/dist"]
      expect(folders.filter((folder) => !made.includes(folder))).toEqual([])
    },
  )

  it.each(deployedFolders)("%s has in its own packages what its bundle leaves outside", (folder) => {
    const { dependencies = {}, entries = [] } = JSON.parse(
      readFileSync(join(repository, folder, "package.json"), "utf8"),
    ) as { dependencies?: Record<string, string>; entries?: ReadonlyArray<string> }
    const bundles = entries.map((entry) => entry.replace(/^src\//, "dist/").replace(/\.ts$/, ".js"))
    const text = bundles.map((bundle) => readFileSync(join(repository, folder, bundle), "utf8")).join("\n")
    const outside = ["better-sqlite3", "pdfkit"].filter((name) => new RegExp(`^import .*"${name}";$`, "m").test(text))
    expect(outside.filter((name) => dependencies[name] === undefined)).toEqual([])
  })
})

describe("every service", () => {
  it("has a target, a place in compose, and on Kubernetes all but the sandbox's card processor", () => {
    expect(targetNames).toEqual(expect.arrayContaining([...SERVICES]))
    for (const name of SERVICES) expect(compose.services[name]?.build?.target).toBe(name)
    const images = containers.map(({ image }) => image)
    const wanted = SERVICES.filter((name) => name !== "processor").map((name) => `credits/${name}`)
    expect(images).toEqual(expect.arrayContaining(wanted))
    expect(images).not.toContain("credits/processor")
  })

  it("is built from a target that there is, and every image of Kubernetes has its tag in one place", () => {
    const built = Object.values(compose.services).flatMap(({ build }) => build?.target ?? [])
    expect(new Set(built)).toEqual(new Set(targetNames))
    const ours = containers.map(({ image }) => image).filter((image) => image.startsWith("credits/"))
    expect(kustomization.images.map(({ name }) => name).toSorted()).toEqual(ours.toSorted())
    expect(ours.filter((image) => !targetNames.includes(image.slice("credits/".length)))).toEqual([])
  })
})

describe("settings", () => {
  it("that these files and the secrets name exist", () => {
    const servers = [...read("nats/server.conf").matchAll(/\$(CREDITS_[A-Z_]+)/g)].map(([, name]) => name!)
    const known = new Set([...Object.keys({ ...VARIABLES, ...DEVELOPER_VARIABLES }), ...servers])
    const resources = kustomization.resources.map((path) => `kubernetes/${path}`)
    const paths = ["compose.yaml", "secrets.ts", "containers/Containerfile", "kubernetes/settings.env", ...resources]
    const named = paths.flatMap((path) => read(path).match(/\bCREDITS_[A-Z_]+\b/g) ?? [])
    expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([])
  })

  /** What `docs/operations/deploying.md` tells to add to the secrets by hand. */
  const BY_HAND: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    payments: {
      CREDITS_STRIPE_SECRET_KEY: "sk_live_x",
      CREDITS_STRIPE_WEBHOOK_SECRET: "whsec_x",
      CREDITS_STRIPE_PUBLISHABLE_KEY: "pk_live_x",
    },
    notifications: { CREDITS_SMTP_URL: "smtps://user:password@mail.example.com:465" },
    gateway: { CREDITS_PROVIDER_KEY_OPENAI: "sk-x" },
  }
  const CONFIGS = {
    ledger: LedgerConfig.layer,
    pricing: PricingConfig.layer,
    payments: PaymentsConfig.layer,
    subscriptions: SubscriptionsConfig.layer,
    topup: TopupConfig.layer,
    notifications: NotificationsConfig.layer,
    edge: EdgeConfig.layer,
    gateway: GatewayConfig.layer,
    processor: SandboxConfig.layer,
  } satisfies Record<ServiceName, unknown>
  /** As its `main.ts` does. Rejects naming what is missing. */
  const readConfig = (name: ServiceName, environment: Readonly<Record<string, string>>): Promise<unknown> =>
    Effect.runPromise(
      Effect.scoped(Layer.build(CONFIGS[name] as Layer.Layer<unknown, Error>)).pipe(
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(environment)),
      ),
    )

  it.each(SERVICES.filter((name) => name !== "processor"))(
    "of %s on Kubernetes are all that it needs in production, and R10.3 no more secrets than its own",
    async (name) => {
      const container = containers.find(({ image }) => image === `credits/${name}`)!
      const environment = { ...environmentIn(container, makeSecrets("production").files), ...BY_HAND[name] }
      expect(environment["CREDITS_ENV"]).toBe("production")
      const secretRefs = container.envFrom?.flatMap(({ secretRef }) => secretRef?.name ?? [])
      expect(secretRefs).toEqual([name])
      const there = environment["CREDITS_GATEWAY_PROVIDERS"]
      const here = there?.replace("/etc/credits", join(infra, "kubernetes"))
      const given = { ...environment, ...(here !== undefined && { CREDITS_GATEWAY_PROVIDERS: here }) }
      await readConfig(name, given)
    },
  )

  it("in compose are all that each service needs in the sandbox, and R10.3 no more secrets than its own", async () => {
    const { files } = makeSecrets("sandbox")
    for (const name of SERVICES) {
      const { environment, env_file } = compose.services[name]!
      expect(env_file).toEqual([`secrets/${name}.env`])
      expect(environment?.["CREDITS_ENV"]).toBe("sandbox")
      await readConfig(name, { ...environment, ...environmentOf(files[`${name}.env`]!) })
    }
  })
})

describe("files", () => {
  it("that compose names exist, or are made by infra/secrets.ts", () => {
    const services = Object.values(compose.services)
    const named = [
      ...Object.values(compose.configs).map(({ file }) => file),
      ...services.flatMap(({ env_file = [] }) => env_file),
      ...services.flatMap((service) => bindsOf(service).map(([here]) => here)),
      ...services.flatMap(({ build }) => (build === undefined ? [] : [join(build.context, build.dockerfile)])),
    ]
    expect(named.filter((path) => (isSecret(path) ? !secretFiles.includes(path) : !inInfra(path)))).toEqual([])
    const volumes = services.flatMap(({ volumes: own = [] }) => own.map((volume) => volume.split(":")[0]!))
    const ours = volumes.filter((volume) => !volume.startsWith("./"))
    expect([...new Set(ours)].toSorted()).toEqual(Object.keys(compose.volumes).toSorted())
  })

  it("that the kustomization names exist, or are made by infra/secrets.ts", () => {
    const generated = [...kustomization.configMapGenerator, ...kustomization.secretGenerator].flatMap(filesOf)
    const named = [...kustomization.resources, ...generated]
    const missing = named.filter((path) =>
      isSecret(path) ? !secretFiles.includes(path) : !inInfra(`kubernetes/${path}`),
    )
    expect(missing).toEqual([])
    const references = containers.flatMap(({ envFrom = [] }) =>
      envFrom.flatMap(({ secretRef, configMapRef }) => secretRef?.name ?? configMapRef?.name ?? []),
    )
    const made = [...kustomization.configMapGenerator, ...kustomization.secretGenerator].map(({ name }) => name)
    expect([...new Set(references)].filter((name) => !made.includes(name))).toEqual([])
  })

  it("of the NATS servers are the same everywhere", () => {
    expect(read("kubernetes/nats-server.conf")).toBe(read("nats/server.conf"))
  })

  it("of Prometheus and Grafana lie where their programs look for them, and name hosts and ports of compose", () => {
    const { prometheus, grafana } = compose.services
    const [[here, there]] = bindsOf(prometheus!) as [readonly [string, string]]
    const config = /--config\.file=(\S+)/.exec(prometheus!.command!.join(" "))![1]!.replace(there, here)
    const { rule_files, scrape_configs } = parse(read(config)) as {
      rule_files: ReadonlyArray<string>
      scrape_configs: ReadonlyArray<{ static_configs?: ReadonlyArray<{ targets: ReadonlyArray<string> }> }>
    }
    expect(rule_files.filter((file) => !inInfra(join(here, file)))).toEqual([])
    const scraped = scrape_configs.flatMap(({ static_configs = [] }) => static_configs.flatMap((one) => one.targets))
    const listening = targets.flatMap(({ name, ports }) => ports.map((port) => `${name}:${port}`))
    expect(scraped).toEqual(["edge:8787", "gateway:8790"])
    expect(listening).toEqual(expect.arrayContaining(scraped))

    const binds = new Map(bindsOf(grafana!).map(([from, to]) => [to, from]))
    const provisioning = binds.get("/etc/grafana/provisioning")!
    const { providers } = parse(read(join(provisioning, "dashboards/credits.yaml"))) as {
      providers: ReadonlyArray<{ options: { path: string } }>
    }
    expect(providers.map(({ options }) => binds.get(options.path))).toEqual(["./grafana/dashboards"])
    const { datasources } = parse(read(join(provisioning, "datasources/prometheus.yaml"))) as {
      datasources: ReadonlyArray<{ url: string }>
    }
    expect(datasources.map(({ url }) => Object.hasOwn(compose.services, new URL(url).hostname))).toEqual([true])
  })
})

const hasKubectl = spawnSync("kubectl", ["kustomize", "--help"]).status === 0

describe.runIf(hasKubectl)("kubectl", () => {
  it("renders everything, with secrets that were just made", () => {
    const folder = mkdtempSync(join(tmpdir(), "credits-kubernetes-"))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    cpSync(join(infra, "kubernetes"), folder, { recursive: true, filter: (path) => !path.endsWith("/secrets") })
    writeSecrets(join(folder, "secrets"), "production")
    const rendered = execFileSync("kubectl", ["kustomize", folder], { encoding: "utf8", stdio: "pipe" })
    expect(rendered.match(/^kind: (?:Deployment|StatefulSet)$/gm)).toHaveLength(containers.length)
    expect(rendered.match(/^kind: Secret$/gm)).toHaveLength(kustomization.secretGenerator.length)
  })
})
