/**
 * How a mail looks: plain text, and HTML that any reader and either colour scheme can show, without pictures or
 * scripts. Pure. Owns escaping: nothing that came from outside reaches the HTML unescaped.
 */

export interface Letter {
  readonly title: string
  readonly body: string
  /** Absolute. */
  readonly link: string
  readonly action: string
  readonly name: string | null
  /** Absolute: where one chooses what to be told. */
  readonly preferences: string
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
}
export const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => ESCAPES[sign]!)

const greeting = (name: string | null): string =>
  name === null || name.trim() === "" ? "Hello," : `Hello ${name.trim()},`

const FOOTER =
  "You get this because of your Open Design Credits account. What you are told, and where, is yours to choose:"

export const textMail = ({ title, body, link, action, name, preferences }: Letter): string =>
  [title, "", greeting(name), "", body, "", `${action}: ${link}`, "", "-- ", FOOTER, preferences, ""].join("\n")

const STYLE = `
  :root { color-scheme: light dark; supported-color-schemes: light dark; }
  body { margin: 0; background: #f6f6f4; color: #1d1d1b;
    font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
  .card { max-width: 34rem; margin: 2rem auto; padding: 2rem; background: #ffffff; border-radius: 12px; }
  h1 { font-size: 1.375rem; line-height: 1.25; margin: 0 0 1rem; }
  a.button { display: inline-block; padding: 0.625rem 1.125rem; border-radius: 8px; background: #1d1d1b;
    color: #ffffff; text-decoration: none; }
  footer { margin-top: 2rem; font-size: 0.875rem; color: #5c5c58; }
  @media (prefers-color-scheme: dark) {
    body { background: #141413; color: #f2f2ef; }
    .card { background: #1f1f1d; }
    a.button { background: #f2f2ef; color: #141413; }
    footer, footer a { color: #b3b3ad; }
  }`

export const htmlMail = (letter: Letter): string => {
  const { title, body, link, action, name, preferences } = letter
  const paragraphs = body.split(/\n+/).map((text) => `      <p>${escapeHtml(text)}</p>`)
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${escapeHtml(title)}</title>
    <style>${STYLE}
    </style>
  </head>
  <body>
    <main class="card">
      <h1>${escapeHtml(title)}</h1>
      <p>${escapeHtml(greeting(name))}</p>
${paragraphs.join("\n")}
      <p><a class="button" href="${escapeHtml(link)}">${escapeHtml(action)}</a></p>
      <footer>
        <p>${escapeHtml(FOOTER)}
          <a href="${escapeHtml(preferences)}">notification settings</a></p>
      </footer>
    </main>
  </body>
</html>
`
}
