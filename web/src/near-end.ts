// Whether the end of what is there is near the window. An observer tells of changes only: who is at the end stays near
// it until enough has come.
import { onMounted, onUnmounted, ref, type Ref } from "vue";

export function useNearEnd(end: Ref<HTMLElement | undefined>): Ref<boolean> {
    const near = ref(false);
    let watching: IntersectionObserver | undefined;
    onMounted(() => {
        watching = new IntersectionObserver((seen) => (near.value = seen.at(-1)?.isIntersecting ?? false), { rootMargin: "800px" });
        if (end.value !== undefined) {
            watching.observe(end.value);
        }
    });
    onUnmounted(() => watching?.disconnect());
    return near;
}
