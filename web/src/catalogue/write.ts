// What the merchandiser changes, each with its way back.
import { ref, shallowRef } from "vue";
import { ask, pathOf, Problem, request, type Product } from "../api";
import { say } from "../words";

export type Value = string | number | boolean | unknown[];

// A field in the editor; `was` is undefined for a new one.
export interface Field {
    name: string;
    was?: Value;
    text: string;
    long: boolean;
}

// What was done last and can be taken back: the server's names for it.
export interface Done {
    words: string;
    changes: string[];
}

export const done = shallowRef<Done>();
export const version = ref(0); // rises with every write, so that what is shown is read again

// What is being edited while one has to sign in again.
export const draft = shallowRef<{ now: Loaded; fields: Field[] }>();

// What went wrong, in words.
export const reasonOf = (fault: unknown): string => fault instanceof Problem && fault.status === 0 ? say("noAnswer")
    : say("failed", { reason: fault instanceof Error ? fault.message : String(fault) });

export interface Loaded {
    product: Product;
    tag: string; // what it is like, for If-Match
}

export async function load(id: string): Promise<Loaded> {
    const answer = await request(pathOf(id));
    return { product: (await answer.json()) as Product, tag: answer.headers.get("ETag") ?? "" };
}

async function write(path: string, init: RequestInit): Promise<Response> {
    const answer = await request(path, init);
    version.value++;
    return answer;
}

const changeOf = (answer: Response): string[] => {
    const change = answer.headers.get("X-Undo");
    return change === null ? [] : [change];
};

async function loaded(answer: Response, words: string): Promise<Loaded> {
    done.value = { words, changes: changeOf(answer) };
    return { product: (await answer.json()) as Product, tag: answer.headers.get("ETag") ?? "" };
}

// Fields that are null go. Fails with 412 where somebody else has changed the product since `tag`.
export async function save(id: string, tag: string, metadata: Record<string, unknown>): Promise<Loaded> {
    return loaded(await write(pathOf(id), {
        method: "PATCH",
        headers: { "Content-Type": "application/json", "If-Match": tag },
        body: JSON.stringify({ metadata }),
    }), say("saved"));
}

// Photos are added and removed as fields are saved: not where somebody else has changed the product since `tag`.
export async function addPhoto(id: string, tag: string, file: File): Promise<Loaded> {
    const headers = { "Content-Type": "application/octet-stream", "If-Match": tag };
    return loaded(await write(pathOf(id) + "/photos", { method: "POST", headers, body: file }), say("photoAdded"));
}

export const dropPhoto = async (id: string, tag: string, number: number): Promise<Loaded> =>
    loaded(await write(`${pathOf(id)}/photos/${number}`, { method: "DELETE", headers: { "If-Match": tag } }), say("photoRemoved"));

// Deletes one after the other and tells of each that is gone. `tag` as for save(), where one product is looked at.
export async function remove(ids: string[], gone: (id: string) => void, tag?: string): Promise<void> {
    const changes: string[] = [], headers: HeadersInit = tag === undefined ? {} : { "If-Match": tag };
    try {
        for (const id of ids) {
            try {
                changes.push(...changeOf(await write(pathOf(id), { method: "DELETE", headers })));
            } catch (fault) {
                if (!(fault instanceof Problem && fault.status === 404)) {
                    throw fault;
                }
            }
            gone(id);
        }
    } finally {
        if (changes.length > 0) {
            done.value = { words: say("deleted", { n: changes.length }), changes };
        }
    }
}

// Takes back what was done last, the newest first. What somebody else has changed since stays, and is told. Where the
// server does not answer, what is left can be tried again.
export async function undo(what: Done): Promise<void> {
    let kept = 0;
    for (let i = what.changes.length; i-- > 0;) {
        try {
            await (await write("/v1/undo/" + what.changes[i]!, { method: "POST" })).text();
        } catch (fault) {
            if (!(fault instanceof Problem) || (fault.status !== 412 && fault.status !== 404)) {
                done.value = { words: reasonOf(fault), changes: what.changes.slice(0, i + 1) };
                return;
            }
            kept++;
        }
    }
    done.value = { words: kept > 0 ? say("undoneNot", { n: kept }) : say("undone"), changes: [] };
}

export const flags = (signal?: AbortSignal): Promise<Record<string, number>> => ask("/v1/flags", { signal });
