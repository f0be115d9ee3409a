/**
 * The deployment files as data, for tests: the image's targets, compose's services, Kubernetes's objects. Knows the
 * style in which these files are written and no more.
 */
import { existsSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { parse, parseAllDocuments } from "yaml"

export const repository = resolve(import.meta.dirname, "../..")
export const infra = join(repository, "infra")

const read = (path: string): string => readFileSync(join(infra, path), "utf8")

export interface Target {
  readonly name: string
  /** Folders that it copies, as they are named in the image and in the checkout alike. */
  readonly folders: ReadonlyArray<string>
  /** The program that it runs. */
  readonly program: string
  readonly ports: ReadonlyArray<number>
}

const PROGRAM = /^(?:CMD|ENTRYPOINT) \[.*"((?:apps|packages)\/[^"]+\.js)"\]$/m

const targetOf = (text: string): Target => ({
  name: /^\S+ AS (\w+)/.exec(text)![1]!,
  folders: [...text.matchAll(/^COPY --from=build \S+ (\S+)$/gm)].map(([, folder]) => folder!),
  program: PROGRAM.exec(text)?.[1] ?? "",
  ports: [...text.matchAll(/^EXPOSE (\d+)$/gm)].map(([, port]) => Number(port)),
})

/** What a person builds: each stage that runs something. */
export const targets: ReadonlyArray<Target> = read("containers/Containerfile")
  .split(/^FROM /m)
  .slice(1)
  .map(targetOf)
  .filter(({ program }) => program !== "")

/** Apps that the build makes a folder of, `apps/ledger` … */
export const deployedFolders: ReadonlyArray<string> = (() => {
  const [, apps] = /^RUN for app in ([^;]+);/m.exec(read("containers/Containerfile"))!
  return [...apps!.split(" ").map((app) => `apps/${app}`), "packages/sandbox-processor"]
})()

interface ComposeService {
  readonly image?: string
  readonly build?: { readonly context: string; readonly dockerfile: string; readonly target: string }
  readonly env_file?: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes?: ReadonlyArray<string>
  readonly command?: ReadonlyArray<string>
}

export const compose = parse(read("compose.yaml"), { merge: true }) as {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly configs: Readonly<Record<string, { readonly file: string }>>
  readonly volumes: Readonly<Record<string, null>>
}

/** Files and folders of the checkout that a compose service is given: `[here, there]`. */
export const bindsOf = ({ volumes = [] }: ComposeService): ReadonlyArray<readonly [string, string]> =>
  volumes.filter((volume) => volume.startsWith("./")).map((volume) => volume.split(":") as [string, string])

export interface Container {
  readonly name: string
  readonly image: string
  readonly env?: ReadonlyArray<{ readonly name: string; readonly value?: string }>
  readonly envFrom?: ReadonlyArray<{
    readonly configMapRef?: { readonly name: string }
    readonly secretRef?: { readonly name: string }
  }>
}

interface KubernetesObject {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec?: { readonly template?: { readonly spec: { readonly containers: ReadonlyArray<Container> } } }
}

interface Generated {
  readonly name: string
  readonly envs?: ReadonlyArray<string>
  readonly files?: ReadonlyArray<string>
}

export const kustomization = parse(read("kubernetes/kustomization.yaml")) as {
  readonly resources: ReadonlyArray<string>
  readonly configMapGenerator: ReadonlyArray<Generated>
  readonly secretGenerator: ReadonlyArray<Generated>
  readonly images: ReadonlyArray<{ readonly name: string }>
}

/** Of every resource that exists; one that does not is a test's to find. */
export const containers: ReadonlyArray<Container> = kustomization.resources
  .filter((path) => existsSync(join(infra, "kubernetes", path)))
  .flatMap((path) => parseAllDocuments(read(`kubernetes/${path}`)).map((one) => one.toJS() as KubernetesObject))
  .flatMap(({ spec }) => spec?.template?.spec.containers ?? [])

/** Paths that a generator reads, below infra/kubernetes. */
export const filesOf = ({ envs = [], files = [] }: Generated): ReadonlyArray<string> => [
  ...envs,
  ...files.map((file) => file.slice(file.indexOf("=") + 1)),
]

/** `NAME=value` lines. */
export const environmentOf = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  )

/** What a container of the services is given, with secrets as they were just made. */
export const environmentIn = (
  { env = [], envFrom = [] }: Container,
  secrets: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> =>
  Object.assign(
    {},
    ...envFrom.map(({ configMapRef, secretRef }) =>
      environmentOf(configMapRef === undefined ? secrets[`${secretRef?.name}.env`]! : read("kubernetes/settings.env")),
    ),
    Object.fromEntries(env.map(({ name, value = "" }) => [name, value])),
  ) as Record<string, string>
