/** What customers read when support has answered them. Pure. */
import { PAGES, type Templates } from "./words.ts"

export const supportTemplates: Templates<"review.answered"> = {
  "review.answered": ({ answer }) => ({
    title: "Support has answered your case",
    body: `About the charge that you reported, support writes: ${answer}`,
    link: PAGES.billing,
    action: "See the case",
  }),
}
