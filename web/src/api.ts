// The API of the server that the page came from.
import type { paths } from "./api-types";
import { forgetSession, learnSession, learnSessionAgain, session } from "./session";
import type { Value } from "./where";

export type Json<P extends keyof paths, M extends keyof paths[P]> = paths[P][M] extends {
    responses: { 200: { content: { "application/json": infer T } } };
}
    ? T
    : never;

export type Product = Json<"/v1/products/{id}", "get">;
export type Products = Json<"/v1/products", "get">;
export type Results = Json<"/v1/products/{id}/similar", "get">;
export type Result = Results["products"][number];

// Values of a field and how many products have each; the document only says that there are such.
export interface Facet {
    type: string;
    values?: { value: Value; products: number }[];
    others?: number;
    missing?: number;
    least?: Value;
    most?: Value;
}

export interface Facets {
    products: number;
    fields: Record<string, Facet>;
}

// What the server says of a request that it refuses, or that it did not answer at all (status 0).
export class Problem extends Error {
    constructor(
        readonly status: number,
        readonly code: string,
        message: string,
        readonly field?: string, // what of the request it is about
    ) {
        super(message);
    }
}

async function check(answer: Response): Promise<Response> {
    if (answer.ok) {
        return answer;
    }
    const problem = (await answer.json().catch(() => ({}))) as { code?: string; detail?: string; field?: string };
    throw new Problem(answer.status, problem.code ?? "", problem.detail ?? answer.statusText, problem.field);
}

// In a session all but plain reading needs its secret.
async function withSecret(init: RequestInit): Promise<RequestInit> {
    await learnSession();
    const headers = new Headers(init.headers), csrf = session.value?.csrf;
    if (csrf !== undefined) {
        headers.set("X-CSRF-Token", csrf);
    }
    return { ...init, headers };
}

async function once(path: string, init: RequestInit): Promise<Response> {
    let answer: Response;
    try {
        answer = await fetch(path, init.method === undefined ? init : await withSecret(init));
    } catch (fault) {
        if (init.signal?.aborted) {
            throw fault;
        }
        throw new Problem(0, "gone", String(fault));
    }
    if (answer.status === 401) {
        forgetSession();
    }
    return check(answer);
}

// Asks, and throws a Problem where there is no good answer.
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
    try {
        return await once(path, init);
    } catch (fault) {
        if (!(fault instanceof Problem) || fault.code !== "csrf") {
            throw fault;
        }
        await learnSessionAgain();
        return once(path, init);
    }
}

export const ask = async <T>(path: string, init?: RequestInit): Promise<T> => (await request(path, init)).json() as Promise<T>;

export const post = <T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> =>
    ask<T>(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });

export const query = (values: Record<string, string | number | undefined>): string => {
    const given = Object.entries(values).filter((pair): pair is [string, string | number] => pair[1] !== undefined && pair[1] !== "");
    return given.length === 0 ? "" : "?" + new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
};

export const pathOf = (id: string): string => "/v1/products/" + encodeURIComponent(id);

export interface Wanted {
    k?: number;
    where?: string;
    threshold?: number;
    box?: Box;
}

// A part of a photo, in shares of its width and height.
export interface Box {
    x: number;
    y: number;
    width: number;
    height: number;
}

export const product = (id: string, signal?: AbortSignal): Promise<Product> => ask(pathOf(id), { signal });

// A page of the list, which knows behind which product it stands (undefined: it is the first).
export type Page = Products & { after: string | undefined };
export const products = async (where: string, after: string | undefined, limit: number, signal?: AbortSignal, flag?: string): Promise<Page> =>
    ({ ...(await ask<Products>("/v1/products" + query({ where, after, limit, flag }), { signal })), after });

export const similar = (id: string, wanted: Wanted, signal?: AbortSignal): Promise<Results> =>
    ask(pathOf(id) + "/similar" + query({ k: wanted.k, where: wanted.where, threshold: wanted.threshold }), { signal });

export const byText = (text: string, wanted: Wanted, signal?: AbortSignal): Promise<Results> =>
    post("/v1/search/text", { text, ...wanted }, signal);

export const byExamples = (positive: string[], negative: string[], wanted: Wanted, signal?: AbortSignal): Promise<Results> =>
    post("/v1/recommend", { positive, negative, ...wanted }, signal);

export function byPhoto(photo: Blob, wanted: Wanted, signal?: AbortSignal): Promise<Results> {
    const form = new FormData();
    form.set("photo", photo);
    for (const [name, value] of Object.entries(wanted)) {
        if (value !== undefined && value !== "") {
            form.set(name, typeof value === "object" ? JSON.stringify(value) : String(value));
        }
    }
    return ask("/v1/search/image", { method: "POST", body: form, signal });
}

export const byUpload = (upload: string, wanted: Wanted, signal?: AbortSignal): Promise<Results> =>
    post("/v1/search/image", { upload, ...wanted }, signal);

export const facets = (fields: string[], where: string, signal?: AbortSignal): Promise<Facets> =>
    post("/v1/facets", { fields, where: where || undefined, sold_out: true }, signal);

// The address of a photo, as large as it is shown.
export const photoAt = (url: string, width: number): string => `${url}?w=${width}`;
