// What the engine's view asks the server.
import { ask, post, query, request, type Results } from "../api";
import type { paths } from "../api-types";

type Answer<P extends keyof paths, M extends keyof paths[P]> = paths[P][M] extends {
    responses: { 200: { content: { "application/json": infer T } } };
}
    ? T
    : never;

export type State = Answer<"/v1/engine", "get">;
export type Minute = State["latency"]["searches"][number];
export type Model = Answer<"/v1/models", "get">["models"][number];
export type Job = Answer<"/v1/jobs/{job}", "get">;
export type Comparison = NonNullable<Job["comparison"]>;
export type Network = Answer<"/v1/networks", "get">["networks"][number];
export type Pair = Answer<"/v1/judgements", "get">["pairs"][number];
export type Plane = Answer<"/v1/map", "get">;

export interface Card {
    card?: Record<string, unknown>;
    network?: Record<string, unknown>;
}

const nameOf = (model: string): string => "/v1/models/" + encodeURIComponent(model);

export const state = (signal?: AbortSignal): Promise<State> => ask("/v1/engine", { signal });
export const models = async (signal?: AbortSignal): Promise<Model[]> => (await ask<{ models: Model[] }>("/v1/models", { signal })).models;
export const card = (model: string): Promise<Card> => ask(nameOf(model));
export const measure = async (model: string): Promise<number> =>
    (await ask<{ milliseconds_per_photo: number }>(nameOf(model) + ":measure", { method: "POST" })).milliseconds_per_photo;
export const add = (model: string, preset: string, file: File): Promise<Response> =>
    request(nameOf(model) + query({ preset }), { method: "PUT", body: file });
export const drop = (model: string): Promise<Response> => request(nameOf(model), { method: "DELETE" });

export const jobs = async (signal?: AbortSignal): Promise<Job[]> => (await ask<{ jobs: Job[] }>("/v1/jobs", { signal })).jobs;
export const stop = (job: string): Promise<Response> => request(`/v1/jobs/${job}:stop`, { method: "POST" });
export const networks = async (signal?: AbortSignal): Promise<Network[]> => (await ask<{ networks: Network[] }>("/v1/networks", { signal })).networks;
export const pull = (network: string): Promise<Response> => request(`/v1/networks/${encodeURIComponent(network)}:pull`, { method: "POST" });
export const prepare = (model: string): Promise<Job> => post(nameOf(model) + ":switch", { prepare: true });
export const switchTo = (model: string, leaveOut: boolean): Promise<Job> => post(nameOf(model) + ":switch", leaveOut ? { leave_out: true } : {});
export const switchBack = (): Promise<Job> => post("/v1/models:back", {});

export const similarBy = (id: string, model: string, k: number, signal?: AbortSignal): Promise<Results> =>
    ask(`/v1/products/${encodeURIComponent(id)}/similar` + query({ k, model }), { signal });

export const pairs = async (signal?: AbortSignal): Promise<Pair[]> => (await ask<{ pairs: Pair[] }>("/v1/judgements", { signal })).pairs;
export const judge = (product: string, a: string, b: string, better: "a" | "b" | "neither"): Promise<Response> =>
    request("/v1/judgements", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ product, a, b, better }) });

export const plane = (model: string, field: string, signal?: AbortSignal): Promise<Plane> => ask("/v1/map" + query({ model, field }), { signal });

// A product that somebody might have asked for, and another one than `but` where there is one: one of those behind a
// name that is made up.
export async function anyProduct(but = "", signal?: AbortSignal): Promise<string | undefined> {
    const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const made = Array.from({ length: 3 }, () => letters[Math.floor(Math.random() * letters.length)]).join("");
    const page = async (after: string): Promise<string[]> =>
        (await ask<{ products: { product: string }[] }>("/v1/products" + query({ after, limit: 50 }), { signal })).products.map((one) => one.product).filter((id) => id !== but);
    const near = await page(made), found = near.length > 0 ? near : await page("");
    return found[Math.floor(Math.random() * found.length)];
}

