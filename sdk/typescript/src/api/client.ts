import { sleep } from "../client/time.js";
import { GantryError } from "../errors.js";
import type { components, paths } from "./schema.js";

/** What the API answers with, by the names in its OpenAPI document. */
export type ApiSchemas = components["schemas"];

/** Paths of the API that answer with JSON. */
export type ApiPath = {
  [Path in keyof paths]: paths[Path] extends {
    get: { responses: { 200: { content: { "application/json": unknown } } } };
  }
    ? Path
    : never;
}[keyof paths];

type Get<Path extends ApiPath> = paths[Path] extends { get: infer Operation } ? Operation : never;
type Parameters<Path extends ApiPath, In extends string> =
  Get<Path> extends { parameters: infer All } ? (In extends keyof All ? NonNullable<All[In]> : object) : object;

/** The filters, order and cursor that a path takes. */
export type ApiQuery<Path extends ApiPath> = Parameters<Path, "query">;
/** What a path's `{…}` stand for. */
export type ApiPlaces<Path extends ApiPath> = Parameters<Path, "path">;
/** What a path answers with. */
export type ApiAnswer<Path extends ApiPath> =
  Get<Path> extends {
    responses: { 200: { content: { "application/json": infer Answer } } };
  }
    ? Answer
    : never;

/** How a request to the API is made. */
export interface ApiRequest<Path extends ApiPath> {
  /** Filters, order, cursor, `min_slot`. */
  query?: ApiQuery<Path>;
  /** What the path's `{…}` stand for. */
  path?: ApiPlaces<Path>;
  /** Ends the wait. */
  signal?: AbortSignal;
}

/** How often a request is sent that the server is too busy for, or that it cannot answer yet. */
const TRIES = 5;

/** The indexer's HTTP API. */
export class Api {
  /** Where it is, without a slash at the end. */
  readonly url: string;
  readonly #fetch: typeof fetch;

  /** @param url Where the indexer is. @param request What sends: `fetch`, unless said otherwise. */
  constructor(url: string, request: typeof fetch = fetch) {
    this.url = url.replace(/\/+$/, "");
    this.#fetch = (input, init) => request(input, init);
  }

  /**
   * What `path` answers with: `await api.get("/v1/jobs", { query: { status: "open" } })`. A server that is busy or behind is
   * asked again after the time that it names.
   *
   * @throws {GantryError} `rpc`, with the API's problem in `details`, or `not-found`.
   */
  async get<Path extends ApiPath>(path: Path, request: ApiRequest<Path> = {}): Promise<ApiAnswer<Path>> {
    for (let attempt = 1; ; attempt += 1) {
      const response = await this.open(path, request);
      if (response.ok) return (await response.json()) as ApiAnswer<Path>;
      const wait = Number(response.headers.get("retry-after") ?? Number.NaN);
      if (attempt === TRIES || !Number.isFinite(wait)) throw await problem(this.url, response);
      await response.body?.cancel();
      await sleep(wait * 1_000, request.signal);
    }
  }

  /** Every item of a list, page after page. */
  async *all<Path extends ApiPath>(path: Path, request: ApiRequest<Path> = {}): AsyncGenerator<ItemOf<Path>> {
    let cursor: string | undefined;
    do {
      const query = cursor === undefined ? request.query : { ...request.query, cursor };
      const page = await this.get(path, { ...request, query } as ApiRequest<Path>);
      const { data, next_cursor } = page as { data: ItemOf<Path>[]; next_cursor?: string | null };
      yield* data;
      cursor = next_cursor ?? undefined;
    } while (cursor !== undefined);
  }

  /** Sends a request; for what is not JSON, or should not be sent again. */
  async open(
    path: string,
    request: { query?: object; path?: object; signal?: AbortSignal; headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const places = new Map(Object.entries(request.path ?? {}));
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = places.get(name);
      if (value === undefined) throw new GantryError("out-of-bounds", `${path} needs \`path: { ${name} }\``);
      return encodeURIComponent(String(value));
    });
    const url = new URL(this.url + filled);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const init: RequestInit = {};
    if (request.headers !== undefined) init.headers = request.headers;
    if (request.signal !== undefined) init.signal = request.signal;
    try {
      return await this.#fetch(url.toString(), init);
    } catch (error) {
      request.signal?.throwIfAborted();
      const message = `cannot reach the indexer at ${this.url}: start it, or correct the URL`;
      throw new GantryError("rpc", message, { url: this.url }, { cause: error });
    }
  }
}

/** An item of the list at a path. */
export type ItemOf<Path extends ApiPath> = ApiAnswer<Path> extends { data: (infer Item)[] } ? Item : never;

/** What a refusal of the API means. */
export async function problem(url: string, response: Response): Promise<GantryError> {
  const body = await response.text();
  let details: { title?: string; detail?: string } = {};
  try {
    details = JSON.parse(body) as typeof details;
  } catch {
    // A proxy before the indexer answers otherwise.
  }
  const said = details.detail ?? details.title ?? `status ${response.status}`;
  const kind = response.status === 404 ? "not-found" : "rpc";
  return new GantryError(kind, `the indexer at ${url} refused: ${said}`, { status: response.status, ...details });
}
