/**
 * Versions as three numbers, and their order. Pre-release tags are ignored: a release candidate counts as its release.
 */

/**
 * @param {string} text any text with a version in it, e.g. "nats-server: v2.15.1"
 * @returns {readonly [number, number, number] | null} null when there is none
 */
export const parseVersion = (text) => {
  const found = /(\d+)\.(\d+)\.(\d+)/.exec(text)
  return found === null ? null : [Number(found[1]), Number(found[2]), Number(found[3])]
}

/**
 * @param {string} text
 * @param {string} minimum
 * @returns {boolean} false also when `text` holds no version
 */
export const isAtLeast = (text, minimum) => {
  const have = parseVersion(text)
  const want = parseVersion(minimum)
  if (have === null || want === null) return false
  for (let part = 0; part < 3; part++) {
    const difference = (have[part] ?? 0) - (want[part] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return true
}
