/**
 * Every kind of notification in words, and as a mail. Pure: the one place where what is told becomes text. Owns that
 * all kinds have a template; how a mail looks is in `layout.ts`.
 */
import type { NotificationKind } from "@credits/contracts"
import { creditTemplates } from "./credits.ts"
import { htmlMail, textMail } from "./layout.ts"
import { paymentTemplates } from "./payment.ts"
import { subscriptionTemplates } from "./subscription.ts"
import { supportTemplates } from "./support.ts"
import { topupTemplates } from "./topup.ts"
import { PAGES, type Templates, type Told } from "./words.ts"

const templates: Templates<NotificationKind> = {
  ...subscriptionTemplates,
  ...paymentTemplates,
  ...topupTemplates,
  ...creditTemplates,
  ...supportTemplates,
}

/** What is stored was written under the same kind. */
export interface Tellable {
  readonly kind: NotificationKind
  readonly data: object
}

export const tell = ({ kind, data }: Tellable): Told => (templates[kind] as (data: object) => Told)(data)

export interface MailText {
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** `publicUrl`: where the pages are, no slash at the end. */
export const mailOf = (about: Tellable, name: string | null, publicUrl: string): MailText => {
  const told = tell(about)
  const letter = { ...told, link: publicUrl + told.link, name, preferences: publicUrl + PAGES.preferences }
  return { subject: told.title, text: textMail(letter), html: htmlMail(letter) }
}
