// Whoever looks, as far as the shop needs to know: a name drawn by chance, kept in this browser, that says nothing of the
// person. What they do here is reported in its name, and for them alone the feed is made.
import { request } from "./api";

const KEY = "visitor", WAIT_MS = 500, MOST_AT_ONCE = 200;

export type Kind = "impression" | "view" | "click" | "favourite" | "cart" | "purchase" | "dismiss";

// The answer that a product was shown in, and where.
export interface Place {
    rec_id?: string;
    position?: number;
    scenario?: string;
}

const drawn = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

let name: string | undefined;

export function visitor(): string {
    try {
        name ??= localStorage.getItem(KEY) ?? undefined;
        if (name === undefined) {
            name = drawn();
            localStorage.setItem(KEY, name);
        }
    } catch {
        name ??= drawn(); // a browser that keeps nothing: it is of this page only
    }
    return name;
}

let waiting: object[] = [], sending = Promise.resolve(), timer = 0;

async function send(events: object[]): Promise<void> {
    await request("/v1/events", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(events), keepalive: true });
}

// What was reported is stored; what the server did not take is lost, for nobody waits for it.
export function reported(): Promise<void> {
    clearTimeout(timer);
    timer = 0;
    for (const events = waiting.splice(0); events.length > 0;) {
        const some = events.splice(0, MOST_AT_ONCE);
        sending = sending.then(() => send(some)).catch(() => undefined);
    }
    return sending;
}

// No time stands in it: the server's clock is the one that counts.
export function report(kind: Kind, product: string, place: Place = {}): void {
    waiting.push({ kind, product, session: visitor(), ...place });
    timer ||= window.setTimeout(() => void reported(), WAIT_MS);
}

// The product that was opened last, and where it was shown: the look at it is of that answer.
let opened: { product: string; place: Place } | undefined;

export function reportClick(product: string, place: Place): void {
    opened = { product, place };
    report("click", product, place);
}

export const reportView = (product: string): void => report("view", product, opened?.product === product ? opened.place : {});

addEventListener("visibilitychange", () => document.visibilityState === "hidden" && void reported());
addEventListener("pagehide", () => void reported());
