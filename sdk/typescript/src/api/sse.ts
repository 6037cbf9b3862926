/** One server-sent event. */
export interface ServerSentEvent {
  /** Its id, where it has one. */
  id: string | undefined;
  /** Its type; `message` where it says none. */
  type: string;
  /** Its data. */
  data: string;
}

/**
 * The events in `body`, as the HTML standard reads them.
 *
 * @param heard Called whenever bytes arrive, comments included.
 */
export async function* readServerSentEvents(
  body: ReadableStream<Uint8Array>,
  heard: () => void = () => {},
): AsyncGenerator<ServerSentEvent, void, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let lines: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      rest += decoder.decode(value, { stream: true });
      for (;;) {
        const end = /\r\n|\n|\r(?=[\s\S])/.exec(rest);
        if (end === null) break;
        const line = rest.slice(0, end.index);
        rest = rest.slice(end.index + end[0].length);
        if (line !== "") {
          lines.push(line);
          continue;
        }
        const event = parse(lines);
        lines = [];
        if (event !== undefined) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function parse(lines: readonly string[]): ServerSentEvent | undefined {
  let [id, type]: [string | undefined, string] = [undefined, "message"];
  const data: string[] = [];
  for (const line of lines) {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "id") id = value;
    else if (field === "event") type = value;
  }
  return data.length === 0 ? undefined : { id, type, data: data.join("\n") };
}
