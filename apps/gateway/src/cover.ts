/**
 * How many output tokens a hold covers, and when it has to cover more. Pure: quotes are an input. A whole answer is
 * held at once; a stream is held in steps, so that a short answer does not bind the credit of a long one (R6.2).
 */
import type { Nano } from "@credits/kernel"

/** Cost of the call's input and this many output tokens, at most. */
export type CostOf = (outputTokens: number) => Nano

/** About a page of text: half a minute of a fast model, so one extension more a minute or two. */
export const STEP_TOKENS = 2_048
/** Enough for a sentence: below that an answer is not worth its beginning. */
export const LEAST_TOKENS = 32
/** An extension takes milliseconds; a fast model produces a few tokens meanwhile. */
const MARGIN_TOKENS = 512

export interface Cover {
  /** Output tokens that are held for. */
  readonly tokens: number
  /** What the call may produce in all. */
  readonly tokensMax: number
}

/** What to hold before the call, and the least that makes it worth beginning. */
export const firstCover = (
  tokensMax: number,
  isWhole: boolean,
): { readonly tokens: number; readonly least: number } => {
  const tokens = isWhole ? tokensMax : Math.min(tokensMax, STEP_TOKENS)
  return { tokens, least: Math.min(tokens, LEAST_TOKENS) }
}

/** Output tokens that an amount pays for, at most `wanted`. */
export const tokensFor = (amount: Nano, wanted: number, costOf: CostOf): number => {
  if (costOf(wanted) <= amount) return wanted
  let paid = 0
  let unpaid = wanted
  while (unpaid - paid > 1) {
    const middle = paid + Math.floor((unpaid - paid) / 2)
    if (costOf(middle) <= amount) paid = middle
    else unpaid = middle
  }
  return paid
}

/** Whether what was produced comes near what is held for. */
export const isNear = (produced: number, { tokens, tokensMax }: Cover): boolean =>
  tokens < tokensMax && produced >= tokens - Math.min(MARGIN_TOKENS, tokens / 4)

/** Whether this much is more than what is held for. */
export const isBeyond = (produced: number, { tokens, tokensMax }: Cover): boolean =>
  tokens < tokensMax && produced > tokens

/** The next step: what it covers and what it costs more. */
export const nextStep = (cover: Cover, costOf: CostOf): { readonly tokens: number; readonly amount: Nano } => {
  const tokens = Math.min(cover.tokensMax, cover.tokens + STEP_TOKENS)
  return { tokens, amount: costOf(tokens) - costOf(cover.tokens) }
}
