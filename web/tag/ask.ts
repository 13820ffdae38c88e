// The one request for a row. No cookie goes with it, and nothing about the visitor that `who` does not say.
import type { Who } from "./reporter";
import { addressOf } from "./address";

const PATIENCE_MS = 4000;

export interface Question {
    server: string; // without a slash at its end
    product: string;
    key: string;
    k: string;
    where: string;
    threshold: string;
    group: boolean;
    scenario: string;
    who: Who; // empty: nobody in particular
    reported: boolean; // whether it will be told what comes of the answer
}

export interface Found {
    product: string;
    photo?: { url: string };
    metadata?: Record<string, unknown>;
}

export interface Answer {
    rec_id?: string; // of one that can be reported about
    products: Found[];
}

// Why there is nothing to show: a code of the API, or "no-product", "no-server", "timeout", "unreachable".
export class Problem extends Error {
    constructor(readonly code: string) {
        super(code);
    }
}

// Of a question: an address, and what is posted to it.
export type Request = (question: Question) => [address: string, body?: object];

export const similar: Request = ({ server, product, key, k, where, threshold, group, scenario, who, reported }) => {
    if (product === "") {
        throw new Problem("no-product");
    }
    const logged = reported ? { log: "1", scenario, ...who } : {};
    const query = { k, where, threshold, group: group ? "true" : "", key, ...logged };
    return [addressOf(`${server}/v1/products/${encodeURIComponent(product)}/similar`, query)];
};

export const recommend: Request = ({ server, product, key, k, where, scenario, who: { user, signature, session } }) => {
    const asked = { k: k || "5", where, scenario };
    if (user) {
        return [addressOf(`${server}/v1/users/${encodeURIComponent(user)}/recommend`, { ...asked, exclude: product, signature, key })];
    }
    const body = { ...asked, k: Number(asked.k), where: where || undefined, exclude: product !== "" ? [product] : [], session };
    return [addressOf(server + "/v1/session/recommend", { key }), body];
};

async function read(address: string, body: object | undefined, signal: AbortSignal): Promise<Answer> {
    // Of a text browsers tell that it is text/plain, and do not ask first whether they may send it.
    const posted = body !== undefined ? { method: "POST", body: JSON.stringify(body) } : {};
    const got = await fetch(address, { ...posted, credentials: "omit", signal });
    const answer = (await got.json()) as Answer & { code?: string };
    if (!got.ok || !Array.isArray(answer.products)) {
        throw new Problem(String(answer.code ?? got.status));
    }
    return answer;
}

export async function ask(request: Request, question: Question, signal: AbortSignal): Promise<Answer> {
    const [address, body] = request(question);
    if (question.server === "") {
        throw new Problem("no-server");
    }
    const own = new AbortController(), stop = (): void => own.abort();
    signal.addEventListener("abort", stop);
    const timer = setTimeout(stop, PATIENCE_MS);
    try {
        return await read(address, body, own.signal);
    } catch (fault) {
        throw fault instanceof Problem ? fault : new Problem(own.signal.aborted ? "timeout" : "unreachable");
    } finally {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
    }
}
