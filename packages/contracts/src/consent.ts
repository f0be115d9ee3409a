/**
 * The text of the consent to auto top-up. A subpath of its own: the pages show it and load nothing else of the
 * contracts.
 */

/**
 * What a customer agrees to by turning it on; the version is kept with the consent (R9.1). Another text is another
 * version.
 */
export const CONSENT = {
  version: "1",
  text:
    "I allow my saved card to be charged automatically when my balance runs low, never for more in a calendar month " +
    "(UTC) than the cap I set. I can change the cap or turn this off at any time.",
} as const
