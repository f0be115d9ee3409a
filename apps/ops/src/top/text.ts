/** A picture as text for a terminal. Pure. Colour only says what a word says too. */
import { ageText } from "../replay/report.ts"
import { bytes, facts, table } from "../table.ts"
import type { Picture, ServicePicture } from "./picture.ts"

const RED = "\u001b[31m"
const PLAIN = "\u001b[0m"
/** From here on a stream is about to push back. */
const FULL = 0.8

const rate = (value: number | null): string => (value === null ? "–" : value < 10 ? value.toFixed(1) : value.toFixed(0))

const stateOf = ({ ready }: ServicePicture): string => (ready === null ? "SILENT" : ready ? "ready" : "NOT READY")

const seconds = (value: number | null): string => (value === null ? "none" : ageText(value * 1000))

const holdsText = ({ openHolds, firstHoldLapsesInSeconds: lapses }: Picture): string => {
  if (openHolds === null) return "–"
  return lapses === null ? `${openHolds} open` : `${openHolds} open, the oldest lapses in ${seconds(lapses)}`
}

/** Lines that say something is wrong, in red where colour is wanted. */
const coloured = (text: string, isColoured: boolean): string =>
  isColoured
    ? text.replaceAll(/^.*(SILENT|NOT READY|ALMOST FULL|IN DOUBT).*$/gm, (line) => `${RED}${line}${PLAIN}`)
    : text

export const pictureText = (picture: Picture, isColoured = false): string => {
  const { services, streams, oldestUnknownChargeSeconds: unknown } = picture
  const numbers = (title: string) => ({ title, align: "right" }) as const
  const top = facts([
    ["at", picture.at],
    ["holds", holdsText(picture)],
    [
      "oldest unknown charge",
      unknown === null ? "none" : `IN DOUBT for ${seconds(unknown)}: \`charge list --status unknown\``,
    ],
    ["dead letters", picture.deadLetters],
    ["disk", picture.freeBytes === null ? "–" : `${bytes(picture.freeBytes)} free`],
  ])
  const serviceRows = table(
    [
      { title: "SERVICE" },
      { title: "STATE" },
      numbers("PARTITIONS"),
      numbers("EPOCH"),
      numbers("LAG"),
      numbers("LAG TIME"),
      numbers("ENTRIES/S"),
      numbers("REQUESTS/S"),
      numbers("COMMIT MS"),
      numbers("OUTBOX"),
      numbers("DUE LATE"),
      numbers("LETTERS"),
      { title: "OWNER" },
    ],
    services.map((each) => [
      each.service,
      stateOf(each),
      each.partitions,
      each.epoch,
      each.lagMessages,
      ageText(each.lagSeconds * 1000),
      rate(each.entriesPerSecond),
      rate(each.requestsPerSecond),
      rate(each.commitMs),
      each.outbox,
      ageText(each.dueBacklogSeconds * 1000),
      each.deadLetters,
      each.owner,
    ]),
  )
  const streamRows = table(
    [{ title: "STREAM" }, numbers("MESSAGES"), numbers("SIZE"), numbers("FULL"), { title: "" }],
    streams.map(({ stream, messages, bytes: size, fill }) => [
      stream,
      messages,
      bytes(size),
      fill === null ? "–" : `${(fill * 100).toFixed(1)} %`,
      fill !== null && fill >= FULL ? "ALMOST FULL" : "",
    ]),
  )
  return coloured([top, serviceRows, streamRows].join("\n\n"), isColoured)
}
