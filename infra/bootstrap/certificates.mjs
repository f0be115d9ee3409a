/**
 * Which certificates the programs of a set-up trust. Node ships its own list and does not read the machine's, so
 * behind a proxy that signs with a company certificate npm and our downloads would refuse what curl and apt accept.
 * What the person has set wins.
 */
import { existsSync } from "node:fs"

const MACHINE_BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Alpine, Arch
  "/etc/pki/tls/certs/ca-bundle.crt", // Fedora, RHEL
  "/etc/ssl/cert.pem", // macOS
]

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv} the same, trusting also the machine's certificates and using the proxy that env names
 */
export const withMachineCertificates = (env) => {
  const bundle = env["NODE_EXTRA_CA_CERTS"] ?? MACHINE_BUNDLES.find((path) => existsSync(path))
  return { ...env, ...(bundle === undefined ? {} : { NODE_EXTRA_CA_CERTS: bundle }), NODE_USE_ENV_PROXY: "1" }
}
