/*
 * What the shop's own buttons report: window.niteru, an array that the page may push to before this script is there. It
 * stays the same array; its push then reports.
 *
 * Until the page has loaded, what is pushed waits for the first element that reports, since that may stand further down.
 * Where there is none by then, nothing is kept: what was done before anybody agreed to reports is not told afterwards.
 */
import { reporterOf, type Reporter } from "./reporter";

interface Queue extends Array<unknown> {
    report(...items: unknown[]): void;
    readonly session: string | undefined;
}

type Find = () => Reporter | undefined;

let ofScript: Find = () => undefined, ofElement: Find = () => undefined;
let waiting: unknown[] | undefined = [];

const reporter = (): Reporter | undefined => ofScript() ?? ofElement();

function take(item: unknown, queue: Queue): void {
    if (typeof item === "function") {
        queueMicrotask(() => void item(queue)); // what it throws is the page's own
    } else if (typeof item === "object" && item !== null) {
        try {
            reporter()?.report(item);
        } catch {
            // It is no JSON.
        }
    }
}

let settle = (): void => {};

// An element that reports, if none does yet.
export function introduce(find: Find): void {
    if (ofElement() === undefined && find() !== undefined) {
        ofElement = find;
        settle();
    }
}

export function openQueue(script: HTMLScriptElement | undefined, home: string): void {
    const page = window as { niteru?: unknown };
    if (page.niteru !== undefined && !Array.isArray(page.niteru)) {
        return; // the name is somebody else's
    }
    const queue = (page.niteru ??= []) as Queue;
    if (script !== undefined) {
        const attributes = (name: string): string => script.getAttribute("data-" + name) ?? "";
        ofScript = () => reporterOf(script.getAttribute("data-report"), attributes("server").replace(/\/*$/, "") || home, attributes);
    }
    waiting = queue.splice(0);
    settle = () => {
        const all = waiting ?? [];
        waiting = undefined;
        all.flat().forEach((item) => take(item, queue));
    };
    const report = (...items: unknown[]): number => {
        if (waiting !== undefined) {
            waiting.push(...items);
        } else {
            items.flat().forEach((item) => take(item, queue));
        }
        return 0;
    };
    Object.defineProperties(queue, {
        push: { value: report },
        report: { value: report },
        session: { get: () => reporter()?.who.session },
    });
    if (document.readyState === "complete" || reporter() !== undefined) {
        settle();
    } else {
        addEventListener("load", () => settle());
    }
}
