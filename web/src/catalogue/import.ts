// Lists and photos on their way into the catalogue: a job at the server, its files, and how far it is.
import { ask, post, request } from "../api";
import type { paths } from "../api-types";

export type Job = paths["/v1/jobs/{job}"]["get"]["responses"][200]["content"]["application/json"];
type JobResults = paths["/v1/jobs/{job}/results"]["get"]["responses"][200]["content"]["application/json"];
export type JobResult = JobResults["results"][number];

export const jobs = async (signal?: AbortSignal): Promise<Job[]> => (await ask<{ jobs: Job[] }>("/v1/jobs", { signal })).jobs;
export const stop = (job: string): Promise<Response> => request(`/v1/jobs/${job}:stop`, { method: "POST" });
export const forget = (job: string): Promise<Response> => request(`/v1/jobs/${job}`, { method: "DELETE" });

const AT_ONCE = 4;
const isList = (file: File): boolean => /\.(csv|tsv|txt|jsonl|ndjson|json)$/i.test(file.name);
const isPhoto = (file: File): boolean => file.type.startsWith("image/") || /\.(jpe?g|jfif|png|webp|gif|tiff?|avif|heic|heif|bmp)$/i.test(file.name);
const nameOf = (file: File): string => file.webkitRelativePath || file.name;

export interface Sending {
    sent: number;
    all: number;
}

// A list for photos that came without one: each is a product, named as its file is.
function listOf(photos: File[]): File {
    const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    const rows = photos.map((photo) => `${quoted(nameOf(photo).replace(/\.[^.]+$/, ""))},${quoted(nameOf(photo))}`);
    return new File([["id,image", ...rows].join("\n") + "\n"], "photos.csv", { type: "text/csv" });
}

// Several files at once, because each waits for the server's disk.
async function sendAll(job: string, photos: File[], tell: (sending: Sending) => void, signal: AbortSignal): Promise<void> {
    let at = 0, sent = 0;
    const worker = async (): Promise<void> => {
        while (at < photos.length) {
            const photo = photos[at++]!;
            await request(`/v1/jobs/${job}/photos/${encodeURIComponent(nameOf(photo))}`, { method: "PUT", body: photo, signal });
            tell({ sent: ++sent, all: photos.length });
        }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

// Whether there is anything in them to import.
export const canImport = (files: File[]): boolean => files.some((file) => isList(file) || isPhoto(file));

export async function importFiles(files: File[], tell: (sending: Sending) => void, signal: AbortSignal): Promise<string> {
    const photos = files.filter(isPhoto), list = files.find((file) => isList(file) && !isPhoto(file)) ?? listOf(photos);
    const format = /json$|jsonl$/i.test(list.name) ? "jsonl" : "csv";
    const { job } = await post<Job>("/v1/products:import", { format, source: list.name.slice(0, 100) }, signal);
    try {
        tell({ sent: 0, all: photos.length });
        await request(`/v1/jobs/${job}/list`, { method: "PUT", body: list, signal });
        await sendAll(job, photos, tell, signal);
        await request(`/v1/jobs/${job}:start`, { method: "POST", signal });
    } catch (fault) {
        await forget(job).catch(() => undefined);
        throw fault;
    }
    return job;
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
