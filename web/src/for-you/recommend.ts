// What a visitor is recommended.
import { post, request, type Json } from "../api";
import { tileOfResult, type Tile } from "../tile";
import type { Kind } from "../visitor";

export type Recommendation = Json<"/v1/session/recommend", "post">;
type Recommended = Recommendation["products"][number];
export type Part = NonNullable<Recommended["explain"]>["parts"][number];

// Something that somebody did of whom nothing is stored.
export interface Action {
    kind: Kind;
    product: string;
}

export interface Question {
    session?: string;
    actions?: Action[];
    log?: boolean;
    scenario?: string;
    k: number;
    explain: boolean;
}

// A product of an answer, and where it stood in it.
export interface Shown extends Tile {
    rec?: string;
    position: number;
    taste?: number;
    sources: string[];
    fields: Record<string, unknown>;
    parts: Part[];
}

export interface Taste extends Tile {
    importance: number;
    products: number;
}

export const recommend = (question: Question, signal?: AbortSignal): Promise<Recommendation> => post("/v1/session/recommend", question, signal);
export const recommendMore = (rec: string, question: Question, signal?: AbortSignal): Promise<Recommendation> =>
    post(`/v1/recommend/${encodeURIComponent(rec)}:next`, question, signal);
export const forgetTaste = (session: string, product: string): Promise<Response> =>
    request("/v1/session/tastes:forget", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ session, product }) });

export const shownIn = (answer: Recommendation): Shown[] => answer.products.map((one) => ({
    ...tileOfResult(one),
    score: undefined, // how alike it is to what it was found by: said where that is shown beside it
    rec: answer.rec_id,
    position: one.position,
    taste: one.taste ?? undefined,
    sources: one.sources,
    fields: (one.metadata ?? {}) as Record<string, unknown>,
    parts: one.explain?.parts ?? [],
}));

export const tastesIn = (answer: Recommendation): Taste[] => answer.tastes.map((one) => ({ ...tileOfResult(one), importance: one.importance, products: one.products }));
