// What the merchandiser changes, each with its way back.
import { ref, shallowRef } from "vue";
import { ask, pathOf, Problem, request, type Product } from "../api";
import { say } from "../words";

// What was done last and can be taken back: the server's names for it.
export interface Done {
    words: string;
    changes: string[];
}

export const done = shallowRef<Done>();
export const version = ref(0); // rises with every write, so that what is shown is read again

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

export const addPhoto = async (id: string, file: File): Promise<Loaded> =>
    loaded(await write(pathOf(id) + "/photos", { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file }), say("photoAdded"));

export const dropPhoto = async (id: string, number: number): Promise<Loaded> =>
    loaded(await write(`${pathOf(id)}/photos/${number}`, { method: "DELETE" }), say("photoRemoved"));

export async function remove(ids: string[]): Promise<void> {
    const changes: string[] = [];
    for (const id of ids) {
        try {
            changes.push(...changeOf(await write(pathOf(id), { method: "DELETE" })));
        } catch (fault) {
            if (!(fault instanceof Problem && fault.status === 404)) {
                done.value = { words: say("deleted", { n: changes.length }), changes };
                throw fault;
            }
        }
    }
    done.value = { words: say("deleted", { n: changes.length }), changes };
}

// Takes back what was done last, the newest first. What somebody else has changed since stays, and is told.
export async function undo(what: Done): Promise<void> {
    const back: string[] = [];
    let kept = 0;
    for (const change of [...what.changes].reverse()) {
        try {
            const answer = await write("/v1/undo/" + change, { method: "POST" });
            back.push(...changeOf(answer));
            await answer.text();
        } catch (fault) {
            if (!(fault instanceof Problem) || (fault.status !== 412 && fault.status !== 404)) {
                throw fault;
            }
            kept++;
        }
    }
    done.value = { words: kept > 0 ? say("undoneNot", { n: kept }) : say("undone"), changes: [] };
}

export const flags = (signal?: AbortSignal): Promise<Record<string, number>> => ask("/v1/flags", { signal });
