// What the scenarios' view asks the server.
import { ask, post, Problem, query, request, type Json } from "../api";
import type { paths } from "../api-types";
import type { Action, Recommendation } from "../for-you/recommend";

export type Settings = paths["/v1/scenarios/{name}"]["put"]["requestBody"]["content"]["application/json"];
export type Rule = NonNullable<Settings["rules"]>[number];
export type Listed = Json<"/v1/scenarios", "get">;
export type Report = Json<"/v1/scenarios/{name}/report", "get">;

export interface Version {
    scenario: string;
    version: number;
    changed: number; // Unix seconds
    settings: Settings | null; // null: it was removed
}

export interface Saved {
    version: number;
    warnings: string[];
}

// Somebody to try settings for; without all of these a visitor of whom nothing is known.
export interface Who {
    user?: string;
    session?: string;
    actions?: Action[];
}

export interface Preview {
    before: Recommendation;
    after: Recommendation;
    changes: { product: string; before: number | null; after: number | null }[];
    warnings: string[];
}

const pathOf = (name: string): string => "/v1/scenarios/" + encodeURIComponent(name);

export const scenarios = (signal?: AbortSignal): Promise<Listed> => ask("/v1/scenarios?reported=true", { signal });

// The newest first; none of a scenario that never had settings.
export async function versionsOf(name: string, signal?: AbortSignal): Promise<Version[]> {
    try {
        return (await ask<{ versions: Version[] }>(pathOf(name) + "/versions", { signal })).versions;
    } catch (fault) {
        if (fault instanceof Problem && fault.status === 404) {
            return [];
        }
        throw fault;
    }
}

// Fails with 412 where another version than the one that is expected is in force (0: none is).
export const put = (name: string, expected: number, settings: Settings): Promise<Saved> =>
    ask(pathOf(name) + query({ if_version: expected }), { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(settings) });
export const drop = (name: string, expected: number): Promise<Response> => request(pathOf(name) + query({ if_version: expected }), { method: "DELETE" });

export const preview = (name: string, settings: Settings, who: Who, signal?: AbortSignal): Promise<Preview> =>
    post(pathOf(name) + ":preview", { settings, ...who }, signal);
export const report = (name: string, days: number, signal?: AbortSignal): Promise<Report> => ask(pathOf(name) + "/report" + query({ days }), { signal });
