/** docs/reference/credits.md: the help of every command, as the command line itself prints it. */
import { helpOfAll, type CommandHelp } from "../../apps/ops/src/help.ts"
import { pageHead } from "./source.ts"

/** The flags of every command are said once, at the top. */
const GLOBAL_FLAGS = /\nGLOBAL FLAGS\n(?: {2}.*\n)+/

const section = ({ path, text }: CommandHelp): string =>
  `## credits ${path.join(" ")}\n\n\`\`\`text\n${text.replace(GLOBAL_FLAGS, "").trimEnd()}\n\`\`\``

export const renderCommandLine = async (): Promise<string> =>
  `${pageHead("The credits command line", ["apps/ops/src/commands"])}

stdout is the result, stderr progress and remarks. Every command takes \`--json\` (one JSON document, also for a
failure), \`--help\` and \`--version\`. Exit codes are listed in [errors.md](errors.md). What changes something is a
dry run until \`--apply\`, which takes a \`--reason\` and writes an audit row. The model behind it:
[apps/ops](../../apps/ops/README.md).

${(await helpOfAll()).map(section).join("\n\n")}
`
