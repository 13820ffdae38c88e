// Lists and photos on their way into the catalogue: a job at the server, its files, and how far it is.
import { shallowRef } from "vue";
import { ask, post, Problem, request } from "../api";
import { session } from "../session";
import type { paths } from "../api-types";

export type Job = paths["/v1/jobs/{job}"]["get"]["responses"][200]["content"]["application/json"];
type JobResults = paths["/v1/jobs/{job}/results"]["get"]["responses"][200]["content"]["application/json"];
export type JobResult = JobResults["results"][number];

// Of those that take products.
export const jobs = async (signal?: AbortSignal): Promise<Job[]> =>
    (await ask<{ jobs: Job[] }>("/v1/jobs", { signal })).jobs.filter((job) => job.settings.switch === undefined && job.settings.pull === undefined);
export const stop = (job: string): Promise<Response> => request(`/v1/jobs/${job}:stop`, { method: "POST" });
export const forget = (job: string): Promise<Response> => request(`/v1/jobs/${job}`, { method: "DELETE" });

const AT_ONCE = 4;
const isList = (file: File): boolean => /\.(csv|tsv|txt|jsonl|ndjson|json|xml)$/i.test(file.name);
const isPhoto = (file: File): boolean => file.type.startsWith("image/") || /\.(jpe?g|jfif|png|webp|gif|tiff?|avif|heic|heif|bmp)$/i.test(file.name);
const nameOf = (file: File): string => file.webkitRelativePath || file.name;

export interface Sending {
    sent: number;
    all: number;
    waits?: boolean; // for the server
}

// What is on its way now, whichever view is looked at meanwhile.
export const sending = shallowRef<Sending>();
let cancelling = new AbortController();
export const cancel = (): void => cancelling.abort();

addEventListener("beforeunload", (event) => sending.value !== undefined && event.preventDefault());

// A list for photos that came without one: each is a product, named as its file is.
function listOf(photos: File[]): File {
    const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    const rows = photos.map((photo) => `${quoted(nameOf(photo).replace(/\.[^.]+$/, ""))},${quoted(nameOf(photo))}`);
    return new File([["id,image", ...rows].join("\n") + "\n"], "photos.csv", { type: "text/csv" });
}

const PASSING = [0, 401, 429, 502, 503, 504], PAUSE_MS = 2000;

const pause = (signal: AbortSignal): Promise<void> => new Promise((go) => {
    const timer = setTimeout(go, PAUSE_MS);
    signal.addEventListener("abort", () => (clearTimeout(timer), go()), { once: true });
});

// Whether a file is still what was chosen. One that is not fails as if the server did not answer.
const canRead = (file: Blob): Promise<boolean> => file.slice(0, 1).arrayBuffer().then(() => true, () => false);

// Asks until there is an answer. A server that is away, has too much to do, or wants a key again is asked again.
async function insist(method: string, path: string, signal: AbortSignal, body?: File): Promise<void> {
    for (;;) {
        try {
            await request(path, { method, body, signal });
            sending.value = { ...sending.value!, waits: false };
            return;
        } catch (fault) {
            signal.throwIfAborted();
            if (!(fault instanceof Problem) || !PASSING.includes(fault.status) || (body !== undefined && !(await canRead(body)))) {
                throw fault;
            }
        }
        sending.value = { ...sending.value!, waits: true };
        do {
            await pause(signal);
            signal.throwIfAborted();
        } while (session.value?.access === "none");
    }
}

// Several files at once, because each waits for the server's disk. A photo that cannot be sent costs its own product,
// of which the job tells it.
async function sendAll(job: string, photos: File[], signal: AbortSignal): Promise<void> {
    let at = 0;
    const worker = async (): Promise<void> => {
        while (at < photos.length) {
            const photo = photos[at++]!;
            await insist("PUT", `/v1/jobs/${job}/photos/${encodeURIComponent(nameOf(photo))}`, signal, photo)
                .catch((fault: unknown) => fault instanceof Problem ? undefined : Promise.reject(fault));
            sending.value = { ...sending.value!, sent: sending.value!.sent + 1 };
        }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

// Whether there is anything in them to import.
export const canImport = (files: File[]): boolean => files.some((file) => isList(file) || isPhoto(file));

async function send(job: string, list: File, photos: File[], signal: AbortSignal): Promise<void> {
    try {
        await insist("PUT", `/v1/jobs/${job}/list`, signal, list);
        await sendAll(job, photos, signal);
        await insist("POST", `/v1/jobs/${job}:start`, signal).catch((fault: unknown) => {
            if (!(fault instanceof Problem && fault.status === 409)) { // it had started, and the answer was lost
                throw fault;
            }
        });
    } catch (fault) {
        await forget(job).catch(() => undefined);
        throw fault;
    }
}

// Takes files in: one import at a time. It ends when all is sent, or with what went wrong; nothing when it is cancelled.
export async function importFiles(files: File[]): Promise<void> {
    const photos = files.filter(isPhoto), list = files.find((file) => isList(file) && !isPhoto(file)) ?? listOf(photos);
    const { signal } = (cancelling = new AbortController());
    sending.value = { sent: 0, all: photos.length };
    try {
        // Not to be broken off: a job that nobody here knows of would stay.
        const { job } = await post<Job>("/v1/products:import", { source: list.name.slice(0, 100) });
        await send(job, list, photos, signal);
    } catch (fault) {
        if (!signal.aborted) {
            throw fault;
        }
    } finally {
        sending.value = undefined;
    }
}

// What could not be used, all of it.
export async function faults(job: string): Promise<JobResult[]> {
    const out: JobResult[] = [];
    for (let after: number | undefined = 0; after !== undefined && out.length < 100_000;) {
        const page: JobResults = await ask(`/v1/jobs/${job}/results?failed=true&limit=1000&after=${after}`);
        out.push(...page.results);
        after = page.next;
    }
    return out;
}

// The same as a file to be kept. A cell that a spreadsheet would take for a formula is made a text.
export function faultsFile(results: JobResult[]): Blob {
    const cell = (value: unknown): string => `"${String(value ?? "").replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
    const rows = results.map((one) => [one.line, one.product, one.code, one.detail].map(cell).join(","));
    return new Blob(["\ufeff", ["line,product,code,detail", ...rows].join("\r\n")], { type: "text/csv" });
}
