// What goes on with models at the server: networks that come, and a change of the one that is used.
import { onMounted, onUnmounted, shallowRef, type ShallowRef } from "vue";
import { jobs, type Job } from "./ask";

export const isGoing = (job: Job): boolean => job.state === "queued" || job.state === "running";

export interface ModelJobs {
    all: ShallowRef<Job[]>; // the newest first
    look: () => Promise<void>;
}

// Looks again and again while something goes on, and calls `changed` when something has come to its end: also what began
// and ended between two looks, as a change of the model does that was made ready before.
export function useModelJobs(changed: () => void): ModelJobs {
    const all = shallowRef<Job[]>([]);
    let timer: number | undefined, left = false, ended: Set<string> | undefined;

    async function look(): Promise<void> {
        clearTimeout(timer);
        const found = await jobs().catch(() => undefined);
        if (left) {
            return;
        }
        if (found !== undefined) {
            all.value = found.filter((job) => job.settings.switch !== undefined || job.settings.pull !== undefined);
            const now = all.value.filter((job) => !isGoing(job)).map((job) => job.job), before = ended;
            ended = new Set(now);
            if (before !== undefined && now.some((job) => !before.has(job))) {
                changed();
            }
        }
        clearTimeout(timer); // of a look that began meanwhile
        timer = found === undefined || all.value.some(isGoing) ? window.setTimeout(() => void look(), 1000) : undefined;
    }

    onMounted(look);
    onUnmounted(() => {
        left = true;
        clearTimeout(timer);
    });
    return { all, look };
}
