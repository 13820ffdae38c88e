// Where the visitor went, in this tab: going back to a product cuts what came after it.
import { shallowRef } from "vue";
import type { Tile } from "./tile";

const MOST = 12, KEY = "trail";

type Step = Pick<Tile, "id" | "title" | "photo">;

function read(): Step[] {
    try {
        const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
        return Array.isArray(kept) ? (kept as Step[]) : [];
    } catch {
        return [];
    }
}

export const trail = shallowRef<Step[]>(read());

export function walk({ id, title, photo }: Step): void {
    const before = trail.value.findIndex((step) => step.id === id);
    trail.value = before >= 0 ? trail.value.slice(0, before + 1) : [...trail.value, { id, title, photo }].slice(-MOST);
    sessionStorage.setItem(KEY, JSON.stringify(trail.value));
}
