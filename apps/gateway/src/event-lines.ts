/** Server-sent events out of chunks of bytes: the text of each `data` field. Owns the format and a limit. */

/** A chunk of a completion has some hundred bytes; a provider that never ends its line is broken. */
const EVENT_CHARS_MAX = 4 * 1024 * 1024

/** Ends with the stream; an unfinished last event is dropped. @throws Error when an event is too long */
export const dataOfEvents = async function* (body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ""
  let data = ""
  for await (const bytes of body) {
    rest += decoder.decode(bytes, { stream: true })
    if (rest.length + data.length > EVENT_CHARS_MAX) throw new Error("an event of the provider is too long")
    const lines = rest.split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) {
      const text = line.endsWith("\r") ? line.slice(0, -1) : line
      if (text.startsWith("data:")) data += `${data === "" ? "" : "\n"}${text.slice(5).trimStart()}`
      else if (text === "" && data !== "") {
        yield data
        data = ""
      }
    }
  }
}
